import numpy as np
import pandas as pd
import pytest
from made_up_study import make_study

from memorization.errors import UserError
from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.metrics.ranking import auroc
from memorization.tables import IMPORTANCE, WHETHER
from memorization.whether.analyse import analyse
from memorization.whether.models import MODELS


def drawn(study, replicates, level=0.95):
    return Bootstrap.of(study.cluster, replicates, level, np.random.default_rng(1))


@pytest.fixture(scope="module")
def known():
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
        {
            "repetition.longest_run": x,
            "duplication.sequence_count": copies,
            "sibling.s_memorized": sibling,
        }
    )
    cluster = rng.integers(0, len(rows) // 2, size=len(rows))
    leaky = rng.integers(0, 3, size=len(rows))
    study = make_study(
        features.iloc[rows],
        truth[rows],
        weight=np.where(truth[rows], 1.0, (~truth).sum() / (~truth[rows]).sum()),
        cluster=cluster,
        fold=cluster % 3,
        index=rows,
        fold_continuation=leaky,
        fold_random=leaky,
        exposed=np.arange(len(rows)) < 30,
    )
    return study, float(auroc(truth, chance, np.ones(n))), float(truth.mean())


@pytest.fixture(scope="module")
def analysis(known):
    return analyse(known[0], MODELS, drawn(known[0], 60))


def test_tables_are_valid(analysis, known):
    predictions, importance = analysis.predictions, analysis.importance
    WHETHER.validate(predictions.astype({"fold": "int32"}))
    IMPORTANCE.validate(importance)
    pairs = predictions[["tier", "model"]].drop_duplicates().agg("-".join, axis=1).tolist()
    assert pairs == [
        *("text-prevalence", "text-logistic", "text-boosting"),
        *("corpus-duplicate_count", "corpus-logistic", "corpus-boosting"),
        *("sibling-smaller_sibling", "sibling-logistic", "sibling-boosting"),
    ]
    assert len(predictions) == 9 * len(known[0])
    assert set(analysis.fitted) == {
        (tier, model) for tier in ("text", "corpus", "sibling") for model in MODELS
    }


@pytest.mark.parametrize("model", MODELS)
def test_reaches_what_can_be_known(analysis, known, model):
    """With both causes known, the true probability ranks best, and the model nearly as well."""
    _, best, prevalence = known
    found = analysis.metrics["corpus"][model]
    assert found["auroc"]["value"] == pytest.approx(best, abs=0.04)
    assert found["auroc"]["low"] < best < found["auroc"]["high"] + 0.02
    assert found["observed_to_expected"]["value"] == pytest.approx(1, abs=0.1)
    assert analysis.metrics["prevalence"]["value"] == pytest.approx(prevalence, rel=0.01)
    assert analysis.metrics["text"][model]["auroc"]["high"] < found["auroc"]["low"]


def test_metrics_are_those_of_the_predictions(analysis, known):
    study, metrics = known[0], analysis.metrics
    assert metrics["n"] == len(study)
    assert metrics["cases"] == study.truth.sum()
    assert set(metrics) == {
        *("n", "cases", "prevalence", "chosen", "gains", "leakage", "strata", "unexposed"),
        *("text", "corpus", "sibling"),
    }
    # The continuation was not counted.
    assert list(metrics["strata"]) == ["sequence_count"]
    assert sum(of["n"] for of in metrics["strata"]["sequence_count"].values()) == len(study)
    assert metrics["unexposed"]["n"] == len(study) - 30
    found = analysis.fitted["corpus", "logistic"].estimator.named_steps["classify"].C
    assert metrics["chosen"]["corpus"]["logistic"]["C"]["all_rows"] == found
    assert len(metrics["chosen"]["corpus"]["logistic"]["C"]["without_fold"]) == 3
    gained = metrics["gains"]["over_baseline"]["corpus"]["boosting"]["duplicate_count"]
    values = [metrics["corpus"][m]["auroc"]["value"] for m in ("boosting", "duplicate_count")]
    assert gained["auroc"]["value"] == pytest.approx(values[0] - values[1])
    table = analysis.predictions.query("tier == 'corpus' and model == 'logistic'")
    np.testing.assert_array_equal(table["index"], study.index)
    np.testing.assert_array_equal(table["fold"], study.fold)
    brier = np.average((table["probability"] - study.truth) ** 2, weights=study.weight)
    assert metrics["corpus"]["logistic"]["brier"]["value"] == pytest.approx(brier)
    for scheme in ("fold_continuation", "fold_random"):
        assert set(metrics["leakage"][scheme]["sibling"]) == set(MODELS)
        leaky = metrics["leakage"][scheme]["corpus"]["boosting"]
        for name in ("auroc", "average_precision"):
            clean = metrics["corpus"]["boosting"][name]["value"]
            assert leaky[f"{name}_gain"]["value"] == pytest.approx(leaky[name]["value"] - clean)


@pytest.mark.parametrize("model", MODELS)
def test_a_model_repeats_exactly_whatever_else_runs(analysis, known, model):
    """Whichever models and tiers come beside it: neither fit, nor importance, nor intervals."""
    study = known[0].only(["repetition.longest_run", "duplication.sequence_count"])
    alone = analyse(study, {model: MODELS[model]}, drawn(study, 60))
    chosen = f"tier == 'corpus' and model == '{model}'"
    for table in ("predictions", "importance"):
        pd.testing.assert_frame_equal(
            getattr(alone, table).query(chosen).reset_index(drop=True),
            getattr(analysis, table).query(chosen).reset_index(drop=True),
            check_exact=True,
        )
    metrics = [found.metrics["corpus"][model] for found in (alone, analysis)]
    assert repr(metrics[0]) == repr(metrics[1])


def test_a_leaky_split_is_found_out():
    """Copies of a text with a label of their own: only a leaky split can learn it by heart."""
    rng = np.random.default_rng(3)
    cluster = np.repeat(np.arange(60), 10)
    label = rng.random(60) < 0.4
    x = rng.normal(size=(60, 3))[cluster]
    study = make_study(
        {
            "repetition.longest_run": x[:, 0],
            "repetition.periodicity": x[:, 1],
            "repetition.edit_distance": x[:, 2],
        },
        label[cluster],
        cluster=cluster,
        fold=cluster % 5,
        fold_random=rng.integers(0, 5, size=600),
    )
    found = analyse(study, {"boosting": MODELS["boosting"]}, drawn(study, 200)).metrics
    assert found["leakage"]["fold_random"]["text"]["boosting"]["auroc_gain"]["low"] > 0.2
    none = found["leakage"]["fold_continuation"]["text"]["boosting"]["auroc_gain"]
    assert none == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert found["text"]["boosting"]["auroc"]["low"] < 0.6
    # The interval knows that there are 60 texts, not 600.
    width = found["prevalence"]["high"] - found["prevalence"]["low"]
    assert width == pytest.approx(2 * 1.96 * np.std(label) / 60**0.5, rel=0.2)
    assert "unexposed" not in found


def test_nothing_to_tell_apart():
    study = make_study({"repetition.longest_run": np.zeros(8)}, np.zeros(8))
    with pytest.raises(UserError, match=r"0 of 8 sampled sequences are memorized"):
        analyse(study, MODELS, drawn(study, 20))
