#!/usr/bin/env bash
# What does a GPU make of this code? In under eight minutes in all:
#
#     benchmarks/gpu.sh [FOLDER]      # default: results/gpu
#
# extraction.txt: extraction on the shapes of Pythia 70m, 410m and 1.4b, as benchmarks/extraction.py
# compares it; micro-10m.txt and micro-10m.json: micro-10m trained and scanned, the randomised arm
# with it, and what it has memorized. A part that takes too long is cut off and says so. Without a GPU
# tiny shapes run in place of these, only to try this script.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONPATH="$PWD/src"
mkdir -p "${1:-results/gpu}"
OUT=$(cd "${1:-results/gpu}" && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# part SECONDS NAME COMMAND…: what the command prints goes into NAME.txt as well.
part() {
    local limit=$1 name=$2 start=$SECONDS status=0
    shift 2
    timeout "$limit" "$@" 2>&1 | tee "$OUT/$name.txt" || status=$?
    [ "$status" != 124 ] || echo "cut off after $limit seconds" | tee -a "$OUT/$name.txt"
    [ "$status" = 0 ] || [ "$status" = 124 ] || exit "$status"
    echo "$name: $((SECONDS - start)) s" | tee -a "$OUT/$name.txt"
}

if python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | tee "$OUT/card.txt"
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
