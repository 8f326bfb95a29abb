"""Silicon anodes of lithium batteries, atom by atom, with machine-learned potentials."""

__version__ = "0.1.0"
__all__ = ["Calculator", "__version__", "md"]


def __getattr__(name: str) -> object:
    """Import what is offered from above when it is asked for, with the modules that HPCPOT_PLUGINS names."""
    if name in ("Calculator", "md"):
        from hpcpot import plugins

        plugins.load()
    if name == "Calculator":
        from hpcpot.potential.calculator import Calculator  # NumPy, Numba and ASE: not for `hpcpot --help`

        return Calculator
    if name == "md":
        from hpcpot.dynamics.simulate import md

        return md
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
