import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from memorization.evaluation import bootstrap
from memorization.evaluation.bootstrap import Bootstrap, Replicated, gains
from memorization.evaluation.intervals import IDENTITY, LOGIT, interval
from memorization.evaluation.metrics.ranking import auroc, average_precision
from memorization.evaluation.metrics.sums import PreparedMetric


def weighted_mean(truth, score, weight):
    return (weight * truth).sum(axis=-1) / weight.sum(axis=-1)


def drawn(clusters, replicates, seed, level=0.95):
    return Bootstrap.of(clusters, replicates, level, np.random.default_rng(seed))


def test_rows_of_a_cluster_are_drawn_together():
    clusters = np.array([5, 5, 9, 2, 9, 9])
    found = drawn(clusters, 200, 0).multiplicities
    assert found.shape == (200, 6)
    for name in np.unique(clusters):
        rows = found[:, clusters == name]
        assert (rows == rows[:, :1]).all()
    # As many clusters are drawn as there are.
    assert (found[:, [0, 2, 3]].sum(axis=1) == 3).all()
    # One cluster has no spread.
    assert (drawn(np.zeros(4, dtype=int), 10, 0).multiplicities == 1).all()


def test_multiplicities_are_multinomial():
    k, replicates = 20, 20_000
    found = drawn(np.arange(k), replicates, 1).multiplicities
    # Mean 1, variance 1 - 1/k, covariance -1/k; tolerances are five standard errors.
    covariance = np.cov(found.T)
    np.testing.assert_allclose(found.mean(axis=0), 1, atol=5 / replicates**0.5)
    np.testing.assert_allclose(np.diag(covariance), 1 - 1 / k, atol=0.08)
    np.testing.assert_allclose(covariance[~np.eye(k, dtype=bool)], -1 / k, atol=0.05)


def test_blocks_draw_what_would_be_drawn_at_once(monkeypatch):
    rng = np.random.default_rng(0)
    clusters, weight = rng.integers(5, 12, 40), rng.random(40)
    whole = drawn(clusters, 23, 7)
    monkeypatch.setattr(bootstrap, "BLOCK", 64)
    np.testing.assert_array_equal(drawn(clusters, 23, 7).multiplicities, whole.multiplicities)
    shapes = []

    def statistic(weights):
        shapes.append(weights.shape)
        return np.stack([weights.sum(axis=-1), weights[..., 3]], axis=-1)

    found = whole.replicate(statistic, weight, block=200)
    assert shapes == [(5, 40)] * 4 + [(3, 40)]
    np.testing.assert_allclose(found, statistic(whole.multiplicities * weight))


