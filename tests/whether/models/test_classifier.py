import pickle
from zipfile import ZipFile

import numpy as np
import pytest
import skops.io
from made_up_study import OF_FEATURES, make_study
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from memorization.errors import UserError
from memorization.whether.models import MODELS
from memorization.whether.models.classifier import TRUSTED


@pytest.fixture(scope="module")
def study():
    rng = np.random.default_rng(0)
    features = {"a.x_count": rng.poisson(3, size=300), "a.y": rng.normal(size=300)}
    features["a.y"][:10] = np.nan
    return make_study(features, rng.random(300) < 0.3, weight=rng.random(300) + 0.5)


def test_the_trusted_list_is_minimal(study, tmp_path):
    needed = set()
    for name in OF_FEATURES:
        MODELS[name].train(study, seed=0).save(tmp_path / name)
        needed |= set(skops.io.get_untrusted_types(file=tmp_path / name))
    assert needed == set(TRUSTED)


def test_files_that_are_not_trusted(tmp_path):
    with pytest.raises(UserError, match="no such model; run `dvc repro whether`"):
        MODELS["boosting"].load(tmp_path / "none.skops")
    (tmp_path / "pickled.skops").write_bytes(pickle.dumps({"estimator": 1}))
    with ZipFile(tmp_path / "empty.skops", "w"):
        pass
    foreign = Pipeline([("run", FunctionTransformer(pickle.loads))])
    MODELS["boosting"](foreign).save(tmp_path / "foreign.skops")
    for name, reason in (("pickled", ""), ("empty", ""), ("foreign", ".*loads")):
        with pytest.raises(UserError, match=rf"not a model that can be trusted \({reason}"):
            MODELS["boosting"].load(tmp_path / f"{name}.skops")


def test_shift_moves_the_log_odds(study):
    fitted = MODELS["logistic"].train(study, seed=0)
    before = fitted.probability(study.features)
    after = type(fitted)(fitted.estimator, -2.0).probability(study.features)
    np.testing.assert_allclose(
        np.log(after / (1 - after)), np.log(before / (1 - before)) - 2, rtol=1e-9
    )


@pytest.mark.parametrize("value", [False, True])
def test_training_rows_of_one_class_predict_it(value, study):
    fitted = MODELS["logistic"].fit(study, study.truth == value, np.random.default_rng(0))
    np.testing.assert_array_equal(fitted.probability(study.features), np.full(300, float(value)))
