"""Runs of the pipeline on published suites, against the stand-in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from pipeline.conftest import Study

from memorization import tables

# Fewer models, features and resamples: what differs from micro is where data and times come from.
QUICK = {
    "whether.models": ["logistic"],
    "when.models": ["kaplan_meier", "kaplan_meier_strata", "logistic"],
    "features.families": [
        "duplication",
        "frequency",
        "infinigram",
        "position",
        "surprisal",
        "sibling",
    ],
    "bootstrap.replicates": 20,
}


def settings(facts: Path, **changes: Any) -> dict[str, Any]:
    """Return the parameters that differ; ``__`` in a name stands for a point."""
    changes = {name.replace("__", "."): value for name, value in changes.items()}
    return QUICK | {"pythia.facts": str(facts)} | changes


def experiment(study: Study, facts: Path, check: bool = True, **changes: Any) -> Any:
    """Run the pipeline as a user does."""
    return study.run("dvc", "exp", "run", *options_of(settings(facts, **changes)), check=check)


def options_of(settings: Mapping[str, Any]) -> list[str]:
    """Return parameters as `dvc exp run` takes them."""
    return [own for name in settings for own in ("-S", f"{name}={json.dumps(settings[name])}")]


def run_stages(study: Study, facts: Path, *names: str, **changes: Any) -> str:
    """Run some stages, without DVC."""
    path = study.folder / "params.yaml"
    params = yaml.safe_load(path.read_text("utf-8"))
    for name, value in settings(facts, **changes).items():
        section, _, key = name.rpartition(".")
        (params[section] if section else params)[key] = value
    path.write_text(json.dumps(params), "utf-8")  # JSON is YAML
    return study.stages(*names)


def metrics(study: Study, name: str) -> dict[str, Any]:
    return json.loads((study.folder / f"results/metrics/{name}.json").read_text())


def sequences(study: Study) -> pd.DataFrame:
    return tables.read_table(study.folder / "results/sequences.parquet", tables.SEQUENCES)


def labels(study: Study) -> pd.DataFrame:
    return tables.read_table(study.folder / "results/labels.parquet", tables.LABELS)


def trajectories(study: Study) -> dict[str, np.ndarray]:
    with np.load(study.folder / "results/trajectories.npz") as saved:
        return dict(saved)
