"""The stages of the study, run with one seed in a folder of their own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from memorization.errors import UserError
from memorization.files import read_json, read_kept, replacing, write_json
from memorization.params import Params
from memorization.resume import file_digest
from memorization.sources import code_digest
from memorization.suite.micro.suite import MicroSuite
from memorization.suite.read import read_suite
from memorization.tables import ARM, LABELS, read_table

FOLDER = Path("results/.seeds")
# What a seed's numbers come from, in the order of the pipeline.
STAGES = ("suite", "sequences", "labels", "features", "split", "arm", "whether", "when")
METRICS = ("arm", "whether", "when")
DONE, MEMORIZED = "done.json", "memorized.npz"


@dataclass(frozen=True)
class Run:
    """What is kept of one seed's run.

    Attributes
    ----------
    seed : int
    metrics : the metrics files by name, those of `METRICS`.
    arm : the units of the randomised arm, as `memorization.tables.ARM`.
    window, memorized : int64 and bool [n], the natural windows, sorted, and whether the target has
        memorized them at the end.
    """

    seed: int
    metrics: dict[str, Any]
    arm: pd.DataFrame
    window: np.ndarray
    memorized: np.ndarray


def study_of(params: Params) -> dict[str, Any]:
    """Return the parameters that say what is studied, as JSON values; not the seed."""
    return {
        "target": params.target,
        "suite": params.suite.model_dump(mode="json"),
        "arm": params.arm.model_dump(mode="json"),
        "followed": params.sequences.followed,
        "event": params.when.event,
    }


def made_from(root: Path) -> dict[str, str]:
    """Return digests of all that a run depends on, but for the seed: params, code and corpus."""
    settings = _settings(root) | {"seed": None}
    return {
        "params": hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest(),
        "code": code_digest(*(f"memorization.stages.{stage}" for stage in STAGES)),
        "corpus": file_digest(root / "data" / "corpus.tar.xz"),
    }


def run_of(root: Path, seed: int, own_seed: int, origin: dict[str, str]) -> Run:
    """Return a seed's run: that of the repository if it has this seed, one kept, or one made now.

    A run that was interrupted goes on where it was. When it is finished, all is deleted but what a
    `Run` holds, most of all the checkpoints.

    Raises
    ------
    UserError
        If a stage fails; what it said was printed.
    """
    if seed == own_seed:
        results = root / "results"
        return _read(seed, results, *_memorized(results))
    folder = root / FOLDER / str(seed)
    results, done = folder / "results", read_kept(folder / DONE)
    if done.get("made_from") != origin:
        done = {"made_from": origin, "stages": []}
    _prepare(root, folder, seed)
    for stage in STAGES:
        if stage in done["stages"]:
            continue
        print(f"seed {seed}: {stage}", flush=True)
        _run_stage(root, folder, stage)
        if stage == STAGES[-1]:
            _keep_memorized(results)
        done["stages"].append(stage)
        write_json(done, folder / DONE)
    _clear(results)
    with np.load(results / MEMORIZED) as kept:
        return _read(seed, results, kept["window"], kept["memorized"])


def windows(results: Path, index: np.ndarray) -> np.ndarray:
    """Return which window of the corpus each sequence is, int64 [n], whatever the seed."""
    suite = read_suite(results / "suite")
    assert isinstance(suite, MicroSuite)
    return suite.documents["window"].to_numpy(dtype=np.int64)[index]


def _memorized(results: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the natural windows, int64 [n], sorted, and whether they are memorized, bool [n]."""
    labels = read_table(results / "labels.parquet", LABELS)
    window = windows(results, labels["index"].to_numpy())
    order = np.argsort(window)
    return window[order], labels["memorized"].to_numpy(dtype=bool)[order]


def _prepare(root: Path, folder: Path, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(_settings(root) | {"seed": seed}, sort_keys=False)
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    data = folder / "data"
    data.unlink(missing_ok=True)
    data.symlink_to(root / "data", target_is_directory=True)


def _run_stage(root: Path, folder: Path, stage: str) -> None:
    command = [sys.executable, "-m", f"memorization.stages.{stage}"]
    environment = os.environ | {"PYTHONPATH": str(root / "src")}
    if subprocess.run(command, cwd=folder, env=environment).returncode:
        raise UserError(
            f"seed {folder.name}: the stage {stage} failed, as it says above; what is finished is "
            "kept, and the same command goes on from there"
        )


def _keep_memorized(results: Path) -> None:
    window, memorized = _memorized(results)
    with replacing(results / MEMORIZED) as partial, partial.open("wb") as file:
        np.savez_compressed(file, window=window, memorized=memorized)


def _clear(results: Path) -> None:
    """Delete the results of a finished run but for what a `Run` holds."""
    for path in results.iterdir():
        if path.name in ("metrics", "arm.parquet", MEMORIZED):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _read(seed: int, results: Path, window: np.ndarray, memorized: np.ndarray) -> Run:
    metrics = {name: read_json(results / "metrics" / f"{name}.json") for name in METRICS}
    arm = read_table(results / "arm.parquet", ARM)
    return Run(seed, metrics, arm, window, memorized)


def _settings(root: Path) -> dict[str, Any]:
    settings: dict[str, Any] = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    return settings
