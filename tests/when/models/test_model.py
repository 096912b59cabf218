"""What every survival model must do, beyond what every model must; and events that are only known
to be early, against the truth."""

from dataclasses import replace

import numpy as np
import pytest
from made_up_study import survival_study, survived

from memorization.study import Targets
from memorization.when.kaplan_meier import kaplan_meier
from memorization.when.models import MODELS
from memorization.when.models.model import drawn_targets


def late_evaluations(targets, seed):
    """Let the first evaluation of each sequence be anywhere; what was before it is not seen."""
    observed = np.random.default_rng(seed).integers(1, targets.n_times + 1, len(targets))
    time = np.where(targets.event, np.maximum(targets.time, observed), targets.time)
    return replace(targets, time=time, observed=observed)


def test_the_curve_maximizes_the_likelihood():
    rng = np.random.default_rng(0)
    n, c = 300, 5
    time = np.minimum(rng.integers(1, 9, n), c)
    event = rng.random(n) < 0.7
    event[time < c] = True
    targets = late_evaluations(Targets(time, event, c), 1)
    weight = rng.random(n)
    left, time = targets.left_censored, targets.time
    assert 50 < left.sum() < 250

    def likelihood(survival):
        full = np.concatenate([[1.0], survival])
        exact = full[time - 1] - full[time]
        chance = np.where(left, 1 - full[time], np.where(event, exact, full[time]))
        return weight @ np.log(np.maximum(chance, 1e-300))

    curve = kaplan_meier(targets, weight)
    best = likelihood(curve)
    for _ in range(300):
        mass = -np.diff(np.concatenate([[1.0], curve, [0.0]])) * rng.uniform(0.97, 1.03, c + 1)
        assert likelihood(1 - np.cumsum(mass / mass.sum())[:-1]) <= best + 1e-6


def test_draws_are_those_of_the_curve_given_the_bound():
    n = 20_000
    bound = np.array([2, 4] * n)
    targets = Targets(bound, np.ones(2 * n, bool), 4, bound)
    survival = np.tile([0.8, 0.6, 0.6, 0.2], (2 * n, 1))
    drawn = drawn_targets(targets, survival, np.random.default_rng(0))
    assert not drawn.left_censored.any()
    for at, shares in ((2, [0.5, 0.5, 0, 0]), (4, [0.25, 0.25, 0, 0.5])):
        counts = np.bincount(drawn.time[bound == at], minlength=5)[1:]
        np.testing.assert_allclose(counts / n, shares, atol=0.015)


def test_what_is_known_exactly_stays():
    targets = late_evaluations(Targets(np.array([1, 2, 3, 4]), np.array([1, 1, 1, 0], bool), 4), 2)
    left = targets.left_censored
    assert 0 < left.sum() < 3
    survival = np.tile([0.8, 0.6, 0.5, 0.4], (int(left.sum()), 1))
    drawn = drawn_targets(targets, survival, np.random.default_rng(0))
    assert drawn.time[~left].tolist() == targets.time[~left].tolist()
    assert drawn.event.tolist() == targets.event.tolist()
    assert (drawn.time <= targets.time).all()


@pytest.mark.parametrize("name", ["hazard", "hazard_boosting", "cox", "forest"])
def test_the_hazard_is_recovered_though_half_of_the_events_are_only_known_to_be_early(name):
    study, truth = survival_study(4000, seed=4)
    study = replace(study, weight=np.ones(4000))
    late = late_evaluations(study.times, 5)
    assert 0.3 < late.left_censored.sum() / late.event.sum() < 0.7

    def error(targets):
        rows, rng = np.ones(4000, dtype=bool), np.random.default_rng(0)
        model = MODELS[name].fit(replace(study, targets=targets), rows, rng)
        return np.abs(model.survival(study.features) - truth).mean()

    known = error(study.times)
    ignorant = np.abs(kaplan_meier(study.times, study.weight) - truth).mean()
    assert known < ignorant / 4
    # Taking the bound for the time, as one would who overlooks it.
    naive = error(Targets(late.time, late.event, late.n_times))
    # Cox regression loses most: Breslow's baseline is the least exact where hazards are large.
    assert error(late) < known + (0.02 if name == "cox" else 0.01)
    assert naive > known + 0.1


@pytest.mark.parametrize("name", MODELS)
def test_survival_falls_and_is_right_on_average(name, study):
    *_, columns = MODELS[name].columns(study.tiers).values()
    survival = MODELS[name].train(study.only(columns), 0).survival(study.features)
    assert survival.shape == (len(study), 12)
    assert (np.diff(survival, axis=1) <= 1e-12).all()
    assert (survival[:, -1] < survival[:, 0]).all()
    found, expected = (
        np.average(s, axis=0, weights=study.weight) for s in (survival, survived(study))
    )
    # Cox is the least exact here: Breslow's baseline is made for small hazards a checkpoint.
    np.testing.assert_allclose(found, expected, atol=0.05)
