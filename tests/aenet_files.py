"""Writes aenet networks for tests, binary as aenet does and text as aenet-PyTorch does."""

from __future__ import annotations

from typing import Any

import numpy as np


def fields(element: str = "Li", environment: tuple[str, ...] = ("Li", "Si"), **changes: Any) -> dict[str, Any]:
    """The records of a small network, by name and in order; `changes` replaces some.

    Integers are int32 arrays, numbers float64 arrays, texts (width, text), names tuples, the logical a bool.
    """
    rng = np.random.default_rng(len(element) + len(environment))
    n_r, n_a = changes.pop("orders", (3, 2))
    inputs = (n_r + n_a + 2) * (2 if len(environment) > 1 else 1)
    widths = [inputs, 4, 1]
    size = sum(b * (a + 1) for a, b in zip(widths, widths[1:], strict=False))
    average = rng.normal(size=inputs)
    average[n_r + 1] = 9.0
    parameters = np.zeros((inputs, 4))
    radial_cutoff, angular_cutoff = changes.pop("cutoffs", (6.0, 3.0))
    parameters[0] = radial_cutoff, n_r, angular_cutoff, n_a
    records = {
        "layers": _int(3),
        "largest": _int(max(widths)),
        "size": _int(size),
        "values": _int(sum(widths) + 2),
        "nodes": _int(*widths),
        "activations": _int(1, 0),
        "weight_offsets": _int(0, size - 5, size),
        "value_offsets": _int(0, inputs + 1, inputs + 6),
        "weights": rng.normal(size=size),
        "description": (1024, "a test"),
        "species": (element,),
        "environments": _int(len(environment)),
        "environment": environment,
        "minimum": np.array([0.5]),
        "maximum": np.array([6.0]),
        "basis": (100, "Chebyshev"),
        "inputs": _int(inputs),
        "parameters": _int(4),
        "kinds": _int(*[0] * inputs),
        "basis_parameters": parameters.ravel(),
        "input_environment": _int(*[0] * 2 * inputs),
        "evaluations": _int(10),
        "lowest": average - 1.0,
        "highest": average + 1.0,
        "average": average,
        "second_moment": average**2 + rng.uniform(0.5, 2.0, inputs),
        "training_set": (1024, "set.train"),
        "normalised": True,
        "scale": np.array([2.0]),
        "shift": np.array([0.2]),
        "types": _int(len(environment)),
        "names": environment,
        "atomic_energies": -np.arange(1.0, len(environment) + 1.0),
        "atoms": _int(32),
        "structures": _int(2),
        "extremes": np.array([-0.3, 0.7, 0.2]),
    }
    assert set(changes) <= set(records)
    return records | changes


def _int(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def binary(records: dict[str, Any], true: int = 1) -> bytes:
    """Unformatted Fortran records."""
    content = b""
    for value in records.values():
        if isinstance(value, bool):
            record = np.int32(true if value else 0).tobytes()
        elif isinstance(value, tuple) and isinstance(value[0], int):
            record = value[1].encode().ljust(value[0])
        elif isinstance(value, tuple):
            record = "".join(name.ljust(2) for name in value).encode()
        else:
            record = value.tobytes()
        mark = np.int32(len(record)).tobytes()
        content += mark + record + mark
    return content


def text(records: dict[str, Any], wrap: int = 10**9) -> str:
    """List-directed lines, numbers wrapped after `wrap` values."""
    lines = []
    for value in records.values():
        if isinstance(value, tuple) and isinstance(value[0], int):
            lines.append(value[1])
        elif isinstance(value, (bool, tuple)):
            lines.append(str(value) if isinstance(value, bool) else " ".join(value))
        else:
            words = [repr(number) for number in value.tolist()]
            lines += [" ".join(words[start : start + wrap]) for start in range(0, len(words), wrap)]
    return "\n".join(f"   {line}" for line in lines) + "\n"
