"""What every survival model must do; and the marginal curve of events known only to be early."""

from dataclasses import replace

import numpy as np
import pytest
from made_up_study import from_the_start, survived

from memorization.when.models import MODELS
from memorization.when.models.kaplan_meier import kaplan_meier


def late_evaluations(targets, seed):
    """Let the first evaluation of each sequence be anywhere; what was before it is not seen."""
    observed = np.random.default_rng(seed).integers(1, targets.n_times + 1, len(targets))
    time = np.where(targets.event, np.maximum(targets.time, observed), targets.time)
    return replace(targets, time=time, first_evaluation=observed)


def test_the_curve_maximizes_the_likelihood():
    rng = np.random.default_rng(0)
    n, c = 300, 5
    time = np.minimum(rng.integers(1, 9, n), c)
    event = rng.random(n) < 0.7
    event[time < c] = True
    targets = late_evaluations(from_the_start(time, event, c), 1)
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


def fitted(name, study):
    *_, columns = MODELS[name].columns(study.tiers).values()
    return MODELS[name].fit(study.only(columns), np.arange(len(study)), np.random.default_rng(0))


@pytest.mark.parametrize("name", MODELS)
def test_survival_falls_and_is_right_on_average(name, study):
    rows = np.arange(len(study))
    found = fitted(name, study).predict(study, rows)
    assert found.shape == (len(study), 4, 12)
    survival, memorized, durable, switches = found.swapaxes(0, 1)
    assert (np.diff(survival, axis=1) <= 1e-12).all()
    assert (survival[:, -1] < survival[:, 0]).all()
    # Three numbers do not fit what was not made by their rule; the others do.
    off = {"accumulation": 0.2, "aft": 0.1}.get(name, 0.06)
    happened = 1 - np.average(survived(study), axis=0, weights=study.weight)
    assert np.abs(1 - np.average(survival, axis=0, weights=study.weight) - happened).max() < off
    if not np.isnan(memorized).any():
        # Here, what is memorized stays so.
        assert np.abs(np.average(memorized, axis=0, weights=study.weight) - happened).max() < off
    if not np.isnan(switches).any():
        assert (durable <= memorized + 1e-12).all()
        assert (np.diff(durable, axis=1) >= -1e-12).all()
        assert (switches >= 1 - survival - 1e-12).all()


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.is_kept])
def test_a_model_in_a_file_is_the_same(name, study, tmp_path):
    model = fitted(name, study)
    path = tmp_path / f"model{model.suffix}"
    model.save(path)
    rows = np.arange(len(study))
    back = type(model).load(path).predict(study, rows)
    np.testing.assert_allclose(back, model.predict(study, rows), rtol=1e-12)


@pytest.mark.parametrize("name", ["count", "exposure_clock", "logistic", "boosting"])
def test_a_model_of_the_text_alone_is_blind_to_exposure(name, study):
    if name in ("logistic", "boosting"):
        own = study.only(["repetition.longest_run"])
    else:
        own = study.only(["duplication.sequence_count"])
    model = MODELS[name].fit(own, np.arange(len(study)), np.random.default_rng(0))
    other = replace(study.histories, seen=study.histories.seen[::-1])
    one, two = (
        model.predict(replace(study, histories=h), np.arange(len(study)))
        for h in (study.histories, other)
    )
    assert np.array_equal(one, two) == (name != "exposure_clock")
