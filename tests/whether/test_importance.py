import numpy as np
import pandas as pd
import pytest

from memorization.evaluation.bootstrap import cluster_multiplicities
from memorization.evaluation.metrics.ranking import average_precision
from memorization.whether.evaluate import fit_folds, out_of_fold
from memorization.whether.importance import permutation_importance
from memorization.whether.models import MODELS


@pytest.mark.parametrize("name", MODELS)
def test_what_matters_is_important_and_what_does_not_is_not(name):
    rng = np.random.default_rng(0)
    n = 1500
    features = pd.DataFrame(
        rng.normal(size=(n, 4)), columns=["a.strong", "a.noise", "b.weak", "c.noise"]
    )
    log_odds = -2 + 2 * features["a.strong"] + 0.7 * features["b.weak"]
    truth = (rng.random(n) < 1 / (1 + np.exp(-log_odds))).to_numpy()
    weight, fold = np.where(truth, 1.0, 5.0), rng.integers(0, 3, size=n)
    drawn = cluster_multiplicities(np.arange(n), 100, rng)
    fitted = fit_folds(MODELS[name], features, truth, weight, fold, 0)
    table = permutation_importance(
        fitted, features, truth, weight, fold, drawn, 0.95, np.random.default_rng(1)
    )
    assert set(table["feature"]) == {"a", "b", "c", *features.columns}
    assert table["importance"].is_monotonic_decreasing
    assert (table["low"] <= table["high"]).all()
    by = table.set_index("feature")
    assert set(table["feature"][:2]) == {"a", "a.strong"}
    assert by.loc["a.strong", "low"] > by.loc["b.weak", "importance"] > by.loc["c", "importance"]
    assert by.loc["b.weak", "low"] > 0
    assert by.loc["c.noise", "low"] < 0.02
    assert abs(by.loc["c.noise", "importance"]) < 0.4 * by.loc["b.weak", "importance"]
    # Without the only strong family, what is left ranks as the weak one alone can.
    whole = out_of_fold(MODELS[name], features, truth, weight, fold, 0)
    left = average_precision(truth, whole, weight) - by.loc["a", "importance"]
    weak = out_of_fold(MODELS[name], features[["b.weak"]], truth, weight, fold, 0)
    assert left == pytest.approx(float(average_precision(truth, weak, weight)), abs=0.05)
