#!/bin/sh
# Installs hpcpot of a checkout into /opt/hpcpot of a Debian system, as root; the image files call it.
# Usage: containers/install.sh EXTRAS     e.g. mpi,farm,search,plot
set -eu
SOURCE=$(dirname "$0")/..
EXTRAS=${1:?extras of setup.py, with commas between}
export DEBIAN_FRONTEND=noninteractive

apt-get update -qq
apt-get install -y -qq --no-install-recommends ca-certificates openmpi-bin python3-venv >/dev/null
rm -rf /var/lib/apt/lists/*
python3 -m venv /opt/hpcpot
/opt/hpcpot/bin/pip --no-cache-dir --disable-pip-version-check install -q -c "$SOURCE/.ci/constraints.txt" "$SOURCE[$EXTRAS]"
ln -sf /opt/hpcpot/bin/hpcpot /usr/local/bin/hpcpot
hpcpot --version
