"""Everything that was published of Pythia, in miniature: ``python -m standin.pythia FOLDER``.

Makes the repositories, in the layout and schema of the real ones: the labels, the random sample,
the training data, counts, raw text, and the models with their checkpoints. The models are trained
here, in seconds, on real text, and what is said to be memorized is what they generate. With
``PYTHONPATH=tests``::

    python -m standin.pythia small-hub       # once, half a minute
    python -m standin small-hub              # prints HF_ENDPOINT=http://127.0.0.1:PORT

and in another shell, with that ``HF_ENDPOINT`` and an ``HF_HOME`` of its own::

    dvc exp run -S target=1.4b -S pythia.facts=small-hub/facts.json
        -S '~pythia.revisions' -S '+pythia.revisions={}'

(the commits that are pinned are those of the real hub; ``{}`` alone would be added to them).
"""

from __future__ import annotations

import argparse
import atexit
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import torch
from transformers import GPTNeoXForCausalLM

from standin.models import (
    Shape,
    Weights,
    checkpoint_files,
    is_memorized,
    new_model,
    right_tokens,
    train,
    with_weights,
)
from standin.population import SEQUENCE, Text, make_rows, make_text, some_sequences
from standin.repositories import write
from standin.tables import (
    Files,
    continuation_counts,
    evals_table,
    frequency_files,
    megatron_files,
    parquet_shards,
    sample_table,
    text_files,
)

Measure = Callable[[GPTNeoXForCausalLM, np.ndarray], np.ndarray]

SHAPES = {
    "70m": Shape(1, 32, 2),
    "410m": Shape(1, 48, 4),
    "1.4b": Shape(1, 64, 4),
    "12b": Shape(2, 80, 4),
}


