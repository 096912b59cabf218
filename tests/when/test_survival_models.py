"""What every model of the registry must do."""

import numpy as np
import pytest

from memorization.protocol import TIERS
from memorization.when.models import MODELS


@pytest.fixture(scope="module", params=list(MODELS))
def fitted(request, sample):
    return MODELS[request.param].fit(sample.features, sample.targets, sample.weight, 0, 1)


def test_survival_is_one(fitted, sample):
    survival = fitted.survival(sample.features)
    assert survival.shape == (len(sample.features), 12)
    assert ((survival >= 0) & (survival <= 1)).all()
    assert (np.diff(survival, axis=1) <= 1e-12).all()
    assert (survival[:, -1] < survival[:, 0]).all()


def test_survival_is_right_on_average(fitted, sample):
    expected = np.average(fitted.survival(sample.features), axis=0, weights=sample.weight)
    survived = ~sample.targets.event[:, None] | (sample.targets.time[:, None] > np.arange(1, 13))
    observed = np.average(survived, axis=0, weights=sample.weight)
    # Cox is the least exact here: Breslow's baseline is made for small hazards a checkpoint.
    np.testing.assert_allclose(expected, observed, atol=0.05)


def test_values_never_seen_are_no_problem(fitted, sample):
    strange = sample.features.head(3) * 1e6
    survival = fitted.survival(strange)
    assert ((survival >= 0) & (survival <= 1)).all()


def test_round_trip_and_deterministic_bytes(fitted, sample, tmp_path):
    paths = [tmp_path / f"{name}{fitted.suffix}" for name in ("once", "twice")]
    for path in paths:
        fitted.save(path)
    again = type(fitted).load(paths[0])
    np.testing.assert_array_equal(again.survival(sample.features), fitted.survival(sample.features))
    refitted = type(fitted).fit(sample.features, sample.targets, sample.weight, 0, 1)
    refitted.save(paths[1])
    assert paths[0].read_bytes() == paths[1].read_bytes()


UNKNOWN = {
    "nowhere known": lambda n: np.full(n, np.nan),
    "known once": lambda n: np.where(np.arange(n) == 0, 1.0, np.nan),
    "constant or unknown": lambda n: np.where(np.arange(n) % 2, 3.0, np.nan),
}


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("unknown", UNKNOWN)
def test_columns_of_hardly_any_known_value(name, unknown, sample, tmp_path):
    column = UNKNOWN[unknown](len(sample.features))
    given = sample.features.assign(**{"frequency.prompt_count": column})
    model = MODELS[name].fit(given, sample.targets, sample.weight, 0, 1)
    survival = model.survival(given)
    assert ((survival >= 0) & (survival <= 1)).all()
    if unknown == "nowhere known":
        later = model.survival(given.assign(**{"frequency.prompt_count": 9.0}))
        np.testing.assert_array_equal(later, survival)
    model.save(tmp_path / "model")
    again = type(model).load(tmp_path / "model").survival(given)
    np.testing.assert_array_equal(again, survival)


@pytest.mark.parametrize("name", [n for n, model in MODELS.items() if model.tiers == TIERS])
def test_models_that_use_features_beat_the_marginal_curve(name, make_sample):
    train, test = make_sample(600, seed=6), make_sample(600, seed=7)
    model = MODELS[name].fit(train.features, train.targets, train.weight, 0, 1)
    marginal = MODELS["kaplan_meier"].fit(train.features, train.targets, train.weight, 0, 1)
    survived = ~test.targets.event[:, None] | (test.targets.time[:, None] > np.arange(1, 13))

    def brier(m):
        return np.average(
            ((survived - m.survival(test.features)) ** 2).mean(axis=1), weights=test.weight
        )

    assert brier(model) < 0.93 * brier(marginal)
