"""The stages of the study, run with one seed in a folder of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from memorization.arm.forecasts import read_forecasts
from memorization.arm.onset import histories_of
from memorization.errors import UserError
from memorization.files import read_json, read_kept, write_json
from memorization.intensities.forward import Forecast
from memorization.labels.trajectories import Trajectories
from memorization.params import Params, read_yaml
from memorization.resume import PARTIAL, digest_of, file_digest
from memorization.sources import code_digest
from memorization.study import Histories
from memorization.suite.micro.suite import MicroSuite
from memorization.suite.read import read_suite
from memorization.tables import ARM, LABELS, read_table

FOLDER = Path("results/.seeds")
# What a seed's numbers come from, in the order of the pipeline.
STAGES = ("suite", "sequences", "labels", "features", "split", "whether", "when", "arm")
# The last that loads checkpoints.
SCAN = "labels"
METRICS = ("arm", "whether", "when")
DONE = "done.json"


@dataclass(frozen=True)
class Run:
    """What is told of one seed's run.

    Attributes
    ----------
    seed : int
    metrics : the metrics files by name, those of `METRICS`.
    arm : the units of the randomised arm, as `memorization.tables.ARM`.
    histories : of the units.
    forecasts : of the units by models of the seed's natural texts; there may be none.
    window, memorized : int64 and bool [n], the natural windows, sorted, and whether the target has
        memorized them at the end.
    """

    seed: int
    metrics: dict[str, Any]
    arm: pd.DataFrame
    histories: Histories
    forecasts: dict[str, Forecast]
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
    """Return stage -> digest of all that its results depend on, but for the seed.

    These are its code, the params and the files that ``dvc.yaml`` says it reads, and the digests of
    the stages that made those of them that are results.
    """
    pipeline = read_yaml(root / "dvc.yaml")["stages"]
    settings = read_yaml(root / "params.yaml") | {"seed": None}
    maker = {out: stage for stage in STAGES for out in _outs(pipeline[stage])}
    found: dict[str, str] = {}
    for stage in STAGES:
        deps = [path for path in pipeline[stage]["deps"] if not path.startswith("src/")]
        inputs = {
            # The schema of a table checks what is written, and changes nothing of it.
            "code": code_digest(f"memorization.stages.{stage}", apart=["memorization.tables"]),
            "params": {name: value_at(settings, name) for name in pipeline[stage]["params"]},
            "files": {
                path: found[maker[path]] if path in maker else file_digest(root / path)
                for path in deps
            },
        }
        found[stage] = digest_of(inputs)
    return found


def run_of(root: Path, seed: int, own_seed: int, origin: dict[str, str]) -> Run:
    """Return a seed's run: that of the repository if it has this seed, one kept, or one made now.

    Stages whose results are there and depend on nothing that has changed are not repeated, so an
    interrupted run goes on where it was. Checkpoints are deleted as soon as they were evaluated:
    a change of what is scanned, or how, trains anew.

    Parameters
    ----------
    origin : as from `made_from`.

    Raises
    ------
    UserError
        If a stage fails; what it said was printed.
    """
    if seed == own_seed:
        return _read(seed, root / "results")
    folder = root / FOLDER / str(seed)
    done = read_kept(folder / DONE)
    stale = [stage for stage in STAGES if done.get(stage) != origin[stage]]
    if SCAN in stale and "suite" not in stale:
        # It sees for itself whether the checkpoints are still there.
        stale.insert(0, "suite")
    _prepare(root, folder, seed)
    for stage in stale:
        print(f"seed {seed}: {stage}", flush=True)
        # What is half made anew is not what it was.
        done.pop(stage, None)
        write_json(done, folder / DONE)
        _run_stage(root, folder, stage)
        if stage == SCAN:
            _delete_checkpoints(folder)
        done[stage] = origin[stage]
        write_json(done, folder / DONE)
    return _read(seed, folder / "results")


def value_at(content: Any, path: str) -> Any:
    """Return what is at a path of keys, joined by dots, in nested mappings; None: nothing is."""
    for key in path.split("."):
        content = content.get(key) if isinstance(content, Mapping) else None
    return content


def windows(results: Path, index: np.ndarray) -> np.ndarray:
    """Return which window of the corpus each sequence is, int64 [n], whatever the seed."""
    suite = read_suite(results / "suite")
    assert isinstance(suite, MicroSuite)
    return suite.documents["window"].to_numpy(dtype=np.int64)[index]


def _prepare(root: Path, folder: Path, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # JSON is YAML, whatever the version.
    write_json(read_yaml(root / "params.yaml") | {"seed": seed}, folder / "params.yaml")
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


def _delete_checkpoints(folder: Path) -> None:
    shutil.rmtree(folder / PARTIAL, ignore_errors=True)
    for checkpoint in (folder / "results" / "suite").glob("*/step*"):
        shutil.rmtree(checkpoint)


def _read(seed: int, results: Path) -> Run:
    labels = read_table(results / "labels.parquet", LABELS)
    window = windows(results, labels["index"].to_numpy())
    order = np.argsort(window)
    units = read_table(results / "arm.parquet", ARM)
    histories = histories_of(units, Trajectories.read_arm(results / "trajectories.npz"))
    return Run(
        seed,
        {name: read_json(results / "metrics" / f"{name}.json") for name in METRICS},
        units,
        histories,
        read_forecasts(results, units),
        window[order],
        labels["memorized"].to_numpy(dtype=bool)[order],
    )


def _outs(stage: dict[str, Any]) -> list[str]:
    """Return the paths that a stage of dvc.yaml makes; one with options is a mapping to them."""
    outs = [*stage.get("outs", []), *stage.get("metrics", [])]
    return [next(iter(out)) if isinstance(out, dict) else out for out in outs]
