"""A small results folder with made-up numbers, in the shape that the stages write."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from memorization import tables
from memorization.metrics.files import write_metrics
from memorization.params import load_params
from memorization.protocol import TIERS
from memorization.report.results import Results
from memorization.report.write import write_report

ROOT = Path(__file__).parents[2]
N, POPULATION = 240, 4000
STEPS = 50 * np.arange(1, 13)
MODELS = ("micro-140k", "micro-360k", "micro-1100k")
BASELINES = {
    "whether": {"prevalence": "text", "duplicate_count": "corpus", "smaller_sibling": "sibling"},
    "when": {"kaplan_meier": "text", "kaplan_meier_strata": "corpus"},
}
METRICS = {
    "whether": (
        *("auroc", "average_precision", "brier", "calibration_slope", "log_loss"),
        *("observed_to_expected", "accuracy", "f1", "precision", "recall"),
    ),
    "when": (
        *("concordance", "concordance_memorized", "integrated_brier", "brier_skill"),
        "absolute_error_steps",
    ),
}
STRATA = ("1", "2-4", "5-19", "20-99", "100+")


def made_up(rng):
    low, value, high = np.sort(rng.uniform(0.02, 0.98, 3))
    return {"value": value, "low": low, "high": high}


def undefined(value=None):
    """A metric, or an interval, that the bootstrap could not define."""
    return {"value": value, "low": None, "high": None}


def runs(params, question, tiers):
    """Return every (tier, model) that is scored."""
    models = [m for m in getattr(params, question).models if m not in BASELINES[question]]
    return [
        *((tier, model) for model, tier in BASELINES[question].items() if tier in tiers),
        *((tier, model) for tier in tiers for model in models),
    ]


def write_study(folder, params, tiers=TIERS, seed=0):
    """Write a results folder of made-up numbers and return it."""
    rng = np.random.default_rng(seed)
    (folder / "metrics").mkdir(parents=True)
    write_suite(folder / "suite", rng)
    match_length = write_tables(folder, rng)
    write_predictions(folder, params, tiers, match_length[:, -1] == 32, rng)
    write_all_metrics(folder / "metrics", params, tiers, rng)
    return folder


def write_suite(folder, rng):
    folder.mkdir()
    manifest = {
        "models": [
            {"name": name, "parameters": size}
            for name, size in zip(MODELS, (143_200, 362_000, 1_121_024), strict=True)
        ],
        "steps": STEPS.tolist(),
        "sequences_per_step": 8,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    np.save(folder / "windows.npy", rng.integers(9, size=(POPULATION, 128)).astype(np.uint16))
    domains = pa.table({"index": np.arange(POPULATION), "domain": ["code", "prose"] * 2000})
    parquet.write_table(domains, folder / "domains.parquet")


def write_tables(folder, rng):
    index = np.sort(rng.choice(POPULATION, N, replace=False)).astype(np.int64)
    match_length = rng.integers(25, 33, size=(N, len(STEPS))).astype(np.int8)
    case = match_length[:, -1] == 32
    stable = pd.array(np.where(case, STEPS[-1], 0).astype(np.int32), dtype="Int32")
    stable[~case] = pd.NA
    labels = pd.DataFrame(
        {
            "index": index,
            "memorized": case,
            "match_length": match_length[:, -1],
            "first_step": stable,
            "stable_step": stable,
            "entry": np.zeros(N, np.int32),
            "lower": np.where(case, STEPS[-2], STEPS[-1]).astype(np.int32),
            "upper": stable,
        }
    )
    sequences = pd.DataFrame(
        {
            "index": index,
            "step": (index // 8 + 1).astype(np.int32),
            "tokens": tables.token_column(np.zeros((N, 64), dtype=np.int32)),
            "domain": pd.Series(["code"] * N, dtype=object),
            "case": case,
            "weight": np.where(case, 1.0, 18.0),
        }
    )
    splits = pd.DataFrame({"index": index, "cluster": np.arange(N) // 2})
    for column in ("fold", "fold_continuation", "fold_random"):
        splits[column] = (np.arange(N) // 2 % 5).astype(np.int32)
    tables.write_table(labels, folder / "labels.parquet", tables.LABELS)
    tables.write_table(sequences, folder / "sequences.parquet", tables.SEQUENCES)
    # In another order, as nothing promises that tables share theirs.
    tables.write_table(splits[::-1], folder / "splits.parquet", tables.SPLITS)
    np.savez(
        folder / "trajectories.npz",
        index=index[::-1],
        steps=STEPS,
        match_length=match_length[::-1],
        continuation_logprob=np.zeros(match_length.shape, np.float32),
    )
    return match_length


def write_predictions(folder, params, tiers, case, rng):
    index = tables.read_table(folder / "sequences.parquet", tables.SEQUENCES)["index"]
    parts = {"whether": [], "when": []}
    for question, found in parts.items():
        for tier, model in runs(params, question, tiers):
            part = pd.DataFrame({"index": index, "model": model, "tier": tier})
            part["fold"] = np.int32(0)
            risk = np.clip(0.05 + 0.3 * case + rng.uniform(-0.05, 0.5, N), 0, 1)
            if question == "whether":
                part["probability"] = risk
            else:
                part["survival"] = tables.survival_column(1 - risk[:, None] * STEPS / STEPS[-1])
            # Rows in another order than those of the sequences.
            found.append(part.iloc[rng.permutation(N)])
    predictions = folder / "predictions"
    for question, schema in (("whether", tables.WHETHER), ("when", tables.WHEN)):
        table = pd.concat(parts[question], ignore_index=True)
        tables.write_table(table, predictions / f"{question}.parquet", schema)
    importance = [
        {
            "model": model,
            "tier": tier,
            "feature": name,
            "importance": value,
            "low": 0.0,
            "high": 0.9,
        }
        for tier in tiers
        for model in params.whether.models
        for name, value in (
            ("duplication", 0.4),
            ("duplication.sequence_count", 0.3),
            ("repetition", 0.1),
            ("repetition.longest_run", 0.05),
        )
    ]
    table = pd.DataFrame(importance)
    tables.write_table(table, predictions / "importance.parquet", tables.IMPORTANCE)
    curves = []
    for place, stratum in enumerate(("1", "2–4", "5–19", "20–99", "≥100")):
        survival = 1 - 0.2 * place * STEPS / STEPS[-1]
        curve = pd.DataFrame({"stratum": stratum, "step": STEPS.astype(np.int32)})
        curve["survival"] = survival
        curve["low"], curve["high"] = survival * 0.9, survival * 0.9 + 0.1
        if stratum == "≥100":
            curve["low"] = curve["high"] = np.nan
        curve["n"], curve["n_events"] = 40, 10
        curves.append(curve)
    table = pd.concat(curves, ignore_index=True)
    tables.write_table(table, predictions / "kaplan_meier.parquet", tables.KAPLAN_MEIER)


def write_all_metrics(folder, params, tiers, rng):
    write_metrics(labels_metrics(params), folder / "labels.json")
    fold = dict.fromkeys(
        ("smallest", "largest", "fewest_cases", "most_cases", "exposed", "exposed_cases"), 7
    )
    sizes = ("count", "single", "with_cases", "largest", "largest_cases")
    cut = ("clusters_cut", "largest_before", "windows_shared", "windows_split", "exposed")
    split = {
        "clusters": dict.fromkeys(sizes, 12) | {"effective_with_cases": 6.543},
        "cut": dict.fromkeys((*cut, "exposed_cases"), 3),
        "rows": N,
        "cases": 30,
        **dict.fromkeys(("fold", "fold_continuation", "fold_random"), fold),
    }
    write_metrics(split, folder / "split.json")
    for question in ("whether", "when"):
        scores = {}
        for tier, model in runs(params, question, tiers):
            scores.setdefault(tier, {})[model] = {name: made_up(rng) for name in METRICS[question]}
        baseline = scores["text"]["prevalence" if question == "whether" else "kaplan_meier"]
        baseline |= {"calibration_slope": undefined(), "f1": undefined()}
        write_metrics(scores | extras(params, question, tiers, rng), folder / f"{question}.json")


def extras(params, question, tiers, rng):
    if question == "when":
        return {
            "event": params.when.event,
            "n": N,
            "n_events": 30,
            "population_fraction": 0.0123,
            "event_step_quantiles": {"10%": 100, "50%": 300, "90%": 600},
        }
    gains = ("auroc", "auroc_gain", "average_precision", "average_precision_gain")
    leakage = {
        scheme: {
            tier: {model: {name: made_up(rng) for name in gains} for model in params.whether.models}
            for tier in tiers
        }
        for scheme in ("fold_continuation", "fold_random")
    }
    strata = {
        name: {"n": 48, "cases": 6, "population": 800.0, "prevalence": made_up(rng)}
        for name in STRATA
    }
    strata["100+"]["prevalence"] = undefined(0.93)
    return {
        "n": N,
        "cases": 30,
        "prevalence": made_up(rng),
        "leakage": leakage,
        "strata": strata,
    }


def labels_metrics(params):
    quantiles = {"10%": 100.0, "25%": 200.0, "50%": 300.0, "75%": 450.0, "90%": 600.0}
    return {
        "sequences": N,
        "distinct_texts": 200,
        "memorized": {"sequences": 30, "distinct_texts": 17, "population_fraction": 0.01525},
        "forgotten": {"sequences": 20, "population_fraction": 0.005},
        "of_the_memorized": {
            "first_step_quantiles": quantiles,
            "stable_step_quantiles": quantiles,
            "median_switches": 3.0,
            "before_being_seen": 0.25,
        },
        "target": params.target,
        "population": POPULATION,
        "memorized_by_model": {"micro-140k": 12, "micro-360k": 30, "micro-1100k": 61},
    }


@pytest.fixture(scope="session")
def params():
    params = load_params(ROOT / "params.yaml")
    return params.model_copy(
        update={"bootstrap": params.bootstrap.model_copy(update={"replicates": 50})}
    )


@pytest.fixture(scope="session")
def results(params, tmp_path_factory):
    """Made-up results of the default target."""
    return Results(write_study(tmp_path_factory.mktemp("study") / "results", params), params)


@pytest.fixture(scope="session")
def paper(results, tmp_path_factory):
    """A paper folder with the manuscript's sources, an old report, and then a new one on top."""
    folder = tmp_path_factory.mktemp("paper")
    for name in ("index.qmd", "_quarto.yml", "references.bib"):
        shutil.copy(ROOT / "paper" / name, folder)
    for stale in ("figures/gone.svg", "tables/gone.md"):
        (folder / stale).parent.mkdir()
        (folder / stale).write_text("old")
    write_report(results, folder)
    return folder


@pytest.fixture(scope="session")
def smallest(params, tmp_path_factory):
    """Made-up results of the smallest target, which has no reference and no siblings."""
    params = params.model_copy(update={"target": MODELS[0]})
    folder = tmp_path_factory.mktemp("smallest") / "results"
    return Results(write_study(folder, params, tiers=TIERS[:2], seed=1), params)


@pytest.fixture
def rng():
    return np.random.default_rng(0)
