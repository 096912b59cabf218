import numpy as np
import pandas as pd
import pytest

from memorization.errors import UserError
from memorization.evaluation.metrics.ranking import auroc
from memorization.tables import IMPORTANCE, WHETHER
from memorization.whether.analysis import Sample, analyse
from memorization.whether.models import MODELS

COLUMNS = {
    "text": ["repetition.x"],
    "corpus": ["repetition.x", "duplication.sequence_count"],
    "reference": ["repetition.x", "duplication.sequence_count"],
    "sibling": ["repetition.x", "duplication.sequence_count", "sibling.s_memorized"],
}


@pytest.fixture(scope="module")
def drawn_sample():
    """A case-cohort sample of a population whose probabilities are known, and those."""
    rng = np.random.default_rng(0)
    n = 15_000
    copies = rng.geometric(0.4, size=n) ** 2.0
    x = rng.normal(size=n)
    chance = 1 / (1 + np.exp(6.5 - 1.3 * np.log1p(copies) - x))
    truth = rng.random(n) < chance
    sibling = truth & (rng.random(n) < 0.5) | (rng.random(n) < 0.001)
    rows = np.flatnonzero(truth | (rng.random(n) < 0.08))
    features = pd.DataFrame(
        {"repetition.x": x, "duplication.sequence_count": copies, "sibling.s_memorized": sibling}
    ).astype(float)
    cluster = rng.integers(0, len(rows) // 2, size=len(rows))
    splits = pd.DataFrame({"cluster": cluster, "fold": (cluster % 3).astype(np.int32)})
    splits["fold_continuation"] = splits["fold_random"] = rng.integers(
        0, 3, size=len(rows), dtype=np.int32
    )
    splits["exposed"] = np.arange(len(rows)) < 30
    weight = np.where(truth[rows], 1.0, (~truth).sum() / (~truth[rows]).sum())
    index = rows.astype(np.int64)
    sample = Sample(index, features.iloc[rows].reset_index(drop=True), truth[rows], weight, splits)
    best = float(auroc(truth, chance, np.ones(n)))
    return sample, best, float(truth.mean())


@pytest.fixture(scope="module")
def analysis(drawn_sample):
    return analyse(drawn_sample[0], COLUMNS, MODELS, 60, 0.95, 1)


def test_tables_are_valid(analysis, drawn_sample):
    predictions, importance = analysis.predictions, analysis.importance
    WHETHER.validate(predictions)
    IMPORTANCE.validate(importance)
    pairs = predictions[["tier", "model"]].drop_duplicates().agg("-".join, axis=1).tolist()
    assert pairs == [
        "text-prevalence",
        "text-logistic",
        "text-boosting",
        "corpus-duplicate_count",
        "corpus-logistic",
        "corpus-boosting",
        "sibling-smaller_sibling",
        "sibling-logistic",
        "sibling-boosting",
    ]
    assert len(predictions) == 9 * len(drawn_sample[0].truth)
    assert set(analysis.fitted) == {
        (tier, model) for tier in ("text", "corpus", "sibling") for model in MODELS
    }


@pytest.mark.parametrize("model", MODELS)
def test_reaches_what_can_be_known(analysis, drawn_sample, model):
    """With both causes known, the true probability ranks best, and the model nearly as well."""
    _, best, prevalence = drawn_sample
    found = analysis.metrics["corpus"][model]
    assert found["auroc"]["value"] == pytest.approx(best, abs=0.04)
    assert found["auroc"]["low"] < best < found["auroc"]["high"] + 0.02
    assert found["observed_to_expected"]["value"] == pytest.approx(1, abs=0.1)
    assert analysis.metrics["prevalence"]["value"] == pytest.approx(prevalence, rel=0.01)
    assert analysis.metrics["text"][model]["auroc"]["high"] < found["auroc"]["low"]


def test_metrics_are_those_of_the_predictions(analysis, drawn_sample):
    sample = drawn_sample[0]
    metrics = analysis.metrics
    assert metrics["n"] == len(sample.truth)
    assert metrics["cases"] == sample.truth.sum()
    assert set(metrics) == {
        *("n", "cases", "prevalence", "chosen", "gains", "leakage", "strata", "unexposed"),
        *("text", "corpus", "sibling"),
    }
    # The continuation was not counted.
    (strata,) = metrics["strata"].values()
    assert sum(stratum["n"] for stratum in strata.values()) == len(sample.truth)
    assert metrics["unexposed"]["n"] == len(sample.truth) - 30
    found = analysis.fitted["corpus", "logistic"].estimator.named_steps["classify"].C
    assert metrics["chosen"]["corpus"]["logistic"]["C"]["all_rows"] == found
    assert len(metrics["chosen"]["corpus"]["logistic"]["C"]["without_fold"]) == 3
    gained = metrics["gains"]["over_baseline"]["corpus"]["boosting"]["duplicate_count"]
    values = [metrics["corpus"][m]["auroc"]["value"] for m in ("boosting", "duplicate_count")]
    assert gained["auroc"]["value"] == pytest.approx(values[0] - values[1])
    table = analysis.predictions.query("tier == 'corpus' and model == 'logistic'")
    np.testing.assert_array_equal(table["index"], sample.index)
    brier = np.average((table["probability"] - sample.truth) ** 2, weights=sample.weight)
    assert metrics["corpus"]["logistic"]["brier"]["value"] == pytest.approx(brier)
    for scheme in ("fold_continuation", "fold_random"):
        assert set(metrics["leakage"][scheme]["sibling"]) == set(MODELS)


def test_repeats_exactly(drawn_sample):
    columns = {"text": COLUMNS["text"]}
    first, again = (analyse(drawn_sample[0], columns, MODELS, 20, 0.95, 1) for _ in range(2))
    pd.testing.assert_frame_equal(again.predictions, first.predictions, check_exact=True)
    pd.testing.assert_frame_equal(again.importance, first.importance, check_exact=True)
    assert repr(again.metrics) == repr(first.metrics)


def test_a_model_is_the_same_whatever_else_runs(drawn_sample):
    """Whichever models and tiers come before it: neither fit, nor importance, nor intervals."""
    columns = {tier: COLUMNS[tier] for tier in ("text", "corpus")}
    alone = {"boosting": MODELS["boosting"]}
    first, second = (
        analyse(drawn_sample[0], given, models, 20, 0.95, 1)
        for given, models in ((columns, MODELS), ({"corpus": columns["corpus"]}, alone))
    )
    chosen = "tier == 'corpus' and model == 'boosting'"
    for table in ("predictions", "importance"):
        pd.testing.assert_frame_equal(
            getattr(first, table).query(chosen).reset_index(drop=True),
            getattr(second, table).query(chosen).reset_index(drop=True),
            check_exact=True,
        )
    metrics = [found.metrics["corpus"]["boosting"] for found in (first, second)]
    assert repr(metrics[0]) == repr(metrics[1])


def test_a_leaky_split_is_found_out():
    """Copies of a text with a label of their own: only a leaky split can learn it by heart."""
    rng = np.random.default_rng(3)
    cluster = np.repeat(np.arange(60), 10)
    label = rng.random(60) < 0.4
    features = pd.DataFrame(rng.normal(size=(60, 3))[cluster], columns=["a.x", "a.y", "a.z"])
    splits = pd.DataFrame({"cluster": cluster, "fold": (cluster % 5).astype(np.int32)})
    splits["fold_continuation"] = splits["fold"]
    splits["fold_random"] = rng.integers(0, 5, size=600).astype(np.int32)
    splits["exposed"] = False
    sample = Sample(np.arange(600), features, label[cluster], np.ones(600), splits)
    columns = {"text": list(features)}
    found = analyse(sample, columns, {"boosting": MODELS["boosting"]}, 200, 0.95, 3).metrics
    assert found["leakage"]["fold_random"]["text"]["boosting"]["auroc_gain"]["low"] > 0.2
    none = found["leakage"]["fold_continuation"]["text"]["boosting"]["auroc_gain"]
    assert none == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert found["text"]["boosting"]["auroc"]["low"] < 0.6
    # The interval knows that there are 60 texts, not 600.
    width = found["prevalence"]["high"] - found["prevalence"]["low"]
    assert width == pytest.approx(2 * 1.96 * np.std(label) / 60**0.5, rel=0.2)


def test_nothing_to_tell_apart(drawn_sample):
    sample = drawn_sample[0]
    none = Sample(
        sample.index, sample.features, np.zeros_like(sample.truth), sample.weight, sample.splits
    )
    with pytest.raises(UserError, match=r"0 of .* sampled sequences are memorized"):
        analyse(none, COLUMNS, MODELS, 20, 0.95, 0)


def test_join_brings_tables_into_order():
    index = np.array([4, 7, 9])
    sequences = pd.DataFrame({"index": index, "weight": [1.0, 2.0, 3.0]})
    features = pd.DataFrame({"index": [9, 4, 7], "a.x": [0.9, 0.4, 0.7]})
    labels = pd.DataFrame({"index": [7, 9, 4], "memorized": [True, False, False]})
    splits = pd.DataFrame({"index": index, "cluster": [0, 1, 2], "fold": [0, 1, 0]})
    sample = Sample.join(features, sequences, labels, splits)
    assert sample.features["a.x"].tolist() == [0.4, 0.7, 0.9]
    assert sample.truth.tolist() == [False, True, False]
    assert list(sample.features) == ["a.x"]
    assert sample.splits["cluster"].tolist() == [0, 1, 2]
    with pytest.raises(UserError, match=r"results/labels.parquet: not about the sequences"):
        Sample.join(features, sequences, labels[:2], splits)
