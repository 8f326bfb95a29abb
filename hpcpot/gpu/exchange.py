"""Messages between ranks whose arrays are on GPUs: directly by a GPU-aware MPI, or by way of pinned memory of the host."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from hpcpot.errors import ConfigError
from hpcpot.gpu.buffers import Buffers
from hpcpot.gpu.device import Device
from hpcpot.parallel.ranks import Message, Ranks
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

    def shift_all(self, messages: Sequence[Message]) -> None:
        """See Ranks.shift_all."""
        own = [m for m in messages if m.to == m.source == self.rank]
        away = [m for m in messages if not m.to == m.source == self.rank]
        if not away or isinstance(away[0].send, np.ndarray):
            super().shift_all(messages)
        elif self.is_direct:
            packed = [m._replace(send=self._device.xp.ascontiguousarray(m.send)) for m in messages]
            self._device.synchronize()  # MPI knows nothing of streams
            super().shift_all(packed)
        else:
            staged = [self._staged(k, m) for k, m in enumerate(away)]
            super().shift_all([*own, *staged])
            for m, by_host in zip(away, staged, strict=True):
                self._device.put(by_host.receive, m.receive)
            self._device.synchronize()  # the next message may not come before this one has been copied

    def _staged(self, k: int, message: Message) -> Message:
        """Message k of several in pinned memory of the host."""
        outgoing, incoming = (
            self._pinned(f"{name} {k}", a.shape, a.dtype)
            for name, a in (("outgoing", message.send), ("incoming", message.receive))
        )
        self._device.fetch(message.send, outgoing)
        return message._replace(send=outgoing, receive=incoming)

    def exchange(self, blocks: list[Any]) -> list[Any]:
        """See Ranks.exchange; by way of the host, since only rebuilds use it."""
        if isinstance(blocks[0], np.ndarray):
            return super().exchange(blocks)
        received = super().exchange([to_host(block) for block in blocks])
        return [self._device.xp.asarray(block) for block in received]
