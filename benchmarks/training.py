"""How fast is the training loop? Against a plain ``transformers`` loop, side by side.

python benchmarks/training.py [STEPS]

Both train the same model on the same random tokens, in turns, in one process. The floor is
6 FLOPs a token for each weight of a matrix product (2 forward, 4 backward; the input embedding
multiplies nothing), at the rate that the machine's cores multiply matrices.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from matmul import peak_gflops
from transformers import GPTNeoXForCausalLM

from memorization.params import Training, load_params
from memorization.suite.micro.train import new_model, train

ROUNDS = 3


def plain_loop(model: GPTNeoXForCausalLM, windows: np.ndarray, training: Training) -> None:
    """Train as the documentation of ``transformers`` shows it."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=training.learning_rate)
    model.train()
    for batch in torch.from_numpy(windows.astype(np.int64)).split(training.sequences_per_step):
        model(input_ids=batch, labels=batch).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()


def our_loop(model: GPTNeoXForCausalLM, windows: np.ndarray, training: Training) -> None:
    """Train as the pipeline does, one checkpoint at the end."""
    steps = len(windows) // training.sequences_per_step
    training = training.model_copy(update={"steps": steps})
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        train(model, windows, training, (steps,), Path(folder), torch.device("cpu"))


def main() -> None:
    """Print tokens a second, the ratio and the fraction of the peak for each model."""
    params = load_params()
    torch.set_num_threads(params.threads)
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    suite = params.suite
    rng = np.random.default_rng(params.seed)
    shape = (steps * suite.training.sequences_per_step, suite.window)
    windows = rng.integers(0, suite.vocabulary, shape).astype(np.uint16)
    peak = peak_gflops(torch.device("cpu"))
    print(f"peak of a float32 matrix product, {params.threads} threads: {peak:.0f} GFLOP/s")
    print("model          plain tokens/s   ours tokens/s   ratio   of the peak")
    for name, model_shape in suite.models.items():
        seconds: dict[str, list[float]] = {"plain": [], "ours": []}
        for _ in range(ROUNDS):
            for label, loop in (("plain", plain_loop), ("ours", our_loop)):
                model = new_model(model_shape, suite.vocabulary, suite.window, params.seed)
                start = time.perf_counter()
                loop(model, windows, suite.training)
                seconds[label].append(time.perf_counter() - start)
        multiplied = sum(p.numel() for n, p in model.named_parameters() if p.ndim == 2)
        multiplied -= model.gpt_neox.embed_in.weight.numel()
        plain, ours = (windows.size / float(np.median(seconds[k])) for k in ("plain", "ours"))
        fraction = 6 * multiplied * ours / 1e9 / peak
        print(f"{name:14} {plain:14,.0f}  {ours:14,.0f}   {ours / plain:5.2f}   {fraction:8.0%}")


if __name__ == "__main__":
    main()
