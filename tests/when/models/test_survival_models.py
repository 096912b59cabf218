"""What every model of the registry must do."""

from dataclasses import replace

import numpy as np
import pytest
from made_up_study import survival_study

from memorization.when.models import MODELS


@pytest.fixture(scope="module")
def counted(study):
    """A study that every model can be fitted to as it is."""
    return {
        name: study.only(list(model.columns(study.tiers).values())[-1])
        for name, model in MODELS.items()
    }


@pytest.fixture(scope="module", params=list(MODELS))
def fitted(request, counted):
    return MODELS[request.param].train(counted[request.param], 0), counted[request.param]


def survived(study):
    times = study.times
    return ~times.event[:, None] | (times.time[:, None] > np.arange(1, times.n_times + 1))


def test_survival_is_one(fitted, study):
    survival = fitted[0].survival(study.features)
    assert survival.shape == (len(study), 12)
    assert ((survival >= 0) & (survival <= 1)).all()
    assert (np.diff(survival, axis=1) <= 1e-12).all()
    assert (survival[:, -1] < survival[:, 0]).all()


def test_survival_is_right_on_average(fitted, study):
    expected = np.average(fitted[0].survival(study.features), axis=0, weights=study.weight)
    observed = np.average(survived(study), axis=0, weights=study.weight)
    # Cox is the least exact here: Breslow's baseline is made for small hazards a checkpoint.
    np.testing.assert_allclose(expected, observed, atol=0.05)


def test_values_never_seen_are_no_problem(fitted, study):
    survival = fitted[0].survival(study.features.head(3) * 1e6)
    assert ((survival >= 0) & (survival <= 1)).all()


def test_round_trip_and_deterministic_bytes(fitted, study, tmp_path):
    model, given = fitted
    paths = [tmp_path / f"{name}{model.suffix}" for name in ("once", "twice")]
    model.save(paths[0])
    again = type(model).load(paths[0])
    np.testing.assert_array_equal(again.survival(study.features), model.survival(study.features))
    type(model).train(given, 0).save(paths[1])
    assert paths[0].read_bytes() == paths[1].read_bytes()


UNKNOWN = {
    "nowhere known": lambda n: np.full(n, np.nan),
    "known once": lambda n: np.where(np.arange(n) == 0, 1.0, np.nan),
    "constant or unknown": lambda n: np.where(np.arange(n) % 2, 3.0, np.nan),
}

OF_FEATURES = [name for name, model in MODELS.items() if not model.is_baseline]


@pytest.mark.parametrize("name", OF_FEATURES)
@pytest.mark.parametrize("unknown", UNKNOWN)
def test_columns_of_hardly_any_known_value(name, unknown, study, tmp_path):
    column = UNKNOWN[unknown](len(study))
    given = study.features.assign(**{"frequency.prompt_count": column})
    model = MODELS[name].train(replace(study, features=given), 0)
    survival = model.survival(given)
    assert ((survival >= 0) & (survival <= 1)).all()
    if unknown == "nowhere known":
        later = model.survival(given.assign(**{"frequency.prompt_count": 9.0}))
        np.testing.assert_array_equal(later, survival)
    model.save(tmp_path / "model")
    again = type(model).load(tmp_path / "model").survival(given)
    np.testing.assert_array_equal(again, survival)


@pytest.mark.parametrize("name", OF_FEATURES)
def test_models_that_use_features_beat_the_marginal_curve(name):
    (train, _), (test, _) = survival_study(600, seed=6), survival_study(600, seed=7)

    def brier(model):
        error = survived(test) - model.train(train, 0).survival(test.features)
        return np.average((error**2).mean(axis=1), weights=test.weight)

    assert brier(MODELS[name]) < 0.93 * brier(MODELS["kaplan_meier"])
