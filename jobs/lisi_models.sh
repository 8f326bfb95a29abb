#!/bin/bash
# Makes the Li-Si models of docs/models.md, from sampling to testing, in the folder given:
#     bash jobs/lisi_models.sh models [dft]
# It needs nequix and its weights, nequix-omat-1.nqx, in that folder (docs/models.md). A step whose files are there is
# skipped or completed, so the same command goes on after an interruption.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
dft=${2:+$(cd "$2" && pwd)}
mkdir -p "$1" && cd "$1"
export PYTHONPATH="$here/jobs${PYTHONPATH:+:$PYTHONPATH}"
export JAX_PLATFORMS=cpu XLA_FLAGS="--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

# Data: 15 minutes of one core.
python "$here/jobs/lisi_sample.py" sampled
hpcpot label "$here/configs/models/label.yaml" --set "structures.files=$PWD/sampled/*.extxyz" ||
    [ $? = 1 ]    # some frames could not be labelled: they are left out
python "$here/jobs/lisi_join.py" lisi_training sampled_labelled.h5 lisi_training.h5
hpcpot dataset lisi_training.h5 --figure lisi_training.png --split 0.9,0.1 --seed 1 -o lisi.h5 --overwrite

# Models: hours of one core. With a second argument, a folder with the VASP frames named in docs/models.md, those join
# training and testing.
data="lisi_train.h5${dft:+,$dft/mogroup_Si_Vacancy-enhanced_Training_Set.extxyz}"
train() { hpcpot train "$here/configs/models/train_$1.yaml" --set "data.files=[$data]" ${2:-}; }
train dp
for family in chebyshev mtp; do
    [ -e "lisi_$family.h5" ] || train $family "$([ ! -e "lisi_$family.checkpoint.h5" ] || echo --restart)"
done
tests=(lisi_test.h5)
[ -z "$dft" ] || tests+=("$dft/mogroup_Si_Enhanced_Validation_Set.extxyz" "$dft/mlearn_Li_test.extxyz")
python "$here/docs/models.py" . "${tests[@]}"
