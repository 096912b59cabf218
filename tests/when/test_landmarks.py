"""Prediction from the middle of training, against scikit-learn and on made-up histories."""

import numpy as np
import pytest
from made_up_histories import made_up_study
from sklearn.metrics import average_precision_score, precision_recall_curve

from memorization.evaluation.bootstrap import Bootstrap
from memorization.labels.trajectories import Trajectories
from memorization.when.landmarks import PERCENTS, Matched, landmarks


@pytest.fixture(scope="module")
def found():
    study, _ = made_up_study(900, seed=2)
    memorized = study.histories.memorized
    rng = np.random.default_rng(0)
    length = np.where(memorized, 32, rng.integers(0, 31, memorized.shape)).astype(np.int8)
    logprob = np.where(memorized, -1.0, -20.0) + rng.normal(size=memorized.shape)
    trajectories = Trajectories(
        study.index, study.steps, length, logprob.astype(np.float32), study.histories.observed
    )
    step_seen = rng.integers(1, study.steps[-1] + 1, len(study))
    bootstrap = Bootstrap.of(study.cluster, 20, 0.9, rng)
    return study, step_seen, landmarks(study, trajectories, step_seen, bootstrap)


def test_every_landmark_has_both_populations_and_targets(found):
    study, step_seen, metrics = found
    for target in ("end", "later"):
        for population in ("seen", "not_yet"):
            assert list(metrics[target][population]) == [str(percent) for percent in PERCENTS]
    at = int(np.searchsorted(study.steps, 0.5 * study.steps[-1]))
    seen = step_seen <= study.steps[at]
    assert metrics["end"]["seen"]["50"]["n"] == seen.sum()
    truth = study.histories.memorized[seen, -1]
    assert metrics["end"]["seen"]["50"]["cases"] == truth.sum()
    rule = study.histories.memorized[seen, at]
    weight = study.weight[seen]
    precision = weight @ (rule & truth) / (weight @ rule)
    of_rule = metrics["end"]["seen"]["50"]["rule"]
    assert of_rule["precision"]["value"] == pytest.approx(precision)
    expected = average_precision_score(truth, rule, sample_weight=weight)
    assert of_rule["average_precision"]["value"] == pytest.approx(expected)


def test_a_tenth_after_nine_tenths_is_the_end(found):
    *_, metrics = found
    assert metrics["later"]["seen"]["90"] == metrics["end"]["seen"]["90"]
    assert metrics["later"]["seen"]["20"]["n"] == metrics["end"]["seen"]["20"]["n"]
    assert metrics["later"]["seen"]["20"] != metrics["end"]["seen"]["20"]


def test_without_log_probabilities_nothing_is_said(found):
    study, step_seen, _ = found
    unknown = np.full(study.histories.memorized.shape, np.nan, np.float32)
    published = Trajectories(
        study.index, study.steps, np.zeros(unknown.shape, np.int8), unknown, unknown == 0
    )
    assert landmarks(study, published, step_seen, None) is None


def test_matched_precision_and_recall_agree_with_the_curve():
    rng = np.random.default_rng(1)
    truth = rng.random(300) < 0.3
    score = np.round(truth + rng.normal(size=300), 1)
    rule = (truth & (rng.random(300) < 0.6)) | (rng.random(300) < 0.05)
    weight = rng.random(300) + 0.5
    precision, recall, _ = precision_recall_curve(truth, score, sample_weight=weight)
    hits = weight @ (rule & truth)
    wanted_recall, wanted_precision = hits / (weight @ truth), hits / (weight @ rule)
    matched = Matched(truth, score, rule)
    # scikit-learn's thresholds ascend: the last with the recall is the highest.
    expected = precision[np.flatnonzero(recall >= wanted_recall)[-1]]
    assert float(matched.precision(weight)) == pytest.approx(expected)
    enough = (precision >= wanted_precision) & (recall > 0)
    best = recall[enough].max() if enough.any() else 0.0
    assert float(matched.recall(weight)) == pytest.approx(best)
    both = matched.recall(np.stack([weight, np.ones(300)]))
    assert both[0] == pytest.approx(best)
