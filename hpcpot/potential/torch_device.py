"""Where torch computes, and whether it is installed."""

from __future__ import annotations

from importlib.util import find_spec

from hpcpot.errors import DependencyError


def require_torch(what: str) -> None:
    """Raise without torch.

    Args:
        what: key and value that need it, "family = graph".
    Raises:
        DependencyError: torch is not installed.
    """
    if find_spec("torch") is None:
        raise DependencyError(f"{what}: needs torch, which is not installed: pip install 'hpcpot[train]'.")


def find_device(device: str) -> str:
    """cpu or cuda, as torch calls them.

    Args:
        device: cpu, gpu or auto: a GPU where torch has one.
    Raises:
        DependencyError: a GPU is asked for and torch has none.
    """
    import torch

    has_gpu = torch.cuda.is_available()
    if device == "gpu" and not has_gpu:
        raise DependencyError(
            f"device = gpu: torch {torch.__version__} sees no GPU; install a CUDA build of torch, or set device: cpu."
        )
    return "cuda" if has_gpu and device != "cpu" else "cpu"
