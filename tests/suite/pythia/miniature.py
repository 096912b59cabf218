"""A published suite in miniature, as it was published: what the hub serves, and the truth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from standin.models import Shape, Weights, checkpoint_files, new_model, with_weights
from standin.tables import (
    Files,
    evals_table,
    frequency_files,
    megatron_files,
    parquet_shards,
    sample_table,
    text_files,
)
from tokenizers import Tokenizer
from transformers import GPTNeoXForCausalLM

from memorization.suite.declared.declaration import Declaration, PublishedModel, read_declaration
from memorization.suite.micro.corpus import Document, train_tokenizer

WINDOW = 80
POPULATION = 600
VOCABULARY = 320
EVALS = "datasets/EleutherAI/pythia-memorized-evals"
SAMPLE = "datasets/EleutherAI/pile-duped-pythia-random-sampled"
PRESHUFFLED = "datasets/EleutherAI/pile-standard-pythia-preshuffled"
DUPLICATES = "datasets/usvsnsp/generation-num-duplicates"
FREQUENCIES = "datasets/usvsnsp/duped-num-frequencies"
RAW = "datasets/monology/pile-uncopyrighted"
MODEL = "EleutherAI/pythia-70m-v0"
SHAPES = {"70m": Shape(1, 16, 2), "160m": Shape(1, 32, 2), "410m": Shape(2, 32, 2)}
TEXTS = [
    f"{word} number {n}, and so on and so forth: {'la ' * n}"
    for n in range(40)
    for word in ("one", "another", "the third")
]


@dataclass
class Published:
    """What was published, and the truth behind it.

    Attributes
    ----------
    facts : of the suite.
    rows : uint16 [600, 80], the training data in training order.
    memorized : split -> index, ascending.
    sampled : index of the random sample, ascending.
    tokenizer, weights : of the suite; of the smallest model at its last checkpoint.
    repositories : what the hub serves.
    """

    facts: Declaration
    rows: np.ndarray
    memorized: dict[str, np.ndarray]
    sampled: np.ndarray
    tokenizer: Tokenizer
    weights: Weights
    repositories: dict[str, dict[str, Files]]

    @property
    def reference(self) -> GPTNeoXForCausalLM:
        """The smallest model at its last checkpoint, in float32."""
        return with_weights(new_model(SHAPES["70m"], VOCABULARY, 0), self.weights)

    def files(self, repository: str) -> Files:
        """Return the files of a repository's only revision, to be changed."""
        return next(iter(self.repositories[repository].values()))

    def sample(self, index: np.ndarray, score: np.ndarray) -> Files:
        """Return a random sample in which every model has the same scores."""
        return sample_files(index, self.rows, {name.upper(): score for name in SHAPES})


def labels(index: np.ndarray, rows: np.ndarray) -> bytes:
    """Return a file of the labels."""
    [content] = parquet_shards("any", evals_table(index, rows[:, :64], 0), 1).values()
    return content


def sample_files(index: np.ndarray, rows: np.ndarray, scores: dict[str, np.ndarray]) -> Files:
    return parquet_shards("train", sample_table(index, rows[:, :64], scores), 1)


def _memorized(rng: np.random.Generator) -> dict[str, np.ndarray]:
    found, known = {}, np.empty(0, np.int64)
    for model, share in (("70m", 0.03), ("160m", 0.06), ("410m", 0.1)):
        more = rng.choice(POPULATION, int(share * POPULATION), replace=False)
        known = np.union1d(rng.permutation(known)[: int(0.9 * len(known))], more)
        found[f"duped.{model}"] = known
    for step in (25, 50):
        seen = known[known < 6 * step]
        found[f"duped.410m.{step}"] = np.sort(rng.permutation(seen)[: len(seen) // 2])
    return found


def make_published() -> Published:
    """Return a suite of three models, its training data and what the hub has of them."""
    rng = np.random.default_rng(0)
    documents = [Document("name", "prose", text) for text in TEXTS]
    tokenizer = train_tokenizer(documents, 300)
    rows = rng.integers(1, 300, (POPULATION, WINDOW)).astype(np.uint16)
    memorized = _memorized(rng)
    sampled = np.sort(rng.choice(POPULATION, 200, replace=False))
    facts = replace(
        read_declaration(),
        early=(),
        population=POPULATION,
        sequences_per_step=6,
        window=WINDOW,
        steps=(25, 50, 75, 100),
        models=tuple(
            PublishedModel(name, 1000 * size, s.layers, s.hidden, s.heads, VOCABULARY)
            for size, (name, s) in enumerate(SHAPES.items(), 1)
        ),
        rows={split: len(index) + 2 for split, index in memorized.items()},
        sample_rows=201,
        evaluated={"410m": (25, 50)},
        first_epoch={"duped": 60},
    )
    evals: Files = {"data/duped.70m.new-00000-of-00001.parquet": b"none of ours"}
    for split, index in memorized.items():
        evals |= parquet_shards(split, evals_table(index, rows[:, :64], 2), 2)
    index = rng.permutation(np.append(sampled, sampled[:1]))
    scores = {
        model.upper(): np.where(np.isin(index, memorized[f"duped.{model}"]), 1, 0.5)
        for model in SHAPES
    }
    counts = {"sequence_id": np.arange(POPULATION), "counts": np.arange(POPULATION) % 7 + 1}
    counted = pa.table({name: pa.array(each, pa.uint32()) for name, each in counts.items()})
    weights = {
        name: tensor.half()
        for name, tensor in new_model(SHAPES["70m"], VOCABULARY, 0).state_dict().items()
    }
    # Every second document goes into the second file.
    both = zip(documents[: len(documents) // 2], documents[len(documents) // 2 :], strict=True)
    text = [document for pair in both for document in pair]
    is_memorized = np.isin(np.arange(POPULATION), memorized["duped.410m"])
    repositories = {
        EVALS: evals,
        SAMPLE: sample_files(index, rows, scores),
        PRESHUFFLED: megatron_files(rows, 3),
        DUPLICATES: parquet_shards("duped", counted, 2),
        FREQUENCIES: frequency_files(rows, is_memorized, 300),
        RAW: text_files(text, 2),
    }
    model = checkpoint_files(SHAPES["70m"], VOCABULARY, weights, "both") | {
        "tokenizer.json": tokenizer.to_str().encode(),
        "optimizer.pt": b"twelve gigabytes",
    }
    served = {name: {"main": files} for name, files in repositories.items()}
    served[MODEL] = {"step100": model}
    return Published(facts, rows, memorized, sampled, tokenizer, weights, served)
