#!/usr/bin/env bash
# All that a GPU has to show: tests, then speed; each part alone by its name. On an H100 each should take under ten minutes.
#
#   benchmarks/on_gpu.sh tests | kernels | speed | drift | races        PYTHON=python3 by default, RESULTS=results/gpu
set -uo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3} results=${RESULTS:-results/gpu}
export PYTHONPATH="$PWD:$PWD/tests${PYTHONPATH:+:$PYTHONPATH}" OMP_NUM_THREADS=1 NUMBA_CACHE_DIR=${NUMBA_CACHE_DIR:-/tmp/numba}
mkdir -p "$results"
sizes=("" "--crystal Si --repeat 16 16 16" "--crystal Si --repeat 28 28 16" "--crystal Si --repeat 50 50 50")  # to 1,000,000

tests() {  # the kernels, steps, runs, restarts and shared GPU, on the stand-in and on the GPU
  $python -m pytest -q -p no:cacheprovider tests/gpu -m "not slow" -rs 2>&1 | tail -40
}

kernels() {  # where the time of one evaluation goes, beside copy and matrix products
  for repeat in "1 1 1" "2 2 5"; do
    for precision in float64 mixed; do $python benchmarks/gpu_kernels.py --repeat $repeat --precision $precision; done
    $python benchmarks/gpu_kernels.py --repeat $repeat --chebyshev
  done
}

speed() {  # us per atom-step; one million atoms last
  for size in "${sizes[@]}"; do
    for precision in float64 mixed; do
      $python benchmarks/md_deep_potential.py --device gpu $size --precision $precision --steps 100 --repeats 3
    done
  done
  $python benchmarks/md_chebyshev.py --device gpu --repeat 24 16 8 --steps 100 --repeats 3
}

drift() {  # NVE of the interface from the same start; on one core of a CPU 2,000 steps take about eight minutes
  for device in gpu cpu; do
    $python -m hpcpot md configs/interface_si100.yaml --overwrite --set device=$device --set md.integrator=nve \
      --set md.temperature_K=null --set md.temperature_end_K=null --set md.steps=${STEPS:-2000} --set output.thermo_every=200 \
      --set output.trajectory="$results/nve_$device.h5md" --set output.checkpoint_every=0
  done
}

races() {  # what the stand-in cannot see
  for tool in memcheck racecheck; do
    compute-sanitizer --tool $tool --print-limit 5 $python -m pytest -q -p no:cacheprovider tests/gpu/test_potential.py \
      tests/gpu/test_neighbors.py -m gpu 2>&1 | tail -15
  done
}

for part in "${@:-tests}"; do
  echo "== $part"
  "$part" 2>&1 | tee "$results/$part.log"
done
