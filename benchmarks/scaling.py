"""How much faster is a scan with more of Ray's workers? The same by 1, 2 and 4, on one machine.

python benchmarks/scaling.py [WORKERS ...]

Each worker has one thread, and so has the local engine that they are compared with. The models are
of the target's shape with random weights, the units many and small: 32 checkpoints on two shards of
512 sequences. The rate is taken from the first unit that is done to the last, and the efficiency is
that rate by that of the local engine and the workers; the seconds in all hold the start as well,
mostly the import of PyTorch by every worker. Files and bytes of all ways are compared, too.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import numpy as np
import ray
import torch
from transformers import GPTNeoXForCausalLM

from memorization.labels import engine
from memorization.labels.checkpoints import Models
from memorization.labels.scan import scan
from memorization.params import load_params
from memorization.protocol import SEQUENCE
from memorization.suite.micro.train import new_model

WORKERS = (1, 2, 4)
CHECKPOINTS = 32
SHARD, SHARDS = 512, 2


def random_models() -> Models:
    """Return a source of models of the target's shape, the weights by the step."""
    params = load_params()
    shape = params.suite.models[params.target]
    vocabulary = params.suite.vocabulary

    def models(steps: list[int]) -> Generator[tuple[int, GPTNeoXForCausalLM]]:
        for step in steps:
            yield step, new_model(shape, vocabulary, SEQUENCE, seed=step).eval()

    return models


def timed(name: str, tokens: np.ndarray, work: Path) -> tuple[float, float]:
    """Return the seconds that a scan takes, and the sequences a second after the first unit."""
    times: list[float] = []
    evaluate = engine.ENGINES[name]

    def watched(wanted: engine.Work, advance: engine.Advance) -> engine.Done:
        for done in evaluate(wanted, advance):
            times.append(time.perf_counter())
            yield done

    engine.ENGINES[name] = watched
    steps = tuple(range(1, CHECKPOINTS + 1))
    start = time.perf_counter()
    index, cpu = np.arange(len(tokens)), torch.device("cpu")
    scan(index, tokens, steps, random_models(), load_params().batch, work, cpu, engine=name)
    engine.ENGINES[name] = evaluate
    rate = SHARD * (len(times) - 1) / (times[-1] - times[0])
    return time.perf_counter() - start, rate


def main() -> None:
    """Print a row for the local engine and one for each number of workers."""
    torch.set_num_threads(1)
    engine.SHARD = SHARD
    vocabulary = load_params().suite.vocabulary
    tokens = np.random.default_rng(0).integers(0, vocabulary, (SHARD * SHARDS, SEQUENCE))
    cores = len(os.sched_getaffinity(0))
    rows = [
        f"{cores} cores",
        f"{'engine':>10} {'seconds':>8} {'sequences/s':>12} {'efficiency':>11}",
    ]
    with tempfile.TemporaryDirectory() as folder:
        seconds, alone = timed("local", tokens, Path(folder, "local"))
        rows.append(f"{'local':>10} {seconds:8.1f} {alone:12,.0f} {1:11.0%}")
        for workers in map(int, sys.argv[1:] or WORKERS):
            ray.init("local", num_cpus=workers, include_dashboard=False, log_to_driver=False)
            work = Path(folder, f"ray{workers}")
            seconds, rate = timed("ray", tokens, work)
            ray.shutdown()
            efficiency = rate / alone / workers
            rows.append(f"{f'ray, {workers}':>10} {seconds:8.1f} {rate:12,.0f} {efficiency:11.0%}")
            for file in sorted(Path(folder, "local").iterdir()):
                if file.read_bytes() != (work / file.name).read_bytes():
                    sys.exit(f"{file.name}: {workers} workers wrote other bytes")
    print(*rows, "all wrote the same bytes", sep="\n")


if __name__ == "__main__":
    main()
