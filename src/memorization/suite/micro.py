"""The micro suite: tokenizer, windows, models and evals, made here from the corpus."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import torch
from transformers import GPTNeoXForCausalLM

from memorization.corpus.read import read_corpus
from memorization.errors import UserError
from memorization.labels.extraction import score
from memorization.params import Params
from memorization.progress import progress
from memorization.protocol import CONTINUATION, SEQUENCE
from memorization.randomness import generator
from memorization.resume import file_digest, publish, work_folder
from memorization.suite.device import choose_device
from memorization.suite.suite import Suite
from memorization.suite.tokens import train_tokenizer, training_windows
from memorization.suite.train import checkpoint_steps, new_model, train


def make_suite(params: Params, corpus: Path, destination: Path) -> Suite:
    """Train the suite and return it, with the layout of :class:`memorization.suite.Suite`.

    Work in progress is kept apart from ``destination``, so an interrupted run goes on where it
    stopped and a half-made suite is never taken for a whole one.
    """
    if not corpus.exists():
        raise UserError(f"{corpus}: not found; run `dvc repro`, which imports corpus/ as data/")
    device = choose_device(params.device)
    inputs = {
        "suite": params.suite.model_dump(),
        "seed": params.seed,
        "threads": params.threads,
        "batch": params.batch,
        "device": device.type,
        "corpus": file_digest(corpus),
        "torch": torch.__version__,
    }
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
        if not (work / name / f"step{steps[-1]}").exists():
            train(model, windows, params.suite.training, steps, work / name, device)
    _write_manifest(params, models, steps, work)
    suite = Suite.read(work)
    for name in models:
        _write_evals(suite, name, device, params.batch)
    publish(work, destination)
    return Suite.read(destination)


def _write_data(params: Params, corpus: Path, work: Path) -> None:
    documents = read_corpus(corpus)
    tokenizer = train_tokenizer(documents, params.suite.vocabulary)
    tokenizer.save(str(work / "tokenizer.json"))
    windows, domains = training_windows(
        documents,
        tokenizer,
        params.suite.window,
        params.suite.training.steps * params.suite.training.sequences_per_step,
        generator(params.seed, "training order"),
    )
    table = pa.table({"index": np.arange(len(domains)), "domain": pa.array(domains, pa.string())})
    parquet.write_table(table, work / "domains.parquet")
    with (work / "windows.npy.partial").open("wb") as file:
        np.save(file, windows)
    (work / "windows.npy.partial").replace(work / "windows.npy")


def _write_manifest(
    params: Params, models: dict[str, GPTNeoXForCausalLM], steps: tuple[int, ...], work: Path
) -> None:
    sizes = {name: sum(p.numel() for p in model.parameters()) for name, model in models.items()}
    manifest = {
        "models": [
            {"name": name, "parameters": size}
            for name, size in sorted(sizes.items(), key=lambda item: item[1])
        ],
        "sequences_per_step": params.suite.training.sequences_per_step,
        "steps": steps,
    }
    (work / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _write_evals(suite: Suite, name: str, device: torch.device, batch: int) -> None:
    """Label the whole population at the last checkpoint; keep the positives."""
    path = suite.folder / "evals" / f"{name}.parquet"
    if path.exists():
        return
    tokens = suite.windows[:, :SEQUENCE].astype(np.int32)
    with progress(f"evaluating {name}", len(tokens), "sequences") as advance:
        model = suite.load(name).to(device)  # type: ignore[arg-type]
        match_length, _ = score(model, tokens, batch, advance)
    index = np.flatnonzero(match_length == CONTINUATION)
    flat = pa.array(tokens[index].ravel().astype(np.int64))
    columns = {"index": index, "tokens": pa.FixedSizeListArray.from_arrays(flat, SEQUENCE)}
    path.parent.mkdir(exist_ok=True)
    partial = path.with_suffix(".partial")
    parquet.write_table(pa.table(columns), partial, compression="zstd")
    partial.replace(path)
