"""What every survival model of the registry must do, beyond what every model must."""

import numpy as np
import pytest
from made_up_study import survival_study, survived

from memorization.when.models import MODELS


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


@pytest.mark.parametrize("name", [name for name in MODELS if not MODELS[name].is_baseline])
def test_models_that_use_features_beat_the_marginal_curve(name):
    (train, _), (test, _) = survival_study(600, seed=6), survival_study(600, seed=7)

    def brier(model):
        error = survived(test) - model.train(train, 0).survival(test.features)
        return np.average((error**2).mean(axis=1), weights=test.weight)

    assert brier(MODELS[name]) < 0.93 * brier(MODELS["kaplan_meier"])
