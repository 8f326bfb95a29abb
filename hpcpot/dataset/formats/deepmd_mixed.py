"""Systems of DeePMD-kit with the types of each frame of its own, see `deepmd`, which reads them too."""

from __future__ import annotations

from functools import partial

from hpcpot.dataset.formats import deepmd

write = partial(deepmd.write, mixed=True)
