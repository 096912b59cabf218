import numpy as np
import pytest

from memorization.evaluation.bootstrap import cluster_multiplicities, estimate, interval, replicate
from memorization.evaluation.metrics import bootstrap
from memorization.evaluation.metrics.prepared import PreparedMetric
from memorization.evaluation.metrics.ranking import auroc, average_precision


def weighted_mean(truth, score, weight):
    return (weight * truth).sum(axis=-1) / weight.sum(axis=-1)


def test_rows_of_a_cluster_are_drawn_together():
    clusters = np.array([5, 5, 9, 2, 9, 9])
    drawn = cluster_multiplicities(clusters, 200, np.random.default_rng(0))
    assert drawn.shape == (200, 6)
    for name in np.unique(clusters):
        rows = drawn[:, clusters == name]
        assert (rows == rows[:, :1]).all()
    # As many clusters are drawn as there are.
    assert (drawn[:, [0, 2, 3]].sum(axis=1) == 3).all()


def test_multiplicities_are_multinomial():
    k, replicates = 20, 20_000
    drawn = cluster_multiplicities(np.arange(k), replicates, np.random.default_rng(1))
    # Mean 1, variance 1 - 1/k, covariance -1/k; tolerances are five standard errors.
    covariance = np.cov(drawn.T)
    np.testing.assert_allclose(drawn.mean(axis=0), 1, atol=5 / replicates**0.5)
    np.testing.assert_allclose(np.diag(covariance), 1 - 1 / k, atol=0.08)
    np.testing.assert_allclose(covariance[~np.eye(k, dtype=bool)], -1 / k, atol=0.05)


def test_blocks_do_not_change_the_multiplicities(monkeypatch):
    clusters = np.random.default_rng(0).integers(30, size=100)
    whole = cluster_multiplicities(clusters, 50, np.random.default_rng(2))
    monkeypatch.setattr(bootstrap, "BLOCK", 64)
    split = cluster_multiplicities(clusters, 50, np.random.default_rng(2))
    np.testing.assert_array_equal(whole, split)
    truth, weight = np.random.default_rng(3).random((2, 100))
    blocks = replicate(weighted_mean, truth, None, weight, split)
    np.testing.assert_array_equal(blocks, weighted_mean(truth, None, split * weight))


@pytest.mark.parametrize("metric", [auroc, average_precision])
def test_preparing_once_changes_nothing(metric):
    rng = np.random.default_rng(9)
    truth, score, weight = rng.random(80) < 0.3, rng.integers(0, 9, 80) / 9, rng.random(80)
    drawn = cluster_multiplicities(np.arange(80) // 2, 30, rng)
    prepared = []

    class Counted(PreparedMetric):
        pass

    counted = Counted(lambda t, s: prepared.append(1) or metric.prepare(t, s))
    found = replicate(counted, truth, score, weight, drawn, block=160)
    expected = [float(metric(truth, score, own * weight)) for own in drawn]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert len(prepared) == 1


def test_one_cluster_has_no_spread():
    drawn = cluster_multiplicities(np.zeros(4, dtype=int), 10, np.random.default_rng(0))
    assert (drawn == 1).all()


def test_standard_error_of_a_mean():
    """The bootstrap's spread of a mean is sd / sqrt(n), by the textbook."""
    values = np.random.default_rng(4).normal(size=400)
    drawn = cluster_multiplicities(np.arange(400), 4000, np.random.default_rng(5))
    means = replicate(weighted_mean, values, None, np.ones(400), drawn)
    assert means.std() == pytest.approx(values.std() / 20, rel=0.05)


def test_interval_covers_as_often_as_it_says_only_if_clusters_are_known():
    """Clusters of ten copies: the cluster bootstrap covers 90 %, the row bootstrap far less."""
    rng = np.random.default_rng(6)
    clusters = np.repeat(np.arange(60), 10)
    trials, by_cluster, by_row = 400, 0, 0
    cluster_draws = cluster_multiplicities(clusters, 300, rng)
    row_draws = cluster_multiplicities(np.arange(600), 300, rng)
    for _ in range(trials):
        values = np.repeat(rng.normal(size=60), 10)
        for drawn, kind in ((cluster_draws, "cluster"), (row_draws, "row")):
            found = estimate(weighted_mean, values, None, np.ones(600), drawn, 0.9)
            covered = found["low"] <= 0 <= found["high"]
            by_cluster += covered and kind == "cluster"
            by_row += covered and kind == "row"
    assert 0.85 < by_cluster / trials < 0.94
    assert by_row / trials < 0.55


def test_estimate_orders_value_between_bounds():
    values = np.random.default_rng(7).random(100)
    drawn = cluster_multiplicities(np.arange(100), 500, np.random.default_rng(8))
    found = estimate(weighted_mean, values, None, np.ones(100), drawn, 0.95)
    assert list(found) == ["value", "low", "high"]
    assert found["value"] == pytest.approx(values.mean())
    assert found["low"] < found["value"] < found["high"]


def test_undefined_replicates():
    values = np.arange(100.0)
    few, many = values.copy(), values.copy()
    few[:5], many[:6] = np.nan, np.nan
    assert interval(few, 0.9) == pytest.approx(tuple(np.quantile(values[5:], [0.05, 0.95])))
    assert np.isnan(interval(many, 0.9)).all()
    assert np.isnan(interval(np.full(3, np.nan), 0.9)).all()
