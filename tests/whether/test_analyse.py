from dataclasses import replace

import numpy as np
import pytest
from made_up_study import OF_FEATURES, make_study, survival_study
from sklearn.metrics import average_precision_score

from memorization.errors import UserError
from memorization.evaluation.bootstrap import Bootstrap
from memorization.tables import IMPORTANCE, WHETHER
from memorization.whether.analyse import analyse
from memorization.whether.models import MODELS


def drawn(study, replicates, level=0.95):
    return Bootstrap.of(study.cluster, replicates, level, np.random.default_rng(1))


@pytest.fixture(scope="module")
def study():
    """Sequences of two tiers, and of whom a smaller model has memorized some."""
    study, _ = survival_study(500, seed=0)
    rng = np.random.default_rng(1)
    sibling = study.truth & (rng.random(500) < 0.5)
    features = study.features.drop(columns="surprisal.mean")
    leaky = rng.integers(0, 3, size=500)
    text = np.empty(500, dtype=object)
    text[:] = [f"line {k % 7} of a file".encode() for k in range(500)]
    splits = {"fold_continuation": leaky, "fold_random": leaky, "exposed": np.arange(500) < 30}
    return replace(
        study,
        features=features.assign(**{"sibling.s_memorized": sibling * 1.0}),
        splits=study.splits.assign(**splits),
        text=text,
    )


@pytest.fixture(scope="module")
def analysis(study):
    return analyse(study, MODELS, drawn(study, 60))


def test_tables_are_valid(analysis, study):
    predictions, importance = analysis.predictions, analysis.importance
    WHETHER.validate(predictions.astype({"fold": "int32"}))
    IMPORTANCE.validate(importance)
    pairs = predictions[["tier", "model"]].drop_duplicates().agg("-".join, axis=1).tolist()
    assert pairs == [
        *("text-prevalence", "text-single_feature", "text-ngrams"),
        *("text-logistic", "text-boosting", "text-stacked"),
        *("corpus-single_feature", "corpus-duplicate_count", "corpus-logistic", "corpus-boosting"),
        "corpus-without_text",
        *("sibling-single_feature", "sibling-smaller_sibling"),
        *("sibling-logistic", "sibling-boosting"),
    ]
    assert len(predictions) == 15 * len(study)
    kept = {(tier, model) for tier in study.tiers for model in OF_FEATURES}
    kept |= {("corpus", "without_text")}
    assert set(analysis.fitted) == kept
    assert set(zip(importance["tier"], importance["model"], strict=True)) == kept


def best_feature(study):
    """Return the feature of the corpus's tier that ranks best, in whichever direction."""
    w = study.weight
    scores = {
        name: max(
            average_precision_score(study.truth, sign * study.features[name], sample_weight=w)
            for sign in (1, -1)
        )
        for name in study.tiers["corpus"]
    }
    return max(scores, key=scores.get)


def test_metrics_are_those_of_the_predictions(analysis, study):
    metrics = analysis.metrics
    assert (metrics["n"], metrics["cases"]) == (len(study), study.truth.sum())
    share = np.average(study.truth, weights=study.weight)
    assert metrics["prevalence"]["value"] == pytest.approx(share)
    # The continuation was not counted.
    assert list(metrics["strata"]) == ["sequence_count"]
    assert sum(of["n"] for of in metrics["strata"]["sequence_count"].values()) == len(study)
    assert metrics["unexposed"]["n"] == len(study) - 30
    chosen = metrics["chosen"]["corpus"]["logistic"]["C"]
    assert chosen["all_rows"] == analysis.fitted["corpus", "logistic"].chosen["C"]
    assert len(chosen["without_fold"]) == 3
    corpus = metrics["corpus"]
    gained = metrics["gains"]["over_baseline"]["corpus"]["boosting"]["duplicate_count"]["auroc"]
    values = [corpus[m]["auroc"]["value"] for m in ("boosting", "duplicate_count")]
    assert gained["value"] == pytest.approx(values[0] - values[1])
    # Over a baseline that is fitted at every tier, the gain is over that of the same tier.
    for tier in study.tiers:
        gained = metrics["gains"]["over_baseline"][tier]["logistic"]["single_feature"]["auroc"]
        values = [metrics[tier][m]["auroc"]["value"] for m in ("logistic", "single_feature")]
        assert gained["value"] == pytest.approx(values[0] - values[1])
    text_adds = metrics["gains"]["over_without_text"]
    assert set(text_adds) == {"corpus", "sibling"}
    values = [corpus[m]["auroc"]["value"] for m in ("boosting", "without_text")]
    assert text_adds["corpus"]["boosting"]["auroc"]["value"] == pytest.approx(values[0] - values[1])
    best = metrics["chosen"]["corpus"]["single_feature"]["feature"]["without_fold"]
    assert best == [best_feature(study.take(study.fold != k)) for k in range(3)]
    assert {tier: list(found) for tier, found in metrics["single_features"].items()} == {
        "text": ["repetition.longest_run"],
        "corpus": ["duplication.sequence_count"],
        "sibling": ["sibling.s_memorized"],
    }
    assert metrics["uncertain"]["n"] <= len(study)
    table = analysis.predictions.query("tier == 'corpus' and model == 'logistic'")
    np.testing.assert_array_equal(table["index"], study.index)
    np.testing.assert_array_equal(table["fold"], study.fold)
    brier = np.average((table["probability"] - study.truth) ** 2, weights=study.weight)
    assert corpus["logistic"]["brier"]["value"] == pytest.approx(brier)
    for scheme in ("fold_continuation", "fold_random"):
        for tier in ("text", "sibling"):
            assert set(metrics["leakage"][scheme][tier]) == set(OF_FEATURES)
        leaky = metrics["leakage"][scheme]["text"]["boosting"]
        for name in ("auroc", "average_precision"):
            gain = leaky[name]["value"] - metrics["text"]["boosting"][name]["value"]
            assert leaky[f"{name}_gain"]["value"] == pytest.approx(gain)


@pytest.mark.parametrize("model", [*OF_FEATURES, "without_text"])
def test_a_model_repeats_exactly_whatever_else_runs(analysis, study, model):
    """Whichever models and tiers come beside it: neither fit, nor importance, nor intervals."""
    study = study.only(["duplication.sequence_count", "repetition.longest_run"])
    alone = analyse(study, {model: MODELS[model]}, drawn(study, 60))
    for table in ("predictions", "importance"):
        one, other = (
            getattr(found, table).query(f"tier == 'corpus' and model == '{model}'")
            for found in (alone, analysis)
        )
        assert one.reset_index(drop=True).equals(other.reset_index(drop=True))
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
