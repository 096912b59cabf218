"""What this machine sustains on the shape of a model, measured in seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

from memorization.extraction.batches import batch_on
from memorization.extraction.score import score
from memorization.labels.checkpoints import precision
from memorization.params import Params, Shape
from memorization.planning.cards import Card
from memorization.protocol import SEQUENCE
from memorization.suite.declared.declaration import PublishedModel
from memorization.suite.device import choose_device
from memorization.suite.micro.train import new_model

# A measurement takes at least so long, s, and is repeated so often; the median counts.
LONG, ROUNDS = 1.0, 3
# Sequences to begin with: with fewer, it is the reading of weights that is measured.
FEWEST = 8
# Layers that are timed beside one: enough to tell what one more costs, few enough for any machine.
SEVERAL = 4


def this_machine(model: PublishedModel, params: Params) -> Card:
    """Return this machine's GPU, or its CPU if it has none, with the rate that is measured.

    As a scan with ``device=auto`` would evaluate the model: in the same precision, batch and
    threads. The layers are alike, so one and a few are timed, on random weights and tokens, and the
    rest is added up: no machine need hold the whole model.
    """
    device = choose_device("auto")
    torch.set_num_threads(params.threads)
    seconds = {n: _seconds(model, n, params, device) for n in (1, min(SEVERAL, model.layers))}
    rate = sustained(model, seconds)
    is_gpu = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if is_gpu else f"CPU with threads={params.threads}"
    memory = torch.cuda.mem_get_info(device)[1] / 1e9 if is_gpu else None
    return Card(name, rate, None, memory, None, "measured here")


def sustained(model: PublishedModel, seconds: dict[int, float]) -> float:
    """Return the rate of a model, TFLOP/s, from the seconds a sequence by the number of layers.

    In the operations that `scan_cost` counts, which for small models are more than there are.

    >>> model = PublishedModel("made-up", 10**9, 11, 8, 1, 512)
    >>> round(sustained(model, {1: 0.2, 3: 0.4}), 3)  # 0.2 s and ten times 0.1 s
    0.105
    """
    few, several = min(seconds), max(seconds)
    each = max(0.0, seconds[several] - seconds[few]) / max(1, several - few)
    whole = seconds[few] + (model.layers - few) * each
    return 2 * model.parameters * (SEQUENCE - 1) / whole / 1e12


def _seconds(model: PublishedModel, layers: int, params: Params, device: torch.device) -> float:
    """Return the seconds that a sequence takes with some layers of a model."""
    shape = Shape(hidden=model.hidden, layers=layers, heads=model.heads)
    made = new_model(shape, model.vocabulary, SEQUENCE, seed=0).eval()
    placed = made.to(device, precision(params.pythia.precision, device))
    rng, batch = np.random.default_rng(0), batch_on(device, params.batch)

    def evaluate(n: int) -> None:
        # The results are copied to the CPU, so that the work is done when they are here.
        tokens = rng.integers(0, model.vocabulary, (n, SEQUENCE))
        score(placed, tokens, batch, compiled=params.pythia.compile)

    return seconds_each(evaluate)


def seconds_each(evaluate: Callable[[int], None]) -> float:
    """Return the seconds a sequence of what evaluates n of them; as many as take long enough."""
    n = FEWEST
    while timed(evaluate, n) < LONG:
        n *= 2
    return float(np.median([timed(evaluate, n) for _ in range(ROUNDS)])) / n


def timed(evaluate: Callable[[int], None], n: int) -> float:
    """Return the seconds that an evaluation of n sequences takes."""
    start = time.perf_counter()
    evaluate(n)
    return time.perf_counter() - start
