import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from memorization.intensities import effects as module
from memorization.intensities.effects import jackknife

N, CLUSTERS = 400, 40


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(N, 2)), rng.random(N) + 0.5
    cluster = rng.integers(0, CLUSTERS, N)
    event = rng.random(N) < 1 / (1 + np.exp(-x[:, 0]))
    return x, event, weight, cluster


def fit(x, event, weight, kept):
    model = LogisticRegression(C=1e8, solver="newton-cholesky", tol=1e-12, max_iter=500)
    model.fit(x[kept], event[kept], sample_weight=weight[kept])
    return np.append(model.intercept_, model.coef_[0])


def test_it_is_that_of_leaving_out_each_cluster(rows):
    x, event, weight, cluster = rows
    whole = fit(x, event, weight, np.ones(N, bool))
    each = np.array([fit(x, event, weight, cluster != k) for k in range(CLUSTERS)])
    # From near the maximum, wherever that is.
    value, error = jackknife(x, event, weight, cluster, whole + 0.1)
    spread = np.sqrt(((each - whole) ** 2).sum(axis=0) * (CLUSTERS - 1) / CLUSTERS)
    np.testing.assert_allclose(error, spread, rtol=1e-3)
    expected = CLUSTERS * whole - (CLUSTERS - 1) * each.mean(axis=0)
    np.testing.assert_allclose(value, expected, atol=0.02 * spread.min())
    assert not np.allclose(value, whole, atol=0.02 * spread.min())


def test_it_does_not_depend_on_how_many_clusters_go_together(rows, monkeypatch):
    x, event, weight, cluster = rows
    at_once = jackknife(x, event, weight, cluster, np.zeros(3))
    monkeypatch.setattr(module, "BLOCK", 7 * N)
    np.testing.assert_allclose(jackknife(x, event, weight, cluster, np.zeros(3)), at_once)


def test_a_column_that_does_not_vary_stays(rows):
    x, event, weight, cluster = rows
    own = fit(x[:, :1], event, weight, np.ones(N, bool))
    constant = np.column_stack([x[:, 0], np.full(N, 2.0)])
    # What it adds to all is taken from the intercept.
    value, error = jackknife(constant, event, weight, cluster, np.append(own - [0.6, 0], 0.3))
    assert (value[2], error[2]) == (0.3, 0.0)
    alone, _ = jackknife(x[:, :1], event, weight, cluster, own)
    np.testing.assert_allclose([value[0] + 0.6, value[1]], alone)


def test_slopes_that_run_away_are_held_by_the_penalty(rows):
    x, _, weight, cluster = rows
    value, error = jackknife(x, x[:, 0] > 0, weight, cluster, np.array([0.0, 5.0, 0.0]), 1e-6)
    assert np.isfinite(value).all()
    assert np.isfinite(error).all()
