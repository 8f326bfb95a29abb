"""Potentials as vector code: a few atoms side by side, from positions to forces in one pass (see `sweep`)."""
