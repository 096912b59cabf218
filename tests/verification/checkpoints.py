"""A made-up suite of checkpoints, in the layouts of the hub: small, right, and easy to spoil."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from functools import cache

import numpy as np
import torch
from safetensors.numpy import save

from memorization.verification.pieces import EMBEDDINGS

STEPS = (*range(1000, 9000, 1000),)
SMALL, LARGE = "EleutherAI/pythia-70m-v0", "EleutherAI/pythia-160m-v0"
SEEDS = tuple(f"EleutherAI/pythia-70m-seed{seed}" for seed in (1, 2, 3))
# Which is not declared.
OLMO = "allenai/OLMo-2-0325-32B"
HIDDEN = {SMALL: 8, LARGE: 12, OLMO: 10} | dict.fromkeys(SEEDS, 8)
COMMON = {"tokenizer.json": b"{}", "special_tokens_map.json": b"{}"}
# Most steps are safetensors; in shards, in both formats and as bin alone are there as well.
FORMS = {2000: ("bin",), 3000: ("sharded",), 4000: ("sharded",), 7000: ("safetensors", "bin")}

Files = dict[str, bytes]


def suite() -> dict[str, dict[str, Files]]:
    """Return the repositories of two models, of which nothing is wrong."""
    return {name: repository(name) for name in (SMALL, LARGE)}


def repository(name: str) -> dict[str, Files]:
    """Return the branches of a model that learns from step to step; a test may change them."""
    branches = {f"step{step}": dict(_learnt(name, step)) for step in STEPS}
    return branches | {"main": dict(branches[f"step{STEPS[-1]}"])}


@cache
def _learnt(name: str, step: int) -> Files:
    return checkpoint(name, step)


def stages() -> dict[str, Files]:
    """Return the branches of OLMo-2: a stage, two ways on from its end, and the mean of theirs."""
    first, second = STEPS[:5], STEPS[5:]
    branches = {f"stage1-step{step}-tokens{step // 500}B": checkpoint(OLMO, step) for step in first}
    for way in (1, 2):
        for step, seen in zip(first, second, strict=False):
            name = f"stage2-ingredient{way}-step{step}-tokens{step // 500}B"
            branches[name] = checkpoint(OLMO, seen, offset=0.01 * way)
    return branches | {"main": checkpoint(OLMO, second[-1], offset=0.015)}


def checkpoint(name: str, step: int, dtype: type = np.float16, offset: float = 0.0) -> Files:
    """Return the files of a checkpoint."""
    tensors = weights(name, step, dtype, offset)
    files = COMMON | {"config.json": config(HIDDEN[name], np.dtype(dtype).name)}
    for form in FORMS.get(step, ("safetensors",)):
        files |= saved(tensors, form)
    return files


def weights(name: str, step: int, dtype: type, offset: float) -> dict[str, np.ndarray]:
    """Return tensors that go a smooth way, each step with noise of its own."""
    hidden = HIDDEN[name]
    names = (
        EMBEDDINGS[name == OLMO],
        "gpt_neox.layers.0.attention.dense.weight",
        "embed_out.weight",
    )
    run = [*name.encode()]
    start, way = np.random.default_rng(run).normal(size=(2, len(names), 320 * hidden, hidden))
    noise = np.random.default_rng([*run, step]).normal(size=start.shape)
    values = start + way * np.log1p(step) + 0.03 * noise + offset
    return {name: values[i].astype(dtype) for i, name in enumerate(names)}


def saved(tensors: Mapping[str, np.ndarray], form: str) -> Files:
    """Return weights as ``safetensors``, as ``bin``, or as safetensors in two shards."""
    if form == "safetensors":
        return {"model.safetensors": save(dict(tensors), {"format": "pt"})}
    if form == "bin":
        buffer = io.BytesIO()
        torch.save({name: torch.from_numpy(own) for name, own in tensors.items()}, buffer)
        return {"pytorch_model.bin": buffer.getvalue()}
    places, files = {}, {}
    for number, part in enumerate((list(tensors)[:1], list(tensors)[1:]), 1):
        file = f"model-{number:05d}-of-00002.safetensors"
        files[file] = save({name: tensors[name] for name in part}, {"format": "pt"})
        places |= dict.fromkeys(part, file)
    index = json.dumps({"weight_map": places})
    return files | {"model.safetensors.index.json": index.encode()}


def config(hidden: int, dtype: str) -> bytes:
    """Return ``config.json``."""
    said = {
        "model_type": "gpt_neox",
        "hidden_size": hidden,
        "num_hidden_layers": 1,
        "max_position_embeddings": 8,
        "torch_dtype": dtype,
        "transformers_version": "4.24.0",
    }
    return json.dumps(said).encode()


def facts() -> dict:
    """Return what ``pythia.facts`` is to name."""
    models = [
        {"name": name, "parameters": hidden, "layers": 1, "hidden": hidden, "heads": 2}
        | {"vocabulary": 320 * hidden}
        for name, hidden in (("70m", HIDDEN[SMALL]), ("160m", HIDDEN[LARGE]))
    ]
    return {
        "population": 16,
        "sequences_per_step": 2,
        "window": 128,
        "steps": list(STEPS),
        "models": models,
        "rows": {},
        "sample_rows": 8,
        "evaluated": {},
    }
