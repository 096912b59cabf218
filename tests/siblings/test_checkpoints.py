import itertools

import numpy as np
import pytest
from made_up_study import make_study
from sklearn import metrics as theirs

from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.intervals import interval
from memorization.labels.trajectories import Trajectories
from memorization.siblings.checkpoints import (
    BOUNDED,
    REPORTED,
    checkpoint_metrics,
    published_metrics,
    reported,
)

N = 300


def made_up(observed=None, c=5):
    rng = np.random.default_rng(0)
    match_length = np.where(rng.random((N, c)) < 0.3, 32, 7).astype(np.int8)
    observed = np.ones((N, c), bool) if observed is None else observed
    match_length[~observed] = -1
    logprob = np.zeros((N, c), np.float32)
    return Trajectories(np.arange(N) * 3, 10 * np.arange(1, c + 1), match_length, logprob, observed)


@pytest.fixture
def study():
    rng = np.random.default_rng(1)
    truth, weight = rng.random(N) < 0.4, rng.integers(1, 9, N)
    return make_study(truth=truth, weight=weight, cluster=rng.integers(0, 40, N))


@pytest.fixture
def bootstrap(study):
    return Bootstrap.of(study.cluster, 20, 0.9, np.random.default_rng(7))


@pytest.mark.parametrize("late", [False, True])
def test_metrics_and_intervals_are_those_of_a_slow_count(late, study, bootstrap):
    """What was not evaluated counts as no, and is left out of the second view."""
    seen = np.arange(N)[:, None] < np.array([60, 120, 180, 240, 300]) if late else None
    trajectories = made_up(seen)
    found = checkpoint_metrics(study, trajectories, bootstrap)
    assert found["step"] == [10, 20, 30, 40]
    share = study.weight[:60].sum() / study.weight.sum() if late else 1
    assert found["evaluated_fraction"] == pytest.approx(share)
    assert (found["evaluated"] is None) == (not late)
    for view, rows in {"population": np.arange(N), "evaluated": np.arange(60)}.items():
        if found[view] is None:
            continue
        part, drawn = study.take(rows), bootstrap.take(rows).multiplicities
        for (place, said), name in itertools.product(
            enumerate(trajectories.memorized[rows, :4].T), ("accuracy", "f1", "precision", "recall")
        ):
            metric = getattr(theirs, f"{name}_score")
            value = metric(part.truth, said, sample_weight=part.weight)
            assert found[view][name][place] == pytest.approx(value)
            if name in BOUNDED:
                slow = [metric(part.truth, said, sample_weight=part.weight * m) for m in drawn]
                bounds = [found[view][f"{name}_{side}"][place] for side in ("low", "high")]
                effective = bootstrap.take(rows).effective(part.weight, part.truth)
                expected = interval(value, np.array(slow), effective, 0.9)
                assert bounds == pytest.approx([float(end) for end in expected])


def test_without_an_earlier_checkpoint_there_is_nothing_to_report(study, bootstrap):
    for trajectories in (made_up(c=1), made_up(np.zeros((N, 3), bool), 3)):
        found = checkpoint_metrics(study, trajectories, bootstrap)
        assert found["step"] == []
        assert found["population"]["recall_low"] == found["population"]["precision"] == []
        assert found["evaluated"] is None


@pytest.mark.parametrize("first", [0, 30, 140])
def test_the_grid_starts_where_something_is_memorized(first):
    steps = 1000 * np.arange(1, 144)
    memorized = np.zeros((4, 143), bool)
    memorized[2, first] = memorized[:, -1] = True
    columns = reported(steps, memorized)
    assert columns[0] == first
    assert columns[-1] == 141
    assert (np.diff(columns) > 0).all()
    assert len(columns) <= REPORTED
    # Few checkpoints are all reported, once each.
    assert reported(steps[:6], np.ones((1, 6), bool)).tolist() == [0, 1, 2, 3, 4]


def test_complete_evaluations_say_exactly_what_rows_of_all_would_say():
    """The same study twice: as sets of the whole population, and as trajectories of all of it."""
    rng = np.random.default_rng(3)
    population, steps = 400, np.array([20, 40, 80, 100])
    observed = np.arange(population)[:, None] < 4 * steps
    match_length = np.where(rng.random((population, 4)) < 0.2, 32, 0).astype(np.int8)
    match_length[~observed] = -1
    logprob = np.zeros(match_length.shape, np.float32)
    whole = Trajectories(np.arange(population), steps, match_length, logprob, observed)
    truth = whole.memorized[:, -1]
    none = Bootstrap(np.ones((2, population), np.uint8), np.arange(population), 0.9)
    slow = checkpoint_metrics(make_study(truth=truth), whole, none)
    evaluations = {
        step: rng.permutation(np.flatnonzero(whole.memorized[:, place]))
        for place, step in reversed(list(enumerate(steps[:-1].tolist())))
    }
    found = published_metrics(evaluations, np.flatnonzero(truth), population, 4)
    assert found["step"] == slow["step"] == [20, 40, 80]
    assert found["evaluated_fraction"] == slow["evaluated_fraction"] == 0.2
    for view in ("population", "evaluated"):
        assert found[view].keys() == slow[view].keys()
        for name in ("accuracy", "f1", "precision", "recall"):
            assert found[view][name] == pytest.approx(slow[view][name])
        assert found[view]["recall_low"] == [None] * 3
