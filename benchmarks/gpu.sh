#!/usr/bin/env bash
# What does a GPU make of this code? In under eight minutes in all, in the environment of `make`:
#
#     . .venv/bin/activate && benchmarks/gpu.sh [FOLDER]      # default: results/gpu
#
# card.txt: the card, and the versions of PyTorch and CUDA; extraction.txt: extraction on the shapes
# of Pythia 70m, 410m and 1.4b, as benchmarks/extraction.py compares it; micro-10m.txt and
# micro-10m.json: micro-10m trained and scanned, the randomised arm with it, and what it has
# memorized. A part that fails or takes too long says so, and the next one runs all the same; the
# status at the end is that of the last part that failed. Without a GPU tiny shapes run in place of
# these, only to try this script.
set -euo pipefail
OUT=${1:-$(dirname "$0")/../results/gpu}
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
cd "$(dirname "$0")/.."
export PYTHONPATH="$PWD/src"
# What an earlier run left must not be taken for what this one found.
rm -f "$OUT"/{card,extraction,micro-10m}.txt "$OUT/micro-10m.json"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
failed=0

# part SECONDS NAME COMMAND…: what the command prints goes into NAME.txt as well.
part() {
    local limit=$1 name=$2 start=$SECONDS status=0
    shift 2
    timeout -k 5 "$limit" "$@" 2>&1 | tee "$OUT/$name.txt" || status=$?
    case $status in
        0) ;;
        124 | 137) echo "cut off after $limit seconds" | tee -a "$OUT/$name.txt" ;;
        *) echo "failed with status $status" | tee -a "$OUT/$name.txt"; failed=$status ;;
    esac
    echo "$name: $((SECONDS - start)) s" | tee -a "$OUT/$name.txt"
}

has_gpu=$(python -c 'import torch; print(torch.cuda.is_available())')
if [ "$has_gpu" = True ]; then
    python - <<'PYTHON' | tee "$OUT/card.txt"
import torch

card = torch.cuda.get_device_properties(0)
print(f"{card.name}, {card.total_memory / 1e9:.1f} GB; {torch.cuda.device_count()} here, one is used")
print(f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}")
PYTHON
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader \
        | tee -a "$OUT/card.txt" || echo "nvidia-smi does not say more" | tee -a "$OUT/card.txt"
    shapes=(70m 410m 1.4b) device=cuda
    params=params.yaml target=micro-10m shape='{hidden: 384, layers: 6, heads: 6}'
else
    echo "no GPU here: tiny shapes on the CPU, only to try this script" | tee "$OUT/card.txt"
    shapes=(micro) device=cpu
    params=tests/pipeline/params.yaml target=micro-10m shape='{hidden: 32, layers: 1, heads: 2}'
fi

part 310 extraction python benchmarks/extraction.py "${shapes[@]}"

ln -s "$PWD/corpus" "$WORK/data"
python - "$params" "$target" "$shape" "$device" > "$WORK/params.yaml" <<'PYTHON'
import sys

import yaml

path, target, shape, device = sys.argv[1:]
params = yaml.safe_load(open(path, encoding="utf-8"))
params["suite"]["models"] = {target: yaml.safe_load(shape)}
print(yaml.safe_dump(params | {"target": target, "device": device}))
PYTHON
cd "$WORK"
part 160 micro-10m bash -euc 'for stage in suite sequences labels; do
    echo "$stage"; python -m memorization.stages.$stage
done'
if [ -f results/metrics/labels.json ]; then cp results/metrics/labels.json "$OUT/micro-10m.json"; fi
exit "$failed"
