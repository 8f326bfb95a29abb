"""Messages between ranks whose arrays are on GPUs: directly by a GPU-aware MPI, or by way of pinned memory of the host."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from hpcpot.errors import ConfigError
from hpcpot.gpu.buffers import Buffers
from hpcpot.gpu.device import Device
from hpcpot.parallel.ranks import Ranks
from hpcpot.structure.state import to_host
from hpcpot.wording import plural


class Exchange(Ranks):
    """Ranks that exchange arrays of the device and of the host alike.

    Attributes:
        is_direct: whether MPI sends arrays of the device itself.
        n_gpus: number of different GPUs of all ranks. line: describes them, for printing.
    """

    def __init__(self, ranks: Ranks, device: Device, how: str = "auto"):
        """Args: how: auto, which asks MPI, direct or pinned.

        Raises (on all ranks together):
            ConfigError: direct, and MPI says that it cannot.
        """
        super().__init__(ranks.comm)
        self._device = device
        places = self.all_gather(device.place)
        device.sharers, self.n_gpus = places.count(device.place), len(set(places))
        can = all(self.all_gather(self.takes_device_memory()))
        if how == "direct" and not can:
            self.agree(
                ConfigError(
                    "parallel.gpu_exchange = direct: this MPI says that it cannot send from the memory of a GPU; use one built "
                    "for CUDA, or set auto or pinned."
                )
            )
        self.is_direct = can and how != "pinned"
        self._pinned = Buffers(SimpleNamespace(empty=device.pinned))
        self.line = self._line()

    def _line(self) -> str:
        line = f"{plural(self.size, 'rank')} on {plural(self.n_gpus, 'GPU')}"
        if self.size > 1:
            line += f", ghosts {'straight between GPUs by MPI' if self.is_direct else 'by way of pinned memory of the host'}"
        if self.size > self.n_gpus:
            line += f"; note: ranks that share a GPU take turns, so that {plural(self.n_gpus, 'rank')} would be faster"
        return line

    def shift(self, send: Any, to: int, source: int, receive: Any) -> None:
        """See Ranks.shift."""
        if isinstance(send, np.ndarray) or (to == self.rank and source == self.rank):
            super().shift(send, to, source, receive)
        elif self.is_direct:
            packed = self._device.xp.ascontiguousarray(send)
            self._device.synchronize()  # MPI knows nothing of streams
            super().shift(packed, to, source, receive)
        else:
            outgoing, incoming = (
                self._pinned(n, a.shape, a.dtype) for n, a in (("outgoing", send), ("incoming", receive))
            )
            self._device.fetch(send, outgoing)
            super().shift(outgoing, to, source, incoming)
            self._device.put(incoming, receive)
            self._device.synchronize()  # the next message may not come before this one has been copied

    def exchange(self, blocks: list[Any]) -> list[Any]:
        """See Ranks.exchange; by way of the host, since only rebuilds use it."""
        if isinstance(blocks[0], np.ndarray):
            return super().exchange(blocks)
        received = super().exchange([to_host(block) for block in blocks])
        return [self._device.xp.asarray(block) for block in received]
