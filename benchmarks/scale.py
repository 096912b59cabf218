"""How do the later stages grow with the sample? Wall time and peak memory of each, on one core.

python benchmarks/scale.py ROWS [--checkpoints C] [--stages split whether when …]

A made-up study in the shape of Pythia's: a sixth of the rows are cases, 60 features, repeated texts
that overlap at many offsets, C evaluations (7 as published, 143 for a whole scan). The stages are
the real ones, each in a process of its own. The same numbers go in every time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from memorization import tables
from memorization.features import FAMILIES
from memorization.files import write_metrics
from memorization.labels.events import event_times
from memorization.labels.trajectories import UNKNOWN, Trajectories
from memorization.protocol import CONTINUATION, PYTHIA, SEQUENCE

ROOT = Path(__file__).parents[1]
STAGES = ("split", "association", "whether", "when", "report")
N_FEATURES = 60
POPULATION, PER_STEP, STEPS = 146_432_000, 1024, 143_000
MEMORIZED = 2_382_326
# Hidden size, layers, heads and parameters, only to be shown.
SHAPE = {"hidden": 512, "layers": 6, "heads": 8}


def main() -> None:
    """Write a study in a temporary folder, run the stages in it and print what they take."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", type=int)
    parser.add_argument("--checkpoints", type=int, default=7)
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_study(Path(folder), arguments.rows, arguments.checkpoints)
        print(
            f"{arguments.rows:,} rows, {N_FEATURES} features, {arguments.checkpoints} checkpoints"
        )
        for stage in STAGES:
            wall, cpu, gigabytes, output = measure(stage, Path(folder))
            if stage in arguments.stages:
                print(
                    f"{stage:8} {wall:8.1f} s wall {cpu:8.1f} s CPU {gigabytes:6.2f} GB", flush=True
                )
            if output:
                sys.exit(output)
            if stage == arguments.stages[-1]:
                break


def measure(stage: str, folder: Path) -> tuple[float, float, float, str]:
    """Return wall and CPU seconds and peak gigabytes of a stage, and its errors where it failed."""
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    with (folder / "errors.txt").open("w+") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", f"memorization.stages.{stage}"],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        cpu, output = usage.ru_utime + usage.ru_stime, errors.read()
        return seconds, cpu, usage.ru_maxrss / 2**20, output if process.returncode else ""


