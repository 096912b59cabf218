import pickle
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from memorization.errors import UserError
from memorization.whether.models import MODELS, load_fitted, save_fitted
from memorization.whether.models.fitted import TRUSTED, Fitted


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(0)
    features = pd.DataFrame(
        {"a.x_count": rng.poisson(3, size=300) * 1.0, "a.y": rng.normal(size=300)}
    )
    features.loc[:9, "a.y"] = np.nan
    return features, rng.random(300) < 0.3, rng.random(300) + 0.5, rng.integers(0, 4, size=300)


@pytest.mark.parametrize("name", MODELS)
def test_round_trip_is_exact_and_bytes_repeat(name, sample, tmp_path):
    features, truth, weight, fold = sample
    fitted = MODELS[name](features, truth, weight, fold, seed=0)
    save_fitted(fitted, tmp_path / "folder" / "a.skops")
    loaded = load_fitted(tmp_path / "folder" / "a.skops")
    assert loaded.shift == fitted.shift
    assert loaded.chosen == fitted.chosen
    np.testing.assert_array_equal(loaded.predict(features), fitted.predict(features))
    # The same classifier again, and the one that was loaded, are the same file.
    save_fitted(MODELS[name](features, truth, weight, fold, seed=0), tmp_path / "b.skops")
    save_fitted(loaded, tmp_path / "c.skops")
    first = (tmp_path / "folder" / "a.skops").read_bytes()
    assert first == (tmp_path / "b.skops").read_bytes() == (tmp_path / "c.skops").read_bytes()
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["a.skops"]


def test_the_trusted_list_is_minimal(sample, tmp_path):
    needed = set()
    for name, fit in MODELS.items():
        save_fitted(fit(*sample, seed=0), tmp_path / name)
        needed |= set(skops.io.get_untrusted_types(file=tmp_path / name))
    assert needed == set(TRUSTED)


def test_files_that_are_not_trusted(tmp_path):
    with pytest.raises(UserError, match="no such model; run `dvc repro whether`"):
        load_fitted(tmp_path / "none.skops")
    (tmp_path / "pickled.skops").write_bytes(pickle.dumps({"estimator": 1}))
    with pytest.raises(UserError, match="not a model that can be trusted"):
        load_fitted(tmp_path / "pickled.skops")
    with ZipFile(tmp_path / "empty.skops", "w"):
        pass
    with pytest.raises(UserError, match="not a model that can be trusted"):
        load_fitted(tmp_path / "empty.skops")
    foreign = Pipeline([("run", FunctionTransformer(pickle.loads))])
    save_fitted(Fitted(foreign), tmp_path / "foreign.skops")
    with pytest.raises(UserError, match=r"not a model that can be trusted .*loads"):
        load_fitted(tmp_path / "foreign.skops")


def test_shift_moves_the_log_odds(sample):
    features, truth, weight, fold = sample
    fitted = MODELS["logistic"](features, truth, weight, fold, seed=0)
    before, after = fitted.predict(features), Fitted(fitted.estimator, -2.0).predict(features)
    np.testing.assert_allclose(
        np.log(after / (1 - after)), np.log(before / (1 - before)) - 2, rtol=1e-9
    )
