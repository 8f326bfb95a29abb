"""Chebyshev networks: the potentials of aenet."""

ANGULAR_DOMAINS = ("auto", "cos", "legacy")
"""Which variable the angular polynomials of a file are of; its text does not say it. See aenet.read."""
