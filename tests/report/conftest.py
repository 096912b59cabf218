"""A small results folder with made-up numbers, in the shape that the stages write."""

import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up_arm import histories, natural_texts, outcomes_table
from tokenizers import Tokenizer
from tokenizers.models import BPE

from memorization import tables
from memorization.arm.analyse import analyse
from memorization.files import write_metrics
from memorization.intensities.forward import Forecast
from memorization.labels.events import event_times
from memorization.labels.trajectories import Trajectories
from memorization.params import load_params
from memorization.protocol import PYTHIA, TIERS
from memorization.report.results import PREDICTIONS, Results
from memorization.report.write import write_report
from memorization.seeds.runs import STAGES, study_of, value_at
from memorization.seeds.summary import DIFFERENCES, HEADLINE, spread
from memorization.strata import STRATA

ROOT = Path(__file__).parents[2]
N, POPULATION = 240, 4000
STEPS = 50 * np.arange(1, 13)
MODELS = {"micro-140k": 143_200, "micro-360k": 362_000, "micro-1100k": 1_121_024}
PYTHIA_SIZES = (70_426_624, 162_322_944, 405_334_016, 1_011_781_632, 1_414_647_808)
PYTHIA_SIZES += (2_775_208_960, 6_857_302_016, 11_846_072_320)
MEMORIZED = (12, 30, 61, 80, 90, 100, 110, 120)
SHAPES = ((32, 1, 2), (64, 2, 4), (128, 3, 4), *[(512, 6, 8)] * 5)
BASELINES = {
    "whether": {
        "prevalence": ["text"],
        "ngrams": ["text"],
        "single_feature": TIERS,
        "duplicate_count": ["corpus"],
        "continuation_count": ["corpus"],
        "smaller_sibling": ["sibling"],
    },
    "when": {
        "kaplan_meier": ["text"],
        "kaplan_meier_strata": ["corpus"],
        "count": ["corpus"],
        "exposure_clock": ["corpus"],
        "accumulation": ["corpus"],
    },
}
FITTED = ("logistic", "boosting", "stacked", "without_text", "aft", "cox", "forest")
ABSORBING = ("aft", "cox", "forest")
UNDEFINED = {"value": None, "low": None, "high": None}
COST = {
    "checkpoints": 12,
    "sequences": N,
    "gigabytes": 419.0,
    "flops": 1.5e18,
    "gpu_hours": {"A100": 4.25, "H100": 1.4},
}
# Steps that were evaluated, by the source of the times.
EVALUATED = {"scan": STEPS, "published": STEPS[5::3], "none": STEPS[-1:]}


def made_up(rng):
    low, value, high = np.sort(rng.uniform(0.02, 0.98, 3))
    return {"value": value, "low": low, "high": high}


def runs(params, question, tiers, duplicates=True):
    """Return every (tier, model) that is scored; without counts, no baseline that needs them."""
    if question == "association":
        return []
    models = [m for m in getattr(params, question).models if m not in BASELINES[question]]
    baselines = [
        (tier, model)
        for model, own in BASELINES[question].items()
        for tier in own
        if tier in tiers and (duplicates or own != ["corpus"])
    ]
    return baselines + [(tier, model) for tier in tiers for model in models]


def write_study(folder, params, tiers=TIERS, seed=0, source="scan", duplicates=True):
    """Write a results folder of made-up numbers and return it.

    ``source`` is that of the times: scan, published, or none, with which *when* is not done.
    """
    rng = np.random.default_rng(seed)
    (folder / "metrics").mkdir(parents=True)
    write_suite(folder / "suite", params)
    case = write_tables(folder, rng, source)
    write_predictions(folder, params, tiers, case, rng, source, duplicates)
    metrics = all_metrics(params, tiers, rng, source, duplicates)
    index = tables.read_table(folder / "sequences.parquet", tables.SEQUENCES)["index"].tolist()
    for kind in ("memorized_though_rare", "not_memorized_though_frequent"):
        cases = metrics["whether"].get("hard_cases", {}).get(kind, [])
        for case, own in zip(cases, index, strict=False):
            case["index"] = own
    for name, found in metrics.items():
        write_metrics(found, folder / "metrics" / f"{name}.json")
    if not params.is_pythia:
        write_metrics(seeds_metrics(params, metrics, rng), folder / "metrics" / "seeds.json")
    return folder


