import numpy as np
import pandas as pd
import pytest

from memorization.intensities.covariates import Covariates


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    n = 50
    domain = rng.integers(0, 3, n)
    table = pd.DataFrame(
        {
            "duplication.sequence_count": rng.geometric(0.1, n).astype(float),
            "surprisal.mean": rng.normal(3, 2, n),
            "position.constant": np.full(n, 0.1),
            "sibling.small_step": np.where(rng.random(n) < 0.5, np.nan, rng.normal(size=n)),
            **{f"domain.d{k}": (domain == k).astype(float) for k in range(3)},
        }
    )
    table["surprisal.twice"] = 2 * table["surprisal.mean"] + 1
    return table


def test_weighted_standardisation(features):
    weight = np.random.default_rng(1).exponential(size=len(features)) + 0.1
    covariates = Covariates.fit(features, weight)
    x = covariates.transform(features)
    np.testing.assert_allclose(weight @ x, 0, atol=1e-9)
    np.testing.assert_allclose(weight @ x**2 / weight.sum(), 1)
    counts = np.log1p(features["duplication.sequence_count"])
    column = x[:, covariates.names.index("duplication.sequence_count")]
    assert np.corrcoef(column, counts)[0, 1] == pytest.approx(1)


def test_missing_values_become_the_mean_and_a_companion(features):
    covariates = Covariates.fit(features, np.ones(len(features)))
    x = pd.DataFrame(covariates.transform(features), columns=covariates.names)
    missing = features["sibling.small_step"].isna()
    assert (x["sibling.small_step"][missing] == 0).all()
    assert x["sibling.small_step missing"].groupby(missing).nunique().tolist() == [1, 1]


def test_what_remains_is_independent(features):
    covariates = Covariates.fit(features, np.ones(len(features)))
    x = covariates.transform(features)
    assert "position.constant" not in covariates.names
    # One of the three domains and one of the two surprisals follow from the others.
    assert sum(name.startswith("domain.") for name in covariates.names) == 2
    assert sum(name.startswith("surprisal.") for name in covariates.names) == 1
    assert np.linalg.cond(x) < 10
    assert x.shape[1] == len(covariates.names) == 6


def test_no_features_and_nothing_known():
    nothing = Covariates.fit(pd.DataFrame(index=range(4)), np.ones(4))
    assert nothing.transform(pd.DataFrame(index=range(3))).shape == (3, 0)
    unknown = Covariates.fit(pd.DataFrame({"a.b": [np.nan] * 4}), np.ones(4))
    assert unknown.names == []
