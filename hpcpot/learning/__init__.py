"""Concurrent learning: which explored frames are labelled, and what is shared with DP-GEN."""