@pytest.mark.parametrize("metric", [auroc, average_precision])
def test_preparing_once_changes_nothing(metric):
    rng = np.random.default_rng(9)
    truth, score, weight = rng.random(80) < 0.3, rng.integers(0, 9, 80) / 9, rng.random(80)
    resamples = drawn(np.arange(80) // 2, 3000, 9)
    prepared = []
    counted = PreparedMetric(lambda t, s: prepared.append(1) or metric.prepare(t, s))
    found = resamples.replicated(counted, truth, score, weight)
    expected = [float(metric(truth, score, m * weight)) for m in resamples.multiplicities[::100]]
    np.testing.assert_allclose(found.replicates[::100], expected, rtol=1e-12)
    assert found.value == metric(truth, score, weight)
    # Once for all blocks of replicates, once for the value.
    assert len(prepared) == 2


def test_some_rows_and_some_replicates_are_of_the_same_resamples():
    whole, rows = drawn(np.arange(30) // 2, 40, 3), np.arange(30) % 3 > 0
    part = whole.take(rows).first(7)
    np.testing.assert_array_equal(part.multiplicities, whole.multiplicities[:7, rows])
    assert part.level == whole.level


def test_interval_covers_as_often_as_it_says_only_if_clusters_are_known():
    """Clusters of ten copies: the cluster bootstrap covers 90 %, the row bootstrap far less."""
    rng = np.random.default_rng(6)
    trials, covered = 400, {"cluster": 0, "row": 0}
    by = {
        "cluster": drawn(np.repeat(np.arange(60), 10), 300, 6, 0.9),
        "row": drawn(np.arange(600), 300, 7, 0.9),
    }
    for _ in range(trials):
        values = np.repeat(rng.normal(size=60), 10)
        for kind, resamples in by.items():
            found = resamples.estimate(weighted_mean, values, None, np.ones(600), IDENTITY)
            covered[kind] += found["low"] <= 0 <= found["high"]
    assert 0.85 < covered["cluster"] / trials < 0.95
    assert covered["row"] / trials < 0.55


def test_clusters_in_effect_are_of_the_rows_or_of_the_cases():
    clusters, weight = np.array([4, 4, 4, 7, 7, 9]), np.array([1.0, 1.0, 2.0, 4.0, 0.0, 4.0])
    resamples = drawn(clusters, 5, 0)
    for cases, expected in {
        # The rows: 4, 4 and 4.
        (0, 0, 0, 0, 0, 0): 3,
        (1, 1, 1, 1, 1, 1): 3,
        (1, 1, 0, 1, 0, 0): 36 / 20,
        (0, 0, 0, 0, 0, 1): 1,
    }.items():
        assert resamples.effective(weight, np.array(cases, bool)) == pytest.approx(expected)
    both = np.array([[1, 0]] * 2 + [[0, 0]] + [[1, 0]] + [[0, 0]] + [[0, 1]], bool)
    np.testing.assert_allclose(resamples.effective(weight, both), [36 / 20, 1])
    # Of some rows, their own.
    some = clusters != 7
    part = resamples.take(some).effective(weight[some], np.zeros(4, bool))
    assert part == pytest.approx(2)


def test_an_estimate_is_the_interval_of_its_replicates_and_a_difference_is_paired():
    rng = np.random.default_rng(3)
    truth, weight, clusters = rng.random(90) < 0.4, rng.random(90) + 0.5, rng.integers(0, 30, 90)
    resamples, scores = drawn(clusters, 100, 4, 0.9), rng.normal(size=(2, 90)) + truth
    one, other = (resamples.replicated(auroc, truth, s, weight) for s in scores)
    assert one.effective == resamples.effective(weight, truth)
    low, high = interval(one.value, one.replicates, one.effective, 0.9, LOGIT)
    assert one.estimate(0.9) == {"value": one.value, "low": low, "high": high}
    found = (one - other).estimate(0.9)
    low, high = interval(
        one.value - other.value, one.replicates - other.replicates, one.effective, 0.9, IDENTITY
    )
    assert (found["low"], found["high"]) == (low, high)
    fewer = Replicated(other.value, other.replicates, 3.0)
    assert (one - fewer).effective == (fewer - one).effective == 3.0


def test_gains_are_over_every_baseline_and_the_tier_below():
    rng = np.random.default_rng(0)
    truth, weight = rng.random(400) < 0.3, rng.random(400) + 0.5
    probability = 0.2 * truth + rng.normal(0, 0.15, size=400)
    resamples = drawn(rng.integers(0, 200, size=400), 300, 1)
    scored = {
        ("text", "constant"): np.zeros(400),
        ("text", "m"): probability,
        ("corpus", "m"): np.where(truth, probability + 0.1, probability),
        ("corpus", "without_text"): probability,
        ("sibling", "m"): np.where(truth, probability + 0.1, probability),
    }
    metrics = {"auroc": auroc, "average_precision": average_precision}
    ranked = {
        key: {name: resamples.replicated(m, truth, p, weight) for name, m in metrics.items()}
        for key, p in scored.items()
    }
    found = gains(ranked, {"constant"}, 0.95)
    over = {tier: list(models) for tier, models in found["over_baseline"].items()}
    assert over == {"text": ["m"], "corpus": ["m", "without_text"], "sibling": ["m"]}
    own = found["over_baseline"]["text"]["m"]["constant"]["average_precision"]
    expected = average_precision_score(truth, probability, sample_weight=weight)
    assert own["value"] == pytest.approx(expected - np.average(truth, weights=weight))
    assert 0 < own["low"] < own["value"] < own["high"]
    # A model that was not fitted at the tier below has nothing to be compared with.
    compared = {tier: set(models) for tier, models in found["over_tier_below"].items()}
    assert compared == {"corpus": {"m"}, "sibling": {"m"}}
    assert found["over_tier_below"]["corpus"]["m"]["auroc"]["low"] > 0
    # Only models that know what it knows are compared with the one without text.
    added = {tier: set(models) for tier, models in found["over_without_text"].items()}
    assert added == {"corpus": {"m"}, "sibling": {"m"}}
    assert found["over_without_text"]["corpus"]["m"] == found["over_tier_below"]["corpus"]["m"]
    nothing = found["over_tier_below"]["sibling"]["m"]["auroc"]
    assert nothing == {"value": 0.0, "low": 0.0, "high": 0.0}
