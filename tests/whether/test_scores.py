import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from memorization.evaluation.bootstrap import cluster_multiplicities
from memorization.evaluation.metrics.binary import DECISION_METRICS, PROBABILITY_METRICS
from memorization.whether.evaluate import CrossFit
from memorization.whether.scores import leakage, rankings, score, strata, unexposed


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    n = 400
    truth = rng.random(n) < 0.3
    probability = np.clip(0.2 + 0.2 * truth + rng.normal(0, 0.15, size=n), 0.01, 0.99)
    drawn = cluster_multiplicities(rng.integers(0, 200, size=n), 300, rng)
    return truth, probability, rng.random(n) + 0.5, rng.integers(0, 4, size=n), drawn


def test_every_metric_has_an_interval_around_its_value(rows):
    truth, probability, weight, fold, drawn = rows
    crossfit = CrossFit(probability, probability > 0.3, np.full(4, 0.3))
    ranked = rankings(fold, probability, truth, weight, drawn)
    found = score(crossfit, ranked, fold, truth, weight, drawn, 0.95)
    assert set(found) == set(PROBABILITY_METRICS) | set(DECISION_METRICS)
    for entry in found.values():
        assert entry["low"] < entry["value"] < entry["high"]
    within = [
        (roc_auc_score(truth[f], probability[f], sample_weight=weight[f]), f)
        for f in (fold == k for k in range(4))
    ]
    pairs = [(weight[f & truth].sum() * weight[f & ~truth].sum()) for _, f in within]
    expected = np.average([value for value, _ in within], weights=pairs)
    assert found["auroc"]["value"] == pytest.approx(expected)
    expected = average_precision_score(truth, probability, sample_weight=weight)
    assert found["average_precision"]["value"] == pytest.approx(expected)


def test_a_constant_within_folds_ranks_nothing(rows):
    truth, _, weight, fold, drawn = rows
    probability = np.array([0.1, 0.2, 0.3, 0.4])[fold]
    crossfit = CrossFit(probability, probability > 0.2, fold)
    ranked = rankings(fold, probability, truth, weight, drawn)
    found = score(crossfit, ranked, fold, truth, weight, drawn, 0.95)
    assert found["auroc"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert np.isnan(found["calibration_slope"]["value"])


def test_leakage_is_a_paired_difference(rows):
    truth, probability, weight, fold, drawn = rows
    clean = rankings(fold, probability, truth, weight, drawn)
    same = leakage(clean, clean, 0.95)
    assert same["average_precision_gain"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    better = np.where(truth, probability + 0.3, probability)
    gain = leakage(clean, rankings(fold, better, truth, weight, drawn), 0.95)
    for name in ("auroc", "average_precision"):
        assert gain[f"{name}_gain"]["low"] > 0
        difference = gain[name]["value"] - same[name]["value"]
        assert gain[f"{name}_gain"]["value"] == pytest.approx(difference)


def test_strata_by_hand(rows):
    truth, probability, weight, fold, drawn = rows
    count = np.repeat([1, 3, 150, 4], 100)
    truth = truth & (count != 150)
    scored = {("text", "m"): probability, ("corpus", "counted"): count / 200}
    counts = {"a": count, "b": np.arange(400)}
    found = strata(counts, "a", ("corpus", "counted"), fold, scored, truth, weight, drawn, 0.95)
    assert list(found) == ["1", "2-4", "100+"]
    assert [found[name]["n"] for name in found] == [100, 200, 100]
    assert found["2-4"]["cases"] == truth[np.isin(count, [3, 4])].sum()
    assert found["2-4"]["population"] == pytest.approx(weight[np.isin(count, [3, 4])].sum())
    first = count == 1
    expected = average_precision_score(
        truth[first], probability[first], sample_weight=weight[first]
    )
    assert found["1"]["text"]["m"]["average_precision"]["value"] == pytest.approx(expected)
    expected = np.average(truth[first], weights=weight[first])
    assert found["1"]["prevalence"]["value"] == pytest.approx(expected)
    of_cases = found["1"]["counts_of_cases"]
    assert of_cases["a"] == {"least": 1, "most": 1}
    memorized = np.flatnonzero(truth[:100])
    assert of_cases["b"] == {"least": memorized[0], "most": memorized[-1]}
    assert "counts_of_cases" not in found["100+"]
    # Nobody is memorized there, so there is nothing to rank.
    assert found["100+"]["prevalence"]["value"] == 0
    assert "text" not in found["100+"]
    # Among sequences of one count, the count ranks nothing: its score is the prevalence.
    gained = found["1"]["text"]["m"]["average_precision_gain"]["value"]
    ranked = found["1"]["text"]["m"]["average_precision"]["value"]
    assert gained == pytest.approx(ranked - expected)
    assert "average_precision_gain" not in found["1"]["corpus"]["counted"]


def test_unexposed_scores_are_of_the_other_rows_alone(rows):
    truth, probability, weight, fold, drawn = rows
    exposed = np.arange(400) % 10 == 0
    changed = np.where(exposed, 0.5, probability)
    found = unexposed(exposed, fold, {("text", "m"): changed}, truth, weight, drawn, 0.95)
    left = ~exposed
    assert (found["n"], found["cases"]) == (360, truth[left].sum())
    expected = average_precision_score(truth[left], probability[left], sample_weight=weight[left])
    assert found["text"]["m"]["average_precision"]["value"] == pytest.approx(expected)
    assert set(
        unexposed(~truth, fold, {("text", "m"): changed}, *rows[:1], weight, drawn, 0.95)
    ) == {
        "n",
        "cases",
    }