@dataclass(frozen=True)
class Plan:
    """How small the miniature is.

    Attributes
    ----------
    population, sequences_per_step : training rows, and those of one optimizer step.
    checkpoints : evenly spaced, the last at the end.
    window : tokens in a row.
    characters, vocabulary : of the text, and of its tokenizer.
    sample : rows of the random sample.
    evaluated : how many earlier checkpoints of 12b have labels of their own.
    repeated, passages : share of the rows that begin with one of so many passages.
    """

    population: int = 1600
    sequences_per_step: int = 8
    checkpoints: int = 8
    window: int = 2049
    characters: int = 1_000_000
    vocabulary: int = 512
    sample: int = 800
    evaluated: int = 3
    repeated: float = 0.6
    passages: int = 20
    shapes: Mapping[str, Shape] = field(default_factory=lambda: SHAPES)
    variants: tuple[str, ...] = ("duped",)
    seed: int = 0

    @property
    def steps(self) -> tuple[int, ...]:
        """Optimizer steps of the checkpoints."""
        last = self.population // self.sequences_per_step
        return tuple(last * i // self.checkpoints for i in range(1, self.checkpoints + 1))

    @property
    def evaluated_steps(self) -> tuple[int, ...]:
        """Earlier checkpoints of 12b with labels of their own."""
        return self.steps[:-1][-2 * self.evaluated + 1 :: 2]


@dataclass(frozen=True)
class Variant:
    """What is true of one variant.

    Attributes
    ----------
    text : from which the training data are cut.
    rows : the training data in order, uint16 [population, window].
    weights : model -> step -> weights.
    memorized : model -> step -> whether it is memorized, bool [population]; at the steps that have
        labels.
    sample : the ``index`` of the random sample.
    right : model -> how many continuation tokens it generates right at the end, int [sample].
    """

    text: Text
    rows: np.ndarray
    weights: dict[str, dict[int, Weights]]
    memorized: dict[str, dict[int, np.ndarray]]
    sample: np.ndarray
    right: dict[str, np.ndarray]

    @property
    def sequences(self) -> np.ndarray:
        """The first 64 tokens of each row, which are what is studied."""
        return self.rows[:, :SEQUENCE]


def make_repositories(folder: Path, plan: Plan | None = None) -> dict[str, Variant]:
    """Write all repositories and ``facts.json`` to a folder; return what is true of each variant.

    Deterministic on one machine.
    """
    plan = plan or Plan()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rng = np.random.default_rng(plan.seed)
    text = make_text(plan.characters, plan.vocabulary, rng)
    passages = some_sequences(text, plan.passages, SEQUENCE, rng)
    try:
        variants = {name: _make_variant(plan, name, text, passages) for name in plan.variants}
    finally:
        torch.set_num_threads(threads)
    repositories: dict[str, dict[str, Files]] = {}
    shared: dict[str, Files] = {"evals": {}, "duplicates": {}}
    for name, variant in variants.items():
        repositories |= _data_sets(plan, name, variant) | _models(plan, name, variant)
        shared["evals"] |= _evals(plan, name, variant)
        counts = continuation_counts(variant.rows).astype(np.uint32)
        index = np.arange(len(counts), dtype=np.uint32)
        table = pa.table({"sequence_id": index, "counts": counts})
        shared["duplicates"] |= parquet_shards(name, table, 2)
    repositories |= {
        "datasets/EleutherAI/pythia-memorized-evals": {"main": shared["evals"]},
        "datasets/usvsnsp/generation-num-duplicates": {"main": shared["duplicates"]},
        "datasets/monology/pile-uncopyrighted": {"main": text_files(text.documents, 2)},
    }
    write(folder, repositories)
    (folder / "facts.json").write_text(json.dumps(_facts(plan, shared["evals"]), indent=1) + "\n")
    return variants


@cache
def miniature() -> tuple[Path, dict[str, Variant]]:
    """Return a folder of repositories as planned by default, made once a process, and the truth."""
    folder = TemporaryDirectory(prefix="hub-")
    atexit.register(folder.cleanup)
    return Path(folder.name), make_repositories(Path(folder.name))


def _make_variant(plan: Plan, name: str, text: Text, passages: np.ndarray) -> Variant:
    rng = np.random.default_rng([plan.seed, name == "duped"])
    shape = (plan.population, plan.window)
    rows = make_rows(text, shape, passages, plan.repeated, rng)
    sequences = rows[:, :SEQUENCE]
    index = rng.choice(plan.population, plan.sample, replace=False)
    weights, memorized, right = {}, {}, {}
    for place, (model, shape) in enumerate(plan.shapes.items()):
        untrained = new_model(shape, plan.vocabulary, plan.seed + place)
        weights[model] = train(untrained, sequences, plan.sequences_per_step, plan.steps)
        labelled = plan.steps[-1:] if model != "12b" else (*plan.evaluated_steps, plan.steps[-1])
        memorized[model] = {
            step: each_text(is_memorized, with_weights(untrained, weights[model][step]), sequences)
            for step in labelled
        }
        right[model] = each_text(right_tokens, untrained, sequences[index])
    return Variant(text, rows, weights, memorized, index, right)


def each_text(measure: Measure, model: GPTNeoXForCausalLM, sequences: np.ndarray) -> np.ndarray:
    """Measure each text once, however many sequences it begins."""
    texts, inverse = np.unique(sequences, axis=0, return_inverse=True)
    return measure(model, texts)[inverse.reshape(-1)]


def _evals(plan: Plan, name: str, variant: Variant) -> Files:
    files: Files = {}
    sequences = variant.sequences
    for model, by_step in variant.memorized.items():
        for step, memorized in by_step.items():
            index = np.flatnonzero(memorized)
            split = f"{name}.{model}"
            if step != plan.steps[-1]:  # such an evaluation covers what has been seen by then
                index = index[index < step * plan.sequences_per_step]
                split += f".{step}"
            files |= parquet_shards(split, evals_table(index, sequences), 2)
    # One split was evaluated again, under a name that begins with that of another.
    again = np.flatnonzero(variant.memorized["410m"][plan.steps[-1]])[:5]
    return files | parquet_shards(f"{name}.410m.new", evals_table(again, sequences), 1)


def _data_sets(plan: Plan, name: str, variant: Variant) -> dict[str, dict[str, Files]]:
    rows, last = variant.rows, plan.steps[-1]
    scores = {model.upper(): right / 32 for model, right in variant.right.items()}
    sample = sample_table(variant.sample, variant.sequences, scores)
    by_largest = variant.memorized[list(plan.shapes)[-1]][last]
    full = "standard" if name == "duped" else name
    return {
        f"datasets/EleutherAI/pile-{name}-pythia-random-sampled": {
            "main": parquet_shards("train", sample, 2)
        },
        f"datasets/EleutherAI/pile-{full}-pythia-preshuffled": {"main": megatron_files(rows, 3)},
        f"datasets/usvsnsp/{name}-num-frequencies": {
            "main": frequency_files(rows, by_largest, plan.vocabulary)
        },
    }


def _models(plan: Plan, name: str, variant: Variant) -> dict[str, dict[str, Files]]:
    repositories: dict[str, dict[str, Files]] = {}
    for model in plan.shapes:
        revisions = published_checkpoints(plan, model, variant, variant.weights[model])
        deduped = "" if name == "duped" else "-deduped"
        for release in ("-v0", ""):
            repositories[f"EleutherAI/pythia-{model}{deduped}{release}"] = revisions
    return repositories


def published_checkpoints(
    plan: Plan, model: str, variant: Variant, weights: Mapping[int, Weights]
) -> dict[str, Files]:
    """Return the revisions of a model's repository, in several forms; ``main`` is the last."""
    tokenizer = variant.text.tokenizer.to_str(pretty=True).encode()
    special = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
    common = {
        "tokenizer.json": tokenizer,
        "special_tokens_map.json": json.dumps(special).encode(),
        "tokenizer_config.json": json.dumps(
            {"tokenizer_class": "PreTrainedTokenizerFast", **special}
        ).encode(),
    }
    _, second, third, *_, last = plan.steps  # most are safetensors
    forms = {second: "bin", third: "sharded", last: "both"}
    revisions = {
        f"step{step}": common
        | checkpoint_files(plan.shapes[model], plan.vocabulary, own, forms.get(step, "safetensors"))
        for step, own in weights.items()
    }
    return revisions | {"main": revisions[f"step{last}"]}


def _facts(plan: Plan, evals: Files) -> dict:
    """Return what ``pythia.facts`` in params.yaml is to name."""
    rows: dict[str, int] = {}
    for path, content in evals.items():
        split = path.removeprefix("data/").partition("-")[0]
        if not split.endswith(".new"):
            rows[split] = rows.get(split, 0) + _rows(content)
    models = [
        {
            "name": model,
            "parameters": sum(p.numel() for p in new_model(s, plan.vocabulary, 0).parameters()),
            "layers": s.layers,
            "hidden": s.hidden,
            "heads": s.heads,
            "vocabulary": plan.vocabulary,
        }
        for model, s in plan.shapes.items()
    ]
    return {
        "population": plan.population,
        "sequences_per_step": plan.sequences_per_step,
        "window": plan.window,
        "steps": list(plan.steps),
        "models": models,
        "rows": rows,
        "sample_rows": plan.sample,
        "evaluated": {"12b": list(plan.evaluated_steps)} if "12b" in plan.shapes else {},
    }


def _rows(content: bytes) -> int:
    return parquet.ParquetFile(pa.BufferReader(content)).metadata.num_rows


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m standin.pythia",
        description="Make everything that was published of Pythia, in miniature.",
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="where to make it")
    folder = parser.parse_args(arguments).folder
    plan = Plan(variants=("duped", "deduped"))
    variants = make_repositories(folder, plan)
    from standin.polypythias import make_runs  # which builds on this module

    make_runs(folder, plan, variants["duped"])
    for name, variant in variants.items():
        last = plan.steps[-1]
        memorized = {model: int(by[last].sum()) for model, by in variant.memorized.items()}
        print(f"{name}: {plan.population} sequences, memorized at the end: {memorized}")


if __name__ == "__main__":
    main()
