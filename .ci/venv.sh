#!/usr/bin/env bash
# Makes VENV (default .venv): Open MPI and parallel HDF5 from Debian, h5py built against them, then hpcpot in editable mode.
# Usage: .ci/venv.sh [VENV] [EXTRAS]     e.g. .ci/venv.sh .venv mpi,farm,train,test,plot,docs
set -euo pipefail
cd "$(dirname "$0")/.."
VENV=${1:-.venv}
EXTRAS=${2:-mpi,farm,train,test,plot,docs}
DEBIAN_PACKAGES="openmpi-bin libopenmpi-dev libhdf5-openmpi-dev pkg-config gcc python3-venv"

missing=()
for package in $DEBIAN_PACKAGES; do
  dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" -ne 0 ]; then
    echo "make venv = missing Debian packages ${missing[*]}: MPI and parallel HDF5 are built against them; run: sudo apt-get install ${missing[*]}" >&2
    exit 1
  fi
  echo "installing Debian packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -o DPkg::Lock::Timeout=300 update -qq
  apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

[ -x "$VENV/bin/python" ] || python3 -m venv "$VENV"
PIP="$VENV/bin/python -m pip --disable-pip-version-check -q"
$PIP install -c .ci/constraints.txt "mpi4py>=4.1" "numpy>=2" "setuptools>=77.0.1" wheel "Cython>=3" pkgconfig packaging
if ! "$VENV/bin/python" -c "import h5py, sys; sys.exit(not h5py.get_config().mpi)" 2>/dev/null; then
  echo "building h5py against parallel HDF5 (about two minutes)"
  # Without build isolation: isolated, pip would compile an old mpi4py from source, which needs over 20 GB.
  CC=mpicc.openmpi CFLAGS="-O1 -g0" HDF5_MPI=ON HDF5_DIR="/usr/lib/$(gcc -print-multiarch)/hdf5/openmpi" \
    $PIP install --no-build-isolation --no-deps --no-binary=h5py --force-reinstall --no-cache-dir -c .ci/constraints.txt h5py
fi
$PIP install --no-build-isolation -c .ci/constraints.txt -e ".[$EXTRAS]"
"$VENV/bin/python" -c "import h5py; assert h5py.get_config().mpi, 'h5py has no MPI'"
