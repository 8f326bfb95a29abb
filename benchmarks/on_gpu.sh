#!/usr/bin/env bash
# All that a GPU has to show, in parts that take under ten minutes each on an H100; then their results as tables.
#
#   benchmarks/on_gpu.sh PART...       PYTHON=python3, RESULTS=results/gpu, MPIRUN="mpirun --oversubscribe" by default
#
# Python needs numpy, numba, ase, h5py, pyyaml, pytest and CuPy with NVRTC, cuBLAS and headers of CUDA, as `pip install
# '.[gpu]'` brings them; `ranks` also mpi4py and an MPI. In order of worth:
#   first    compiles and runs every kernel once against the CPU: two minutes that say whether the rest is worth its time
#   speed    us per atom-step: 4,608, 32,768 and 100,352 atoms in float64 and mixed precision; Chebyshev; moment tensors
#   kernels  where one evaluation goes, beside the GPU's ceilings of copy and matrix products
#   million  1,000,000 atoms
#   drift    2,000 steps of NVE of the interface; beside drift_cpu, which needs no GPU and takes about eight minutes on a core
#   ranks    two ranks that share the GPU: the trajectory of one, and the speed
#   tests    all tests of the kernels, steps and runs on the GPU
#   engine   the tests of hpcpot md as they are: device: auto takes the GPU
#   races    compute-sanitizer: what the stand-in cannot see
#   report   tables of whatever is in RESULTS, for benchmarks/README.md; needs no GPU
set -uo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3} results=${RESULTS:-results/gpu} mpirun=${MPIRUN:-mpirun --oversubscribe}
export PYTHONPATH="$PWD:$PWD/tests${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1
export NUMBA_CACHE_DIR=${NUMBA_CACHE_DIR:-/tmp/numba}

pytest() { $python -m pytest -q -p no:cacheprovider --tb=short -rs "$@" 2>&1 | tail -60; }

first() {
  nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader
  pytest tests/gpu/test_device.py tests/gpu/test_neighbors.py tests/gpu/test_potential.py -m gpu
}

deep_potential() { $python benchmarks/md_deep_potential.py --device gpu "$@"; }

speed() {
  for precision in float64 mixed; do
    deep_potential --precision $precision --steps 1000 --repeats 5
    deep_potential --precision $precision --steps 200 --repeats 3 --crystal Si --repeat 16 16 16
    deep_potential --precision $precision --steps 100 --repeats 3 --crystal Si --repeat 28 28 16
  done
  $python benchmarks/md_chebyshev.py --device gpu --repeat 24 16 8 --steps 100 --repeats 3
  $python benchmarks/md_moment_tensor.py --device gpu --repeat 12 6 2 --steps 100 --repeats 3
}

million() {
  for precision in float64 mixed; do
    deep_potential --precision $precision --steps 20 --repeats 3 --crystal Si --repeat 50 50 50
  done
}

kernels() {
  for repeat in "1 1 1" "2 2 5"; do
    for precision in float64 mixed; do $python benchmarks/gpu_kernels.py --repeat $repeat --precision $precision; done
    $python benchmarks/gpu_kernels.py --repeat $repeat --chebyshev
  done
}

nve() {
  $python -m hpcpot md configs/interface_si100.yaml --overwrite --set device=$1 --set md.integrator=nve \
    --set md.temperature_K=null --set md.temperature_end_K=null --set md.steps=${STEPS:-2000} --set output.thermo_every=200 \
    --set output.observables_every=20 --set output.energy_every=0 \
    --set output.trajectory="$results/nve_$1.h5md" --set output.checkpoint_every=0
}
drift() { nve gpu; }
drift_cpu() { nve cpu; }

ranks() {
  pytest tests/gpu/test_ranks.py
  $python benchmarks/md_deep_potential.py --device gpu --steps 200 --repeats 3
  $mpirun -n 2 $python benchmarks/md_deep_potential.py --device gpu --steps 200 --repeats 3
}

tests() { pytest tests/gpu -m "gpu and not slow"; }

engine() { pytest tests/md -m "not slow"; }

races() {
  for tool in memcheck racecheck; do
    timeout 280 compute-sanitizer --tool $tool --print-limit 5 $python -m pytest -q -p no:cacheprovider -m gpu \
      tests/gpu/test_potential.py tests/gpu/test_neighbors.py -k "reference or slots or tensor or same" 2>&1 | tail -15
  done
}

report() { $python benchmarks/gpu_report.py "$results"; }

[ $# -gt 0 ] || { sed -n '2,18s/^# \{0,1\}//p' "$0"; exit 2; }
for part in "$@"; do
  declare -F "$part" > /dev/null || { echo "$part: no such part" >&2; exit 2; }
  mkdir -p "$results"
  began=$SECONDS
  echo "== $part"
  "$part" 2>&1 | tee "$results/$part.log"
  echo "== $part: $((SECONDS - began)) s"
done
