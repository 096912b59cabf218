"""Further runs of a size of the miniature Pythia: other initial weights, and other orders.

The order is made as GPT-NeoX makes it. A document is the beginning of a training row of Pythia, or
filler between two; so the sequences that are studied stand anywhere in the rows of the other runs,
some are cut, and some are never trained on.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from standin.models import Weights, is_memorized, new_model, train, with_weights
from standin.population import SEQUENCE, some_sequences
from standin.pythia import Plan, Variant, each_text, published_checkpoints
from standin.repositories import write
from standin.tables import Files

SIZE = "410m"
RUNS = ("seed0", "seed1", "seed2")
ORDER = "datasets/EleutherAI/pile-preshuffled-seeds"
# Tokens of a document that is a row, and of filler; samples advance by as many as a row has.
STRIDE, FILLER = 2048, 700


@dataclass(frozen=True)
class Truth:
    """What is true of a run.

    Attributes
    ----------
    seen : the step in which each sequence is trained on, int [population]; 0 in none.
    memorized : step -> whether it is memorized, bool [population].
    """

    seen: np.ndarray
    memorized: dict[int, np.ndarray]


def make_runs(folder: Path, plan: Plan, variant: Variant) -> dict[str, Truth]:
    """Add the runs, and ``polypythias.json``, to a folder of repositories; return what is true."""
    n = plan.population
    extra, filler = n // 8, n // 4
    lengths = np.repeat([STRIDE, FILLER], [n + extra, filler])
    orders: Files = {}
    truth: dict[str, Truth] = {}
    repositories: dict[str, dict[str, Files]] = {}
    documents = np.arange(n)
    for place, run in enumerate(RUNS):
        rng = np.random.default_rng([plan.seed, place])
        doc = rng.permutation(len(lengths))
        if place == 0:  # whose rows are those of Pythia: filler comes last
            doc = np.append(rng.permutation(n + extra), np.arange(n + extra, len(lengths)))
        sample, starts = _samples(lengths[doc])
        shuffle = rng.permutation(len(sample) - 1).astype(np.uint32)
        if place == 0:
            # Which rows are trained on, in order; of these the documents are.
            whole = shuffle < n + extra
            shuffle = np.concatenate([shuffle[whole], shuffle[~whole]])
            documents = doc[shuffle[:n]]
        maps = {"doc": doc.astype(np.int32), "sample": sample, "shuffle": shuffle}
        for name, array in maps.items():
            orders[f"{run}/pile_train_0_indexmap_{place}s_{name}_idx.npy"] = _npy(array)
        begin = np.empty(len(doc), np.int64)
        begin[doc] = starts
        seen = _seen(begin[documents], shuffle, plan)
        sequences = _in_order(begin[documents], shuffle, plan, variant, rng)
        shape = plan.shapes[SIZE]
        weights = variant.weights[SIZE]
        if place:
            untrained = new_model(shape, plan.vocabulary, plan.seed + 100 + place)
            weights = train(untrained, sequences, plan.sequences_per_step, plan.steps)
            name = f"EleutherAI/pythia-{SIZE}-{run}"
            repositories[name] = published_checkpoints(plan, SIZE, variant, weights)
        truth[run] = Truth(seen, _memorized(plan, variant, weights))
    write(folder, repositories | {ORDER: {"main": orders}})
    facts = json.loads((folder / "facts.json").read_text())
    first = {"names": RUNS[:1], "repository": "EleutherAI/pythia-{model}"}
    others = {"names": RUNS[1:], "repository": "EleutherAI/pythia-{model}-{run}"}
    facts |= {"evaluated": {}, "runs": [{"models": [SIZE], **own} for own in (first, others)]}
    (folder / "polypythias.json").write_text(json.dumps(facts, indent=1) + "\n")
    return truth


def _samples(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where samples begin, int32 [samples + 1, 2], and where documents do, int64."""
    ends = np.cumsum(lengths)
    first = np.arange((ends[-1] - 1) // STRIDE + 1) * STRIDE
    place = np.searchsorted(ends, first, "right")
    starts = ends - lengths
    return np.stack([place, first - starts[place]], axis=1).astype(np.int32), starts


def _seen(begin: np.ndarray, shuffle: np.ndarray, plan: Plan) -> np.ndarray:
    row = np.full(len(shuffle) + 1, len(shuffle))
    row[shuffle] = np.arange(len(shuffle))
    sample, inside = np.divmod(begin, STRIDE)
    is_seen = (inside + SEQUENCE - 1 <= STRIDE) & (sample < len(shuffle))
    is_seen &= row[np.minimum(sample, len(shuffle))] < plan.population
    at = row[np.minimum(sample, len(shuffle))]
    return np.where(is_seen, at // plan.sequences_per_step + 1, 0)


def _in_order(
    begin: np.ndarray,
    shuffle: np.ndarray,
    plan: Plan,
    variant: Variant,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return what a run is trained on, row by row: a sequence that begins in it, or other text."""
    rows = some_sequences(variant.text, plan.population, SEQUENCE, rng)
    of_sample = dict(zip((begin // STRIDE).tolist(), range(len(begin)), strict=True))
    for row, sample in enumerate(shuffle[: plan.population].tolist()):
        if sample in of_sample:
            rows[row] = variant.sequences[of_sample[sample]]
    return rows


def _memorized(plan: Plan, variant: Variant, weights: dict[int, Weights]) -> dict[int, np.ndarray]:
    model = new_model(plan.shapes[SIZE], plan.vocabulary, 0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return {
            step: each_text(is_memorized, with_weights(model, weights[step]), variant.sequences)
            for step in plan.steps
        }
    finally:
        torch.set_num_threads(threads)


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
