"""What every model of features must do: classifiers and survival models alike."""

from dataclasses import replace

import numpy as np
import pytest
from made_up_study import OF_FEATURES as CLASSIFIERS

from memorization.when.models import MODELS as WHEN
from memorization.whether.models import MODELS as WHETHER

# Two questions have models of one name.
MODELS = {f"whether/{name}": WHETHER[name] for name in CLASSIFIERS}
MODELS |= {f"when/{name}": model for name, model in WHEN.items()}
OF_FEATURES = [name for name, model in MODELS.items() if not model.is_baseline]
# Exposures are known whatever the features are.
BY_EXPOSURE = ("when/cox", "when/logistic", "when/boosting", "when/without_text")
N = 300


def is_kept(name):
    return getattr(MODELS[name], "is_kept", True)


def fit(name, study):
    if name.startswith("whether"):
        return MODELS[name].train(study, seed=0)
    return MODELS[name].train(study, np.random.default_rng(0))


def train(name, study):
    """Return a model of the highest tier that it is reported in."""
    *_, columns = MODELS[name].columns(study.tiers).values()
    return fit(name, study.only(columns))


def are_probabilities(found):
    """Return whether all are, but for what a model does not say and the number of switches."""
    found = found[:, :3] if found.ndim == 3 else found
    known = found[~np.isnan(found)]
    return len(known) >= N and ((known >= 0) & (known <= 1)).all()


def predicted(model, study, **features):
    """Return predictions of all rows, with some features changed."""
    return model.predict(replace(study, features=study.features.assign(**features)), np.arange(N))


@pytest.fixture(scope="module", params=MODELS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(name, study):
    return train(name, study)


def test_predictions_are_probabilities_also_of_values_never_seen(fitted, study):
    for features in (study.features, study.features * 1e6):
        found = fitted.predict(replace(study, features=features), np.arange(N))
        assert found.dtype == np.float64
        assert len(found) == N
        assert are_probabilities(found)


def test_columns_are_found_by_name(fitted, study):
    turned = replace(study, features=study.features[study.features.columns[::-1]])
    again = predicted(fitted, turned, **{"other.column": 0.0})
    np.testing.assert_array_equal(again, predicted(fitted, study))


def test_a_fit_repeats_to_the_byte_and_comes_back_from_its_file(name, fitted, study, tmp_path):
    if not is_kept(name):
        np.testing.assert_array_equal(
            predicted(train(name, study), study), predicted(fitted, study)
        )
        return
    paths = [tmp_path / "folder" / f"{k}{fitted.suffix}" for k in range(3)]
    fitted.save(paths[0])
    loaded = MODELS[name].load(paths[0])
    np.testing.assert_array_equal(predicted(loaded, study), predicted(fitted, study))
    loaded.save(paths[1])
    train(name, study).save(paths[2])
    first, *others = (path.read_bytes() for path in paths)
    assert others == [first] * 2
    assert len(list(paths[0].parent.iterdir())) == 3


def test_only_relative_weights_matter(name, fitted, study):
    heavy = train(name, replace(study, weight=1000 * study.weight))
    np.testing.assert_allclose(predicted(heavy, study), predicted(fitted, study), rtol=1e-4)


UNKNOWN = {
    "nowhere known": np.full(N, np.nan),
    "known once": np.where(np.arange(N) == 0, 1.0, np.nan),
    "constant or unknown": np.where(np.arange(N) % 2, 3.0, np.nan),
}


@pytest.mark.parametrize("unknown", UNKNOWN)
@pytest.mark.parametrize("name", OF_FEATURES)
def test_columns_of_hardly_any_known_value(name, unknown, study, tmp_path):
    column, without = "frequency.prompt_count", study.only(["surprisal.mean"])
    given = replace(without, features=without.features.assign(**{column: UNKNOWN[unknown]}))
    model = fit(name, given)
    found = predicted(model, given)
    assert are_probabilities(found)
    assert np.nanmax(found) > np.nanmin(found)
    if unknown == "nowhere known":
        # It says nothing, whatever is known later.
        np.testing.assert_array_equal(predicted(model, given, **{column: 9.0}), found)
        if name.startswith("whether"):
            expected = predicted(fit(name, without), without)
            np.testing.assert_allclose(found, expected, rtol=1e-4)
    if not is_kept(name):
        return
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(predicted(MODELS[name].load(tmp_path / "model"), given), found)


@pytest.mark.parametrize("name", [name for name in OF_FEATURES if name not in BY_EXPOSURE])
def test_nothing_known_at_all_gives_everybody_the_same(name, study):
    study = study.only(["surprisal.mean"])
    study = replace(study, features=study.features * np.nan)
    found = predicted(fit(name, study), study)
    at_the_end = found if found.ndim == 1 else 1 - found[:, 0, -1]
    assert np.ptp(at_the_end) == 0
    # All of it the population's.
    at_the_end = at_the_end[0]
    assert at_the_end == pytest.approx(np.average(study.truth, weights=study.weight), rel=0.1)
