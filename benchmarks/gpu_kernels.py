"""Where a GPU's time goes in one evaluation of forces, kernel by kernel, beside what the GPU can do.

    python benchmarks/gpu_kernels.py                                  the Deep Potential, 4,608 atoms, float64
    python benchmarks/gpu_kernels.py --repeat 2 2 5 --precision mixed 92,160 atoms
    python benchmarks/gpu_kernels.py --chebyshev                      networks of the published sizes

First lines: a copy within the GPU's memory, GB/s read and written, and matrix products of the network's shapes for half of
the atoms and of a large square, GFLOP/s: the ceilings. Then each kernel: us a call, by events around it, one after the
other, with GFLOP/s of the products over the fastest product, and of the rest the bytes of its arguments, each once, over the
copy. Last: one evaluation as a captured graph, us per atom, with all FLOP of products and all bytes over its time.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable
from statistics import median
from typing import Any

import timing  # first: it sets the threads
import md_chebyshev
import numpy as np

from hpcpot.dynamics.start import make_state
from hpcpot.gpu.device import Gpu, Kernels, choose
from hpcpot.gpu.sources import Source
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.ranks import SERIAL
from hpcpot.potential.files import load
from hpcpot.potential.moments.gpu.potential import GpuPotential
from hpcpot.structure import files

SKIN, REPEATS, COPY_BYTES, SQUARE = 1.0, 20, 2**31, 8192
WAIT = """extern "C" __global__ void wait(long long clocks) {
  for (const long long began = clock64(); clock64() - began < clocks;) {}
}"""
CLOCKS = 10**6
"""Over half a millisecond, in which the host starts what is timed; caches stay as they are."""


class Watched:
    """A device that takes the time of each kernel and matrix product; parts come one after the other."""

    def __init__(self, device: Any):
        self._device, self.calls, self._open = device, defaultdict(list), False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._device, name)

    def build(self, source: Source) -> Kernels:
        kernels = self._device.build(source)

        def launch(name: str, blocks: int, threads: int, arguments: tuple) -> None:
            size = sum(one.nbytes for one in arguments if not isinstance(one, np.generic))
            self._timed(f"{source.name}.{name}", lambda: kernels.launch(name, blocks, threads, arguments), 0, size)

        return Kernels(launch, source.warps)

    def product(self, a: Any, b: Any, out: Any, transposed: bool = False) -> None:
        shape = f"{a.shape[1]} x {out.shape[1]}{' transposed' if transposed else ''}"
        flop = 2 * a.shape[0] * a.shape[1] * out.shape[1]
        size = a.nbytes + b.nbytes + out.nbytes
        self._timed(f"product {shape}", lambda: self._device.product(a, b, out, transposed), flop, size)

    def side_by_side(self, parts: list[Callable[[], None]]) -> None:
        for part in parts:
            part()

    def start(self) -> None:
        self._open = True

    def _timed(self, name: str, call: Callable[[], None], flop: int, size: int) -> None:
        if not self._open:
            call()
            return
        self.calls[name].append((microseconds(self._device, call), flop, size))


def microseconds(device: Any, call: Callable[[], None]) -> float:
    """Time of what `call` starts, by events; the GPU waits until all has been started, not for the host in between."""
    cuda = device.xp.cuda
    begin, end = cuda.Event(), cuda.Event()
    device.xp.RawKernel(WAIT, "wait")((1,), (1,), (np.int64(CLOCKS),))
    begin.record(device.stream)
    call()
    end.record(device.stream)
    end.synchronize()
    return 1e3 * cuda.get_elapsed_time(begin, end)


def ceilings(device: Any, rows: int, dtype: type) -> tuple[float, float]:
    """Copy and matrix products: the most GB/s and GFLOP/s that were seen."""
    xp, name = device.xp, np.dtype(dtype).name
    source = xp.ones(COPY_BYTES // 8)
    target = xp.empty_like(source)
    seconds = [1e-6 * microseconds(device, lambda: xp.copyto(target, source)) for _ in range(REPEATS)]
    copies, best = [2e-9 * source.nbytes / s for s in seconds[2:]], 0.0
    print(timing.line("gpu copy", "GB/s", copies, device=device.name))
    rng = np.random.default_rng(0)
    for n, k, m in ((rows, 900, 240), (rows, 240, 240), (SQUARE, SQUARE, SQUARE)):
        a, b = (xp.asarray(rng.random(shape).astype(dtype)) for shape in ((n, k), (k, m)))
        out = xp.empty((n, m), dtype)
        seconds = [
            1e-6 * microseconds(device, lambda a=a, b=b, out=out: device.product(a, b, out)) for _ in range(REPEATS)
        ]
        rates = [2e-9 * n * k * m / s for s in seconds[2:]]
        print(timing.line("gpu product", "GFLOP/s", rates, shape=[n, k, m], precision=name, device=device.name))
        best = max(best, median(rates))
    return median(copies), best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--repeat", type=int, nargs=3, default=(1, 1, 1), help="copies of the interface along each axis"
    )
    parser.add_argument("--precision", choices=("float64", "mixed"), default="float64")
    parser.add_argument("--chebyshev", action="store_true", help="Chebyshev networks in place of the Deep Potential")
    arguments = parser.parse_args()
    gpu = Gpu(choose("gpu", SERIAL)[0])
    atoms = files.read("interface_si100") * tuple(arguments.repeat)
    copy, gemm = ceilings(gpu, len(atoms) // 2, np.float64 if arguments.precision == "float64" else np.float32)
    family = md_chebyshev.random_networks() if arguments.chebyshev else load("lisi")
    state = make_state(atoms, family.elements, SERIAL)
    domain = Domain(state.cell, state.periodic, SERIAL, family.cutoff + SKIN)
    domain.migrate(state)
    domain.build_halo(state)
    facts = {"atoms": len(atoms), "precision": arguments.precision, "family": type(family).__name__, "device": gpu.name}
    totals: list[float] = []
    for device in (Watched(gpu), gpu):
        potential = GpuPotential(family, device, arguments.precision)
        pairs = potential.pairs(state.positions, state.n_owned, family.cutoff + SKIN)
        owners = np.arange(len(state.positions), dtype=np.int32)
        held = potential.atoms(state.positions, state.species, owners, state.n_owned)

        def evaluate(potential: Any = potential, held: Any = held, pairs: Any = pairs) -> None:
            potential.evaluate(held, pairs.candidates)

        evaluate()
        if device is gpu:
            graph = gpu.capture(evaluate)
            graph()
            times = [microseconds(gpu, graph) for _ in range(REPEATS)]
            print(
                timing.line(
                    "gpu evaluation",
                    "us per atom",
                    [us / len(atoms) for us in times],
                    **rates_of(median(times), *totals, gemm, copy),
                    **facts,
                )
            )
        else:
            device.start()
            for _ in range(REPEATS):
                evaluate()
            sums = {name: np.sum(calls, axis=0) / REPEATS for name, calls in device.calls.items()}
            whole, *totals = sum(sums.values())
            for name, (us, flop, size) in sorted(sums.items(), key=lambda item: -item[1][0]):
                own = {"kernel": name, "calls": len(device.calls[name]) // REPEATS, "share": round(us / whole, 4)}
                times = [call[0] for call in device.calls[name]]
                print(
                    timing.line(
                        "gpu kernel", "us a call", times, **own, **rates_of(us, flop, size, gemm, copy), **facts
                    )
                )


def rates_of(us: float, flop: float, size: float, gemm: float, copy: float) -> dict[str, float]:
    """GFLOP/s and GB/s of so many FLOP and bytes in so many us, and their shares of the ceilings."""
    rates = {
        "GFLOP_per_s": 1e-3 * flop / us,
        "of_gemm": 1e-3 * flop / us / gemm,
        "GB_per_s": 1e-3 * size / us,
        "of_copy": 1e-3 * size / us / copy,
    }
    return {name: round(float(value), 4) for name, value in rates.items()}


if __name__ == "__main__":
    main()
