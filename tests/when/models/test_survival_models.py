"""What every survival model of the registry must do, beyond what every model must."""

import numpy as np
import pytest
from made_up_study import survived

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
