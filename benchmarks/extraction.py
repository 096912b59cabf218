"""How fast is extraction? One teacher-forced pass against generation, side by side.

python benchmarks/extraction.py [SHAPE ...]

Same model, same sequences, same batch, one process, in turns: the pipeline's ``score``; the cascade
for whole populations; ``generate(use_cache=False)``, which is what the script behind the published
labels of Pythia runs; and generation with a key-value cache, growing and static (which transformers
compiles on a GPU). Shapes: micro and 70m on the CPU (the default there), 70m, 410m, 1.4b on a GPU
(the default where there is one), there in float16 and, without generation, in bfloat16.

The weights are random, but the output is tied to a shuffled input, so that predictions are as sure
as those of a trained model and labels can be compared. Of the sequences, as many are still right
after so many continuation tokens as were in the population of the micro suite (``STILL_RIGHT``).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from matmul import peak_gflops
from transformers import GPTNeoXForCausalLM

from memorization.extraction.batches import auto_batch
from memorization.extraction.score import memorized, score
from memorization.params import Shape, load_params
from memorization.planning.plan import STILL_RIGHT
from memorization.protocol import CONTINUATION, PROMPT, SEQUENCE
from memorization.suite.micro.train import new_model

ROUNDS = 3
# Name -> layers, hidden, heads, vocabulary, sequences on the CPU.
SHAPES = {
    "micro": (3, 128, 4, 2048, 512),
    "70m": (6, 512, 8, 50_304, 16),
    "410m": (24, 1024, 16, 50_304, 8),
    "1.4b": (24, 2048, 16, 50_304, 4),
}
# On a GPU; of these the first few are generated, which takes as long as many are scored.
GPU_SEQUENCES, GPU_GENERATED = 8192, 256


@dataclass(frozen=True)
class Setting:
    """One comparison."""

    shape: str
    device: torch.device
    dtype: torch.dtype
    batch: int
    sequences: int


def sure_model(setting: Setting) -> GPTNeoXForCausalLM:
    """Return a model that predicts a token from the last one, with a clear margin."""
    layers, hidden, heads, vocabulary, _ = SHAPES[setting.shape]
    shape = Shape(hidden=hidden, layers=layers, heads=heads)
    model = new_model(shape, vocabulary, SEQUENCE, seed=0).eval()
    # Generation must neither stop at end-of-text nor be kept from it: a continuation may hold it.
    model.generation_config.eos_token_id = None
    with torch.no_grad():
        model.gpt_neox.embed_in.weight.normal_(0, 1)
        shuffled = torch.randperm(vocabulary)
        model.lm_head.weight.copy_(model.gpt_neox.embed_in.weight[shuffled] / hidden**0.5)
    return model.to(setting.device, setting.dtype)


@torch.inference_mode()
def generated(
    model: GPTNeoXForCausalLM, prompts: np.ndarray, batch: int, **cache: bool | str
) -> np.ndarray:
    """Return the greedy continuations, int [n, 32]; with ``cache`` as `generate` takes it."""
    found = []
    for rows in torch.from_numpy(prompts.astype(np.int64)).split(batch):
        rows = rows.to(model.device)
        output = model.generate(  # type: ignore[misc]
            rows,
            attention_mask=torch.ones_like(rows),
            max_new_tokens=CONTINUATION,
            do_sample=False,
            **cache,
            pad_token_id=0,
        )
        found.append(output[:, PROMPT:])
    return torch.cat(found).cpu().numpy()


def sequences_of(model: GPTNeoXForCausalLM, setting: Setting) -> np.ndarray:
    """Return sequences that go wrong where those of a population do, int32 [n, 64]."""
    rng = np.random.default_rng(0)
    n, vocabulary = setting.sequences, model.config.vocab_size
    prompts = rng.integers(1, vocabulary, (n, PROMPT))
    tokens = np.concatenate([prompts, generated(model, prompts, setting.batch)], axis=1)
    # The token at which it goes wrong, by the inverse of the share that is still right.
    lengths, shares = np.array([0, *STILL_RIGHT]), np.array([1, *STILL_RIGHT.values()])
    wrong = np.floor(np.interp(rng.random(n), shares[::-1], lengths[::-1])).astype(int)
    rows = np.flatnonzero(wrong < CONTINUATION)
    tokens[rows, PROMPT + wrong[rows]] = (tokens[rows, PROMPT + wrong[rows]] + 1) % vocabulary
    return tokens.astype(np.int32)


def compare(setting: Setting, generation: bool, compiled: bool) -> None:
    """Print sequences a second, the ratios, the disagreements and the fraction of the peak."""
    model = sure_model(setting)
    tokens = sequences_of(model, setting)

    def by_generation(**cache: bool | str) -> np.ndarray:
        few = tokens[:GPU_GENERATED] if setting.device.type == "cuda" else tokens
        found = generated(model, few[:, :PROMPT], setting.batch, **cache)
        return (found == few[:, PROMPT:]).all(1)

    def by_score(batch: int, compiled: bool = False) -> np.ndarray:
        return score(model, tokens, batch, compiled=compiled)[0] == CONTINUATION

    ways: dict[str, Callable[[], np.ndarray]] = {}
    if generation:
        ways = {
            "generate(use_cache=False)": lambda: by_generation(use_cache=False),
            "generate with a cache": by_generation,
            "generate, static cache": lambda: by_generation(cache_implementation="static"),
        }
    ways |= {
        "one pass (score)": lambda: by_score(setting.batch),
        "cascade (memorized)": lambda: memorized(model, tokens, setting.batch),
    }
    if setting.device.type == "cuda":
        largest = auto_batch(model)
        ways[f"one pass, batch auto ({largest})"] = lambda: by_score(largest)
    if compiled:
        ways["one pass, compiled"] = lambda: by_score(setting.batch, True)
    seconds, labels = in_turns(ways, setting.device)
    report(setting, model, seconds, labels)


def in_turns(
    ways: dict[str, Callable[[], np.ndarray]], device: torch.device
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Return the median seconds of each way, and what it found; a first round is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    labels = {}
    for _ in range(ROUNDS + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            labels[name] = way()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds[name].append(time.perf_counter() - start)
    return {name: float(np.median(times[1:])) for name, times in seconds.items()}, labels


def report(
    setting: Setting,
    model: GPTNeoXForCausalLM,
    seconds: dict[str, float],
    labels: dict[str, np.ndarray],
) -> None:
    """Print the comparison as a table."""
    n, ours = setting.sequences, labels["one pass (score)"]
    rates = {name: len(labels[name]) / measured for name, measured in seconds.items()}
    slowest = next(iter(rates.values()))
    body = sum(p.numel() for p in model.gpt_neox.layers.parameters() if p.ndim == 2)
    flops = 2 * (body * (SEQUENCE - 1) + model.lm_head.weight.numel() * CONTINUATION)
    peak = peak_gflops(setting.device, dtype=setting.dtype)
    dtype = str(setting.dtype).removeprefix("torch.")
    print(
        f"\n{setting.shape}, {dtype} on {setting.device}: {n} sequences, batch {setting.batch}, "
        f"{int(ours.sum())} memorized; a matrix product reaches {peak:,.0f} GFLOP/s"
    )
    for name, rate in rates.items():
        found = labels[name]
        line = (
            f"  {name:28} {rate:10,.1f} sequences/s  {rate / slowest:6.1f} ×  "
            f"{int((found != ours[: len(found)]).sum())} labels differ"
        )
        if name.startswith("one pass"):
            line += f"  {rate * flops / 1e9 / peak:.0%} of the peak"
        print(line, flush=True)


def main() -> None:
    """Compare every shape asked for, on the GPU if there is one, else on the CPU."""
    torch.set_num_threads(load_params().threads)
    gpu = torch.cuda.is_available()
    device = torch.device("cuda" if gpu else "cpu")
    names = sys.argv[1:] or (["70m", "410m", "1.4b"] if gpu else ["micro", "70m"])
    for dtype in (torch.float16, torch.bfloat16) if gpu else (torch.float32,):
        for name in names:
            batch, n = (1024, GPU_SEQUENCES) if gpu else (256, SHAPES[name][-1])
            setting = Setting(name, device, dtype, batch, n)
            compare(setting, generation=dtype != torch.bfloat16, compiled=gpu)


if __name__ == "__main__":
    main()
