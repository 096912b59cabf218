"""The micro suite: tokenizer, windows, models and evals, made here from the corpus."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import torch
from transformers import GPTNeoXForCausalLM

from memorization.errors import UserError
from memorization.extraction.batches import batch_on
from memorization.extraction.score import memorized
from memorization.files import replacing, write_json
from memorization.params import Params
from memorization.progress import progress
from memorization.protocol import SEQUENCE
from memorization.randomness import generator
from memorization.resume import file_digest, is_made_from, library_versions, publish, work_folder
from memorization.sources import code_digest
from memorization.suite.checkpoints import CHECKPOINT
from memorization.suite.device import choose_device
from memorization.suite.micro.arm import draw_arm
from memorization.suite.micro.corpus import (
    cut_windows,
    natural_windows,
    origins_in_order,
    read_corpus,
    train_tokenizer,
    training_order,
)
from memorization.suite.micro.suite import MicroSuite
from memorization.suite.micro.train import checkpoint_steps, new_model, train
from memorization.tables import ARM_UNITS, write_table


def make_suite(params: Params, corpus: Path, destination: Path) -> None:
    """Train the suite and leave it in ``destination``, with the layout of :class:`MicroSuite`.

    Work in progress is kept apart from ``destination``, so an interrupted run goes on where it
    stopped and a half-made suite is never taken for a whole one. A suite that is there already and
    was made from the same inputs by the same code is left as it is.
    """
    if not corpus.exists():
        raise UserError(f"{corpus}: not found; run `dvc repro`, which imports corpus/ as data/")
    device = choose_device(params.device)
    inputs = {
        # The schema of a table checks what is written, and changes nothing of it.
        "code": code_digest(__name__, apart=["memorization.tables"]),
        "libraries": library_versions(
            "numpy", "pyarrow", "safetensors", "tokenizers", "torch", "transformers"
        ),
        "corpus": file_digest(corpus),
        "suite": params.suite.model_dump(),
        "arm": params.arm.model_dump(),
        "seed": params.seed,
        "threads": params.threads,
        "batch": params.batch,
        "device": device.type,
    }
    if is_made_from(destination, inputs):
        return
    work = work_folder("suite", inputs)
    if not (work / "windows.npy").exists():
        _write_data(params, corpus, work)
    windows = np.load(work / "windows.npy")
    steps = checkpoint_steps(params.suite.training.steps, params.suite.checkpoints)
    models = {
        name: new_model(shape, params.suite.vocabulary, params.suite.window, params.seed)
        for name, shape in params.suite.models.items()
    }
    for name, model in models.items():
        train(model, windows, params.suite.training, steps, work / name, device)
    suite = MicroSuite(work, _write_manifest(params, models, steps, work))
    for name in models:
        _write_evals(suite, name, device, params.batch)
    publish(work, destination, inputs, _files(models, steps, arm=params.arm.enabled))


def _files(models: Collection[str], steps: Collection[int], *, arm: bool) -> list[str]:
    """Return the names of all files of a suite."""
    return [
        *("manifest.json", "tokenizer.json", "windows.npy", "documents.parquet"),
        *(("arm.parquet", "arm.json") if arm else ()),
        *(f"evals/{name}.parquet" for name in models),
        *(f"{name}/step{step}/{file}" for name in models for step in steps for file in CHECKPOINT),
    ]


def _write_data(params: Params, corpus: Path, work: Path) -> None:
    documents = read_corpus(corpus)
    tokenizer = train_tokenizer(documents, params.suite.vocabulary)
    tokenizer.save(str(work / "tokenizer.json"))
    windows, origins = cut_windows(documents, tokenizer, params.suite.window)
    training, position = params.suite.training, np.empty(0, np.int64)
    n_natural = training.steps * training.sequences_per_step - params.arm.n_windows
    trained, held_out = natural_windows(windows, n_natural)
    if params.arm.enabled:
        arm = draw_arm(
            params.arm,
            params.seed,
            windows,
            origins["domain"].to_numpy(dtype=object),
            trained,
            held_out,
            training.sequences_per_step,
            params.suite.vocabulary,
        )
        position = arm.position
        write_table(arm.units, work / "arm.parquet", ARM_UNITS)
        write_json(arm.pool, work / "arm.json", indent=2)
    order = training_order(trained, position, generator(params.seed, "training order"))
    origins = origins_in_order(origins, order)
    windows = windows[order]
    if params.arm.enabled:
        windows[position] = arm.windows
    table = pa.Table.from_pandas(origins, preserve_index=False).replace_schema_metadata(None)
    parquet.write_table(table, work / "documents.parquet")
    with replacing(work / "windows.npy") as partial, partial.open("wb") as file:
        np.save(file, windows)


def _write_manifest(
    params: Params, models: dict[str, GPTNeoXForCausalLM], steps: tuple[int, ...], work: Path
) -> dict[str, Any]:
    sizes = {name: sum(p.numel() for p in model.parameters()) for name, model in models.items()}
    training, shapes = params.suite.training, params.suite.models
    manifest: dict[str, Any] = {
        "suite": "micro",
        "population": training.steps * training.sequences_per_step - params.arm.n_windows,
        "window": params.suite.window,
        "vocabulary": params.suite.vocabulary,
        "models": [
            {"name": name, "parameters": size, "shape": shapes[name].model_dump()}
            for name, size in sorted(sizes.items(), key=lambda item: item[1])
        ],
        "sequences_per_step": training.sequences_per_step,
        "steps": steps,
    }
    write_json(manifest, work / "manifest.json", indent=2)
    return manifest


def _write_evals(suite: MicroSuite, name: str, device: torch.device, batch: int) -> None:
    """Label the whole population, the arm apart, at the last checkpoint; keep the positives."""
    path = suite.folder / "evals" / f"{name}.parquet"
    if path.exists():
        return
    tokens = suite.tokens(suite.population_index)
    with progress(f"evaluating {name}", len(tokens), "sequences") as advance:
        model = suite.load(name).to(device)  # type: ignore[arg-type]
        is_memorized = memorized(model, tokens, batch_on(device, batch), advance)
    index = suite.population_index[is_memorized]
    flat = pa.array(tokens[is_memorized].ravel().astype(np.int64))
    columns = {"index": index, "tokens": pa.FixedSizeListArray.from_arrays(flat, SEQUENCE)}
    with replacing(path) as partial:
        parquet.write_table(pa.table(columns), partial, compression="zstd")
