import numpy as np

from memorization.evaluation.bootstrap import cluster_multiplicities
from memorization.evaluation.metrics import resampling
from memorization.evaluation.resampling import resample


def test_blocks_draw_what_would_be_drawn_at_once(monkeypatch):
    rng = np.random.default_rng(0)
    clusters, weight = rng.integers(5, 12, 40), rng.random(40)
    drawn = cluster_multiplicities(clusters, 23, np.random.default_rng(7))
    monkeypatch.setattr(resampling, "BLOCK", 200)
    shapes = []

    def statistic(weights):
        shapes.append(weights.shape)
        return np.stack([weights.sum(axis=-1), weights[..., 3]], axis=-1)

    found = resample(statistic, weight, clusters, 23, np.random.default_rng(7))
    assert shapes == [(5, 40)] * 4 + [(3, 40)]
    np.testing.assert_allclose(found, statistic(drawn * weight))
