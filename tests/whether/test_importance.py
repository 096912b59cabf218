import numpy as np
import pytest
from made_up_study import OF_FEATURES, make_study

from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.crossfit import Candidate, cross_fit
from memorization.evaluation.metrics.ranking import average_precision
from memorization.whether.importance import permutation_importance
from memorization.whether.models import MODELS


@pytest.mark.parametrize("name", OF_FEATURES)
def test_what_matters_is_important_and_what_does_not_is_not(name):
    rng = np.random.default_rng(0)
    n, columns = 1500, ("a.strong", "a.noise", "b.weak", "c.noise")
    x = dict(zip(columns, rng.normal(size=(n, 4)).T, strict=True))
    log_odds = -2 + 2 * x["a.strong"] + 0.7 * x["b.weak"]
    truth = rng.random(n) < 1 / (1 + np.exp(-log_odds))
    study = make_study(x, truth, weight=np.where(truth, 1.0, 5.0), fold=rng.integers(0, 3, size=n))
    bootstrap = Bootstrap.of(study.cluster, 100, 0.95, rng)

    def fitted(columns):
        return cross_fit(Candidate("text", name, MODELS[name], columns, "m"), study)

    whole, weak = fitted(columns), fitted(("b.weak",))
    table = permutation_importance(whole.fitted, study, bootstrap, np.random.default_rng(1))
    assert set(table["feature"]) == {"a", "b", "c", *columns}
    assert table["importance"].is_monotonic_decreasing
    assert (table["low"] <= table["high"]).all()
    by = table.set_index("feature")
    assert set(table["feature"][:2]) == {"a", "a.strong"}
    assert by.loc["a.strong", "low"] > by.loc["b.weak", "importance"] > by.loc["c", "importance"]
    assert by.loc["b.weak", "low"] > 0
    assert by.loc["c.noise", "low"] < 0.02
    assert abs(by.loc["c.noise", "importance"]) < 0.4 * by.loc["b.weak", "importance"]
    # Without the only strong family, what is left ranks as the weak one alone can.
    left, alone = (
        float(average_precision(truth, fit.prediction, study.weight)) for fit in (whole, weak)
    )
    assert left - by.loc["a", "importance"] == pytest.approx(alone, abs=0.05)