def models_of(params):
    """Return the models of the target's suite, as far as it holds any, with their sizes."""
    if params.is_pythia:
        n = PYTHIA.index(params.target) + 1
        return dict(zip(PYTHIA[:n], PYTHIA_SIZES[:n], strict=True))
    return MODELS


def write_suite(folder, params):
    folder.mkdir()
    models = models_of(params)
    names = ("hidden", "layers", "heads")
    manifest = {
        "suite": "pythia" if params.is_pythia else "micro",
        "population": POPULATION,
        "window": 2049 if params.is_pythia else 128,
        "vocabulary": 50_277 if params.is_pythia else 2048,
        "models": [
            {"name": name, "parameters": size, "shape": dict(zip(names, shape, strict=True))}
            for (name, size), shape in zip(models.items(), SHAPES[: len(models)], strict=True)
        ],
        "labelled": list(models),
        "steps": STEPS.tolist(),
        "sequences_per_step": 8,
        "variant": params.variant,
        "release": params.pythia.models,
        "corpus": {"source": "sample", "rows": 3000, "tokens": 192_000},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    # The made-up tokens are all end-of-text.
    Tokenizer(BPE({"<|endoftext|>": 0}, [])).save(str(folder / "tokenizer.json"))


def made_up_trajectories(rng, index, source):
    """Return evaluations of which published ones leave out what came later, and none all early."""
    steps = EVALUATED[source]
    match_length = rng.integers(25, 33, size=(len(index), len(steps))).astype(np.int8)
    observed = np.ones(match_length.shape, bool)
    if source == "published":
        observed = index[:, None] < 8 * steps
        observed[:, -1] = True
    if source != "scan":
        match_length[(match_length < 32) | ~observed] = -1
    logprob = np.full(match_length.shape, np.nan, np.float32)
    return Trajectories(index, steps, match_length, logprob, observed)


def write_tables(folder, rng, source):
    index = np.sort(rng.choice(POPULATION, N, replace=False)).astype(np.int64)
    trajectories = made_up_trajectories(rng, index, source)
    labels = event_times(trajectories)
    case = labels["memorized"].to_numpy()
    sequences = pd.DataFrame(
        {
            "index": index,
            "step": (index // 8 + 1).astype(np.int32),
            "tokens": tables.token_column(np.zeros((N, 64), dtype=np.int32)),
            "domain": pd.Series([None if source != "scan" else "code"] * N, dtype=object),
            "case": case,
            "weight": np.where(case, 1.0, 18.0),
            "followed": True,
            "when_weight": np.where(case, 1.0, 18.0),
        }
    )
    splits = pd.DataFrame({"index": index, "cluster": np.arange(N) // 2})
    for column in ("fold", "fold_continuation", "fold_random"):
        splits[column] = (np.arange(N) // 2 % 5).astype(np.int32)
    splits["exposed"] = np.arange(N) < 7
    tables.write_table(labels, folder / "labels.parquet", tables.LABELS)
    tables.write_table(sequences, folder / "sequences.parquet", tables.SEQUENCES)
    # In another order, as nothing promises that tables share theirs.
    tables.write_table(splits[::-1], folder / "splits.parquet", tables.SPLITS)
    backwards = {
        name: values if name == "steps" else values[::-1]
        for name, values in vars(trajectories).items()
    }
    units = outcomes_table() if source == "scan" else tables.empty_table(tables.ARM)
    tables.write_table(units, folder / "arm.parquet", tables.ARM)
    of_units = made_up_trajectories(np.random.default_rng(1), units["unit"].to_numpy(), source)
    Trajectories(**backwards).write(folder / "trajectories.npz", of_units)
    exposures = tables.empty_table(tables.EXPOSURES)
    if source == "scan":
        new = rng.poisson(rng.uniform(0, 3, N)[:, None], (N, len(trajectories.steps)))
        met = np.cumsum(new, axis=1).ravel().astype(np.int32)
        exposures = pd.DataFrame(
            {
                "index": np.repeat(index, len(trajectories.steps)),
                "step": np.tile(trajectories.steps, N).astype(np.int32),
                "count": met,
                "continuation_count": met,
            }
        )
    tables.write_table(exposures, folder / "exposures.parquet", tables.EXPOSURES)
    return case


def write_predictions(folder, params, tiers, case, rng, source, duplicates):
    index = tables.read_table(folder / "sequences.parquet", tables.SEQUENCES)["index"]
    parts = {"whether": [], "when": []}
    n_steps = len(EVALUATED[source])
    for question in ("whether", "when") if source != "none" else ("whether",):
        for tier, model in runs(params, question, tiers, duplicates):
            part = pd.DataFrame({"index": index, "model": model, "tier": tier})
            part["fold"] = np.int32(0)
            risk = np.clip(0.05 + 0.3 * case + rng.uniform(-0.05, 0.5, N), 0, 1)
            if question == "whether":
                part["probability"] = risk
                part["positive"] = risk > 0.5
            else:
                happened = risk[:, None] * np.arange(1, n_steps + 1) / n_steps
                part["survival"] = tables.curves_column(1 - happened)
                unknown = np.full(happened.shape, np.nan)
                part["memorized"] = tables.curves_column(
                    unknown if model in ABSORBING else happened
                )
            # Rows in another order than those of the sequences.
            parts[question].append(part.iloc[rng.permutation(N)])
    parts["importance"] = [
        pd.DataFrame({"model": model, "tier": tier, "feature": [name], "importance": value})
        for tier in tiers
        for model in params.whether.models
        for name, value in (
            ("duplication", 0.4),
            ("duplication.sequence_count", 0.3),
            ("repetition", 0.1),
            ("repetition.longest_run", 0.05),
        )
    ]
    parts["importance"] = [part.assign(low=0.0, high=0.9) for part in parts["importance"]]
    parts |= {name: [table] for name, table in association_tables(tiers, rng).items()}
    for name, found in parts.items():
        schema = PREDICTIONS[name]
        table = pd.concat(found, ignore_index=True) if found else tables.empty_table(schema)
        tables.write_table(table, folder / "predictions" / f"{name}.parquet", schema)


def features_by_tier(tiers):
    """Return family.name -> tier of some declared features."""
    found = {"text": ("repetition.longest_run", "repetition.sequence_distinct")}
    found |= {"corpus": ("duplication.sequence_count", "duplication.prompt_count")}
    found |= {"reference": ("surprisal.mean",), "sibling": ("sibling.n_memorized",)}
    return {name: tier for tier in tiers for name in found[tier]}


def association_tables(tiers, rng):
    features = features_by_tier(tiers)
    table = pd.DataFrame({"feature": list(features)})
    table["family"] = table["feature"].str.partition(".")[0]
    table["tier"] = list(features.values())
    table["expected"] = "+"
    table[["low", "auroc", "high"]] = np.sort(rng.uniform(0, 1, (len(table), 3)), axis=1)
    table["observed"] = np.where(table["low"] > 0.5, "+", np.where(table["high"] < 0.5, "-", "0"))
    verdicts = {"+": "agrees", "-": "contradicts", "0": "undecided"}
    table["agreement"], table["missing"] = table["observed"].map(verdicts), 0.0
    table["uncommon"], table["n_uncommon"], table["n_uncommon_cases"] = 0.5, 120, 15
    pairs = list(itertools.combinations(features, 2))
    correlation = pd.DataFrame(pairs, columns=["feature", "other"])
    correlation["spearman"] = rng.uniform(-1, 1, len(pairs))
    association = table[list(tables.ASSOCIATION.columns)]
    # As if other labels said of the text features what these say of all.
    external = association[association["tier"] == "text"]
    return {"association": association, "correlation": correlation, "external": external}


def all_metrics(params, tiers, rng, source, duplicates):
    """Return metrics in the shape of the committed ones, of other models and with other numbers."""
    names = ("association", "external", "labels", "split", "whether", "when")
    found = {
        name: json.loads((ROOT / "results/metrics" / f"{name}.json").read_text()) for name in names
    }
    for name in ("association", "whether", "when"):
        models = dict.fromkeys(model for _, model in runs(params, name, tiers, duplicates))
        found[name] = redrawn(found[name], rng, tiers, list(models))
    labels, whether, known = found["labels"], found["whether"], models_of(params)
    labels |= {
        "target": params.target,
        "population": POPULATION,
        "agreement": {"n": N, "share": 0.9958} if params.is_pythia and source == "scan" else None,
        "times": {"source": source, "reason": "there is no GPU to scan with", "excluded": {}},
        "memorized_by_model": dict(zip(known, MEMORIZED[: len(known)], strict=True)),
    }
    times = labels["of_the_memorized"]
    times["before_being_seen"] = 0.25 if source == "scan" else None
    if source == "none":
        none = dict.fromkeys(times["first_step_quantiles"])
        times |= {"first_step_quantiles": none, "stable_step_quantiles": none}
        times["median_switches"] = None
        found["when"] = {"done": False, "reason": "there is no GPU to scan with", "cost": COST}
    whether["unexposed"] |= {"n": whether["n"] - 7, "cases": whether["cases"] - 2}
    of_cases = {"least": 3, "most": 1234}
    for strata in whether["strata"].values():
        for stratum in strata.values():
            stratum |= {"n": 48, "cases": 6, "population": 800.0}
            stratum["counts_of_cases"] = dict.fromkeys(whether["strata"], of_cases)
        strata["100+"]["prevalence"] = UNDEFINED | {"value": 0.93}
    # Of the sequences whose continuation occurs once, none is memorized.
    nothing = {"n": 30, "cases": 0, "population": 400.0, "prevalence": made_up(rng)}
    if duplicates:
        whether["strata"]["continuation_count"]["1"] = nothing
    else:
        whether["strata"] = {}
        for name in ("hard_cases", "matched", "repeated", "uncertain"):
            del whether[name]
    whether["text"]["prevalence"] |= {"calibration_slope": UNDEFINED, "f1": UNDEFINED}
    # What leakage buys is asked at the lowest tier and at the highest.
    for scheme, leakage in whether["leakage"].items():
        lowest = leakage[tiers[0]]
        highest = redrawn(lowest, rng, tiers, list(lowest))
        whether["leakage"][scheme] = {tiers[0]: lowest, tiers[-1]: highest}
    return found | {"arm": arm_metrics(params, rng), "siblings": siblings_metrics(params, rng)}


def seeds_metrics(params, metrics, rng):
    """Return what made-up runs with five seeds say, of which that of these metrics is one."""
    headline = {}
    for name, path in HEADLINE.items():
        runs = [made_up(rng) for _ in range(5)]
        runs[params.seed] = value_at(metrics, path)
        if runs[params.seed] is not None:
            headline[name] = spread(runs, 0.95)
    differences = {name: spread([made_up(rng) for _ in range(5)], 0.95) for name in DIFFERENCES}
    parts = {"headline": headline, "differences": differences}
    memorized_in = {name: rng.integers(1, 99, 6).tolist() for name in STRATA}
    found = {"study": study_of(params), "seeds": [0, 1, 2, 3, 4], "memorized_in": memorized_in}
    found["made_from"] = dict.fromkeys(STAGES, "")
    return found | parts | {"arm": metrics["arm"]}


def arm_metrics(params, rng):
    """Return the metrics of a made-up arm, of a Pythia model why there are none."""
    if params.is_pythia:
        return {"done": False, "reason": "the suite has no randomised arm"}
    units, natural = outcomes_table(effects={"early": -0.4}), natural_texts()
    dose, level = params.arm.contrast_dose, params.bootstrap.level
    own = histories(units)
    forecast = Forecast.of(1 - own.memorized * 0.9, own.memorized * 0.9)
    forecasts = {"exposure_clock": forecast, "with_text": forecast}
    return {"done": True, **analyse(units, own, natural, None, forecasts, dose, level, rng)}


def redrawn(found, rng, tiers, models):
    """Return metrics with other numbers, of some tiers, and of these models."""
    if not isinstance(found, dict):
        return found
    if found.keys() == UNDEFINED.keys():
        return made_up(rng)
    fitted = [found[name] for name in FITTED if name in found]
    baselines = [name for known in BASELINES.values() for name in known]
    kept = {
        name: redrawn(of, rng, tiers, models)
        for name, of in found.items()
        if (name in tiers or name not in TIERS)
        and name not in FITTED
        and (name in models or name not in baselines)
    }
    others = [model for model in models if model not in baselines] if fitted else []
    return kept | {model: redrawn(fitted[0], rng, tiers, models) for model in others}


def siblings_metrics(params, rng):
    """Return what the siblings stage writes, with made-up scores."""
    models = models_of(params)
    names = ("accuracy", "f1", "precision", "recall")
    counts = ("true_positive", "false_positive", "false_negative", "true_negative")
    pairs = {
        name: {
            other: dict.fromkeys(counts, 10) | {metric: float(rng.uniform()) for metric in names}
            for other in models
            if models[other] < models[name]
        }
        for name in models
        if models[name] > min(models.values())
    }
    bounds = [f"{name}_{end}" for name in ("precision", "recall") for end in ("low", "high")]
    return {
        "target": params.target,
        "population": POPULATION,
        "compute": {name: 6e6 * size for name, size in models.items()},
        "pairs": pairs,
        "evaluated_pairs": None,
        "checkpoints": {
            "step": [100, 300],
            "relative_compute": [1 / 6, 0.5],
            "population": {name: [0.5, 0.75] for name in (*names, *bounds)},
            "evaluated": None,
            "evaluated_fraction": 1.0,
        },
    }


@pytest.fixture(scope="session", name="write_study")
def write_study_fixture():
    """Return the function that writes a study."""
    return write_study


@pytest.fixture(scope="session")
def params():
    params = load_params(ROOT / "params.yaml")
    return params.model_copy(
        update={"bootstrap": params.bootstrap.model_copy(update={"replicates": 50})}
    )


@pytest.fixture(scope="session")
def read_study(params, tmp_path_factory):
    """Return a function that makes up results of another target, or with other models."""

    def read(options=(), **updates):
        changed = params.model_copy(update=updates)
        folder = tmp_path_factory.mktemp("study") / "results"
        return Results.read(write_study(folder, changed, **dict(options)), changed)

    return read


@pytest.fixture(scope="session")
def results(read_study):
    """Made-up results of the default target."""
    return read_study()


@pytest.fixture(scope="session")
def smallest(read_study):
    """Those of the smallest target, which has no reference and no siblings."""
    return read_study({"tiers": TIERS[:2], "seed": 1}, target="micro-140k")


@pytest.fixture(scope="session")
def large(read_study):
    """Those of a Pythia model whose times are not known, and nothing of duplicates."""
    return read_study({"seed": 2, "source": "none", "duplicates": False}, target="1.4b")


@pytest.fixture(scope="session")
def published(read_study):
    """Those of the Pythia model with published evaluations during training."""
    return read_study({"seed": 3, "source": "published"}, target="12b")


@pytest.fixture(scope="session")
def paper(results, tmp_path_factory):
    """A paper folder with the manuscript's sources, an old report, and then a new one on top."""
    folder = tmp_path_factory.mktemp("paper")
    for source in (ROOT / "paper").iterdir():
        if source.is_file():
            shutil.copy(source, folder)
    for stale in ("figures/gone.svg", "tables/gone.md"):
        (folder / stale).parent.mkdir()
        (folder / stale).write_text("old")
    write_report(results, folder)
    return folder


@pytest.fixture
def rng():
    return np.random.default_rng(0)
