"""How fast is extraction? One teacher-forced pass against generation, side by side.

python benchmarks/extraction.py [SEQUENCES]

Same model (the target at its last checkpoint, from results/suite), same sequences, same batch,
one process: the pipeline's ``score``; ``generate(use_cache=False)``, which is what the script
behind the published Pythia labels runs; and generation with a key-value cache.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from matmul import peak_gflops

from memorization.labels.extraction import score
from memorization.params import load_params
from memorization.protocol import CONTINUATION, PROMPT, SEQUENCE
from memorization.suite import Suite

ROUNDS = 3


def main() -> None:
    """Print sequences a second, the ratios, the disagreements and the fraction of the peak."""
    params = load_params()
    torch.set_num_threads(params.threads)
    suite = Suite.read("results/suite")
    model = suite.load(params.target)
    # Generation must neither stop at end-of-text nor be kept from it: a continuation may hold it.
    model.generation_config.eos_token_id = None
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    # Half of them memorized, so that agreement is tested on both kinds.
    memorized = suite.memorized(params.target)[: n // 2]
    others = np.setdiff1d(np.arange(n), memorized)[: n - len(memorized)]
    tokens = suite.windows[np.concatenate([memorized, others]), :SEQUENCE].astype(np.int32)
    tokens = np.unique(tokens, axis=0)

    def generated(use_cache: bool) -> np.ndarray:
        memorized = []
        for rows in torch.from_numpy(tokens.astype(np.int64)).split(params.batch):
            output = model.generate(
                rows[:, :PROMPT],
                attention_mask=torch.ones_like(rows[:, :PROMPT]),
                max_new_tokens=CONTINUATION,
                do_sample=False,
                use_cache=use_cache,
                pad_token_id=0,
            )
            memorized.append((output[:, PROMPT:] == rows[:, PROMPT:]).all(1))
        return torch.cat(memorized).numpy()

    ways: dict[str, Callable[[], np.ndarray]] = {
        "generate(use_cache=False)": lambda: generated(False),
        "generate with a cache": lambda: generated(True),
        "one pass (ours)": lambda: score(model, tokens, params.batch)[0] == CONTINUATION,
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    labels = {}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            start = time.perf_counter()
            labels[name] = way()
            seconds[name].append(time.perf_counter() - start)
    slowest = np.median(seconds["generate(use_cache=False)"])
    ours = labels["one pass (ours)"]
    for name, measured in seconds.items():
        middle = float(np.median(measured))
        print(
            f"{name:26} {len(tokens) / middle:8,.0f} sequences/s   ratio {slowest / middle:5.1f}   "
            f"{int((labels[name] != ours).sum())} of {len(tokens)} labels differ from ours"
        )
    head = model.lm_head.weight.numel()
    body = sum(p.numel() for p in model.gpt_neox.layers.parameters() if p.ndim == 2)
    flops = 2 * (body * (SEQUENCE - 1) + head * CONTINUATION)
    rate = len(tokens) / float(np.median(seconds["one pass (ours)"])) * flops / 1e9
    print(f"one pass: {rate / peak_gflops(model.device):.0%} of the peak of a matrix product")


if __name__ == "__main__":
    main()
