"""What every metric must do with its weights."""

import numpy as np
import pytest

from memorization.evaluation.metrics import DECISION_METRICS, METRICS

ALL = METRICS | DECISION_METRICS


@pytest.mark.parametrize("name", ALL)
def test_weights_are_repetitions_and_their_leading_axes_replicates(name):
    rng = np.random.default_rng(0)
    truth = rng.random(300) < 0.3
    # With ties, of which there are many among decisions.
    score = np.round(np.clip(0.3 * truth + rng.random(300) * 0.6, 0.1, 0.9), 1)
    score = score > 0.4 if name in DECISION_METRICS else score
    weights = rng.integers(0, 4, (2, 3, 300))
    found = ALL[name](truth, score, weights)
    assert found.shape == (2, 3)
    for place in np.ndindex(2, 3):
        rows = np.repeat(np.arange(300), weights[place])
        expected = float(ALL[name](truth[rows], score[rows], np.ones(len(rows))))
        assert found[place] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ALL)
def test_without_any_weight_it_is_undefined(name):
    truth, score = np.array([True, False]), np.array([0, 1])
    score = score > 0 if name in DECISION_METRICS else score / 2
    assert np.isnan(ALL[name](truth, score, np.zeros((3, 2)))).all()
