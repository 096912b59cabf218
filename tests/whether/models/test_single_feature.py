import numpy as np
import pytest
from made_up_study import make_study
from sklearn.metrics import average_precision_score

from memorization.whether.models import single_feature
from memorization.whether.models.single_feature import (
    SingleFeature,
    precisions,
    single_feature_scores,
)


@pytest.fixture(scope="module")
def study():
    """Two columns that say something, one of them by low values, one that says nothing."""
    rng = np.random.default_rng(0)
    truth = rng.random(800) < 0.2
    features = {
        "a.noise": rng.normal(size=800),
        "a.weak": rng.normal(size=800) + 0.5 * truth,
        "b.strong": np.exp(rng.normal(size=800) - 2 * truth),
    }
    return make_study(features, truth, weight=rng.random(800) + 0.5)


def test_the_best_is_chosen_whatever_its_direction(study):
    fitted = SingleFeature.train(study, seed=0)
    assert fitted.chosen["feature"] == "b.strong"
    found = fitted.probability(study.features)
    # The order is that of the feature, from the lowest value on.
    order = np.argsort(study.features["b.strong"].to_numpy())
    assert (np.diff(found[order]) <= 0).all()
    assert np.average(found, weights=study.weight) == pytest.approx(
        np.average(study.truth, weights=study.weight), abs=0.02
    )


def test_large_samples_choose_on_fewer_rows(study, monkeypatch):
    seen = []
    monkeypatch.setattr(single_feature, "LARGEST", 300)
    monkeypatch.setattr(
        single_feature, "precisions", lambda v, t, w: seen.append(len(v)) or precisions(v, t, w)
    )
    assert SingleFeature.train(study, seed=0).chosen["feature"] == "b.strong"
    assert set(seen) == {300}


def test_both_directions_by_scikit_learn(study):
    values = study.features["a.weak"].to_numpy().round(1)
    found = precisions(values, study.truth, study.weight)
    expected = [
        average_precision_score(study.truth, sign * values, sample_weight=study.weight)
        for sign in (1, -1)
    ]
    np.testing.assert_allclose(found, expected)
    missing = np.where(study.truth, np.nan, values)
    share = np.average(study.truth, weights=study.weight)
    np.testing.assert_allclose(precisions(missing, study.truth, study.weight), [share, share])


def test_scores_of_every_feature_are_out_of_fold(study):
    found = single_feature_scores(study)
    assert list(found) == list(study.features)
    # A direction that is the same in all folds leaves the order nearly as it is.
    for name, sign in (("a.weak", 1), ("b.strong", -1)):
        whole = average_precision_score(
            study.truth, sign * study.features[name], sample_weight=study.weight
        )
        assert found[name] == pytest.approx(whole, abs=0.01)


def test_a_direction_is_learnt_from_the_other_folds_alone():
    """In each of two folds the opposite is true of what is in the other."""
    truth = np.tile([True, True, False, False], 2)
    value = np.r_[[1.0, 1, 0, 0], [0, 0, 1, 1]]
    study = make_study({"a.x": value}, truth, fold=np.repeat([0, 1], 4))
    assert single_feature_scores(study)["a.x"] == pytest.approx(0.5)