def write_study(folder: Path, n: int, n_checkpoints: int) -> None:
    """Write params.yaml and all that the stages from split on read."""
    rng = np.random.default_rng(0)
    results = folder / "results"
    (results / "suite").mkdir(parents=True)
    (folder / "paper").mkdir()
    case = np.arange(n) < n // 6
    copies, tokens = made_up_texts(case, rng)
    order = rng.permutation(n)
    case, copies, tokens = case[order], copies[order], tokens[order]
    index = np.sort(rng.choice(POPULATION, n, replace=False)).astype(np.int64)
    weight = np.where(case, MEMORIZED / case.sum(), (POPULATION - MEMORIZED) / (~case).sum())
    steps = STEPS // n_checkpoints * np.arange(1, n_checkpoints + 1)
    steps[-1] = STEPS
    # Who is memorized early, among those who are at all.
    earliness = rng.normal(size=n) + 0.4 * np.log(copies)
    features = made_up_features(case, copies, earliness, rng)
    features.insert(0, "index", index)
    match_length = made_up_trajectories(case, earliness, n_checkpoints, rng)
    # Published evaluations leave out what was not trained on by then; a scan does not.
    published = n_checkpoints == 7
    observed = (index[:, None] < PER_STEP * steps) | (not published)
    trajectories = Trajectories(
        index,
        steps,
        np.where(observed, match_length, UNKNOWN).astype(np.int8),
        np.full(observed.shape, np.nan, np.float32),
        observed,
    )
    sequences = pd.DataFrame(
        {
            "index": index,
            "step": (index // PER_STEP + 1).astype(np.int32),
            "tokens": tables.token_column(tokens),
            "domain": pd.Series([None] * n, dtype=object),
            "case": case,
            "weight": weight,
        }
    )
    labels = event_times(trajectories)
    for name, table, schema in (
        ("sequences", sequences, tables.SEQUENCES),
        ("labels", labels, tables.LABELS),
        ("features", features, tables.FEATURES),
    ):
        tables.write_table(table, results / f"{name}.parquet", schema)
    trajectories.write(results / "trajectories.npz")
    metrics = made_up_metrics(labels, weight, "published" if published else "scan")
    write_metrics(metrics, results / "metrics/labels.json")
    write_metrics(no_siblings(), results / "metrics/siblings.json")
    manifest = {
        "suite": "pythia",
        "variant": "duped",
        "release": "v0",
        "corpus": {"source": "sample", "tokens": 5_000_000 * SEQUENCE},
        "population": POPULATION,
        "window": 2049,
        "vocabulary": 50_304,
        "models": [
            {"name": name, "parameters": 70_000_000 * 2**place, "shape": SHAPE}
            for place, name in enumerate(PYTHIA)
        ],
        "labelled": list(PYTHIA),
        "sequences_per_step": PER_STEP,
        "steps": steps.tolist(),
    }
    (results / "suite/manifest.json").write_text(json.dumps(manifest))
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    families = sorted({name.partition(".")[0] for name in features if name != "index"})
    params |= {"target": "12b", "threads": 1, "features": {"families": families}}
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")


def made_up_texts(case: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return how often each row's text occurs, float [n], and tokens [n, 64].

    Most cases, and some others, are passages of long texts that few or many share.
    """
    n = len(case)
    n_texts = max(n // 40, 2)
    shared = rng.random(n) < np.where(case, 0.6, 0.05)
    popularity = 1 / np.arange(1, n_texts + 1)
    text = rng.choice(n_texts, n, p=popularity / popularity.sum())
    long_texts = rng.integers(1, 50_000, (n_texts, 4 * SEQUENCE), dtype=np.int32)
    offset = rng.integers(0, 3 * SEQUENCE, n)
    passages = long_texts[text[:, None], offset[:, None] + np.arange(SEQUENCE)]
    tokens = np.where(shared[:, None], passages, rng.integers(1, 50_000, (n, SEQUENCE)))
    copies = np.where(shared, 1 + np.bincount(text, minlength=n_texts)[text], 1)
    return copies.astype(np.float64), tokens.astype(np.int32)


def made_up_features(
    case: np.ndarray, copies: np.ndarray, earliness: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Return features [n, 60]: a few tell who is memorized, or when; most tell little."""
    declared = [
        f"{family.name}.{feature.name}"
        for family in FAMILIES.values()
        for feature in family.features
        if not feature.is_template and family.name != "sibling"
    ]
    siblings = [f"sibling.{name}_memorized" for name in PYTHIA[:-1]]
    # Where more are declared, the first of each family's share.
    places = np.linspace(0, len(declared) - 1, min(N_FEATURES - len(siblings), len(declared)))
    names = [declared[place] for place in np.unique(places.astype(int))]
    table = {}
    for place, name in enumerate(names):
        signal = 1.5 / (1 + place % 12)
        table[name] = signal * case - signal * earliness / 3 + rng.normal(size=len(case))
        if name.endswith("_count"):
            table[name] = np.exp(np.clip(table[name], -3, 6))
    table["duplication.sequence_count"] = copies
    for place, name in enumerate(siblings):
        table[name] = case & (rng.random(len(case)) < 0.2 + 0.08 * place)
    return pd.DataFrame(table).astype(np.float64)


def made_up_trajectories(
    case: np.ndarray, earliness: np.ndarray, n_checkpoints: int, rng: np.random.Generator
) -> np.ndarray:
    """Return match lengths, int8 [n, c]: the cases are memorized from some checkpoint on."""
    rank = np.argsort(np.argsort(-earliness)) / len(case)
    first = np.where(case, (0.8 * rank + 0.2 * rng.random(len(case))) * n_checkpoints, np.inf)
    memorized = np.arange(n_checkpoints) >= np.floor(first)[:, None]
    # Some are lost again for a checkpoint, and some others are memorized for one.
    memorized &= rng.random(memorized.shape) > 0.05
    memorized |= rng.random(memorized.shape) < 0.001
    memorized[:, -1] = case
    below = rng.integers(0, CONTINUATION, memorized.shape)
    return np.where(memorized, CONTINUATION, below).astype(np.int8)


def made_up_metrics(labels: pd.DataFrame, weight: np.ndarray, source: str) -> dict[str, object]:
    """Return metrics of the labels that the report can be made of."""
    at_end = labels["memorized"].to_numpy()
    quantiles = {f"{q}%": float(STEPS * q // 100) for q in (10, 25, 50, 75, 90)}
    return {
        "sequences": len(labels),
        "distinct_texts": len(labels),
        "memorized": {
            "sequences": int(at_end.sum()),
            "distinct_texts": int(at_end.sum()),
            "population_fraction": float(np.average(at_end, weights=weight)),
        },
        "forgotten": {"sequences": 0, "population_fraction": 0.0},
        "of_the_memorized": {
            "first_step_quantiles": quantiles,
            "stable_step_quantiles": quantiles,
            "median_switches": 1.0,
            "before_being_seen": 0.1,
        },
        "target": "12b",
        "population": POPULATION,
        "memorized_by_model": {
            name: MEMORIZED // 2 ** (7 - place) for place, name in enumerate(PYTHIA)
        },
        "times": {"source": source},
    }


def no_siblings() -> dict[str, object]:
    """Return metrics of siblings that tell nothing: their stage reads the suite."""
    checkpoints = {"relative_compute": [], "population": {"precision": [], "recall": []}}
    return {
        "target": "12b",
        "compute": {name: 2**place for place, name in enumerate(PYTHIA)},
        "pairs": {},
        "evaluated_pairs": None,
        "checkpoints": checkpoints | {"evaluated": None},
        "population": POPULATION,
    }


if __name__ == "__main__":
    main()
