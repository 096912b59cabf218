import numpy as np
import pandas as pd
import pytest

from memorization.whether.baselines import (
    baselines_for,
    next_smaller,
    one_count,
    prevalence,
    smaller_sibling,
)

TRUTH = np.array([True, True, False, False])
WEIGHT = np.array([1.0, 1.0, 4.0, 2.0])
FOLD = np.array([0, 1, 0, 1])


def test_prevalence_is_weighted():
    fitted = prevalence(pd.DataFrame(index=range(4)), TRUTH, WEIGHT, FOLD, 0)
    np.testing.assert_array_equal(fitted.predict(pd.DataFrame(index=range(3))), np.full(3, 0.25))


def test_sibling_rates_by_hand():
    features = pd.DataFrame({"sibling.s_memorized": [1.0, 0.0, 0.0, 1.0]})
    # Weights of mean 1: 1/2, 1/2, 2, 1. Memorized by the sibling: rows 0 and 3. One row at 1/4
    # is added: (1/2 + 1/4) / (3/2 + 1), and (1/2 + 1/4) / (5/2 + 1).
    fitted = smaller_sibling(features, TRUTH, WEIGHT, FOLD, 0)
    np.testing.assert_allclose(fitted.predict(features), [0.3, 0.75 / 3.5, 0.75 / 3.5, 0.3])


def test_sibling_that_memorized_nothing():
    features = pd.DataFrame({"sibling.s_memorized": np.zeros(4)})
    fitted = smaller_sibling(features, TRUTH, WEIGHT, FOLD, 0)
    seen = fitted.predict(pd.DataFrame({"sibling.s_memorized": [0.0, 1.0]}))
    # Of the side without rows, only the prevalence is known.
    np.testing.assert_allclose(seen, [0.25, 0.25])


@pytest.mark.parametrize("column", ["sequence_count", "continuation_count"])
def test_one_count_rises_with_copies(column):
    rng = np.random.default_rng(0)
    copies = rng.integers(1, 200, size=2000)
    truth = rng.random(2000) < copies / 250
    name = f"duplication.{column}"
    features = pd.DataFrame({name: copies * 1.0})
    fitted = one_count(features, truth, np.ones(2000), np.arange(2000) % 5, 0)
    rising = fitted.predict(pd.DataFrame({name: [1.0, 10.0, 100.0, 1000.0]}))
    assert (np.diff(rising) > 0).all()
    assert fitted.predict(features).mean() == pytest.approx(truth.mean(), abs=1e-3)


def test_which_baselines_there_are():
    columns = ["duplication.sequence_count", "duplication.continuation_count"]
    columns += ["sibling.micro-1k_memorized"]
    columns += [
        "sibling.micro-1k_match_length",
        "sibling.micro-2k_memorized",
        "sibling.n_memorized",
    ]
    found = {baseline.name: baseline for baseline in baselines_for(columns)}
    assert list(found) == [
        "prevalence",
        "duplicate_count",
        "continuation_count",
        "smaller_sibling",
    ]
    tiers = [baseline.tier for baseline in found.values()]
    assert tiers == ["text", "corpus", "corpus", "sibling"]
    assert found["continuation_count"].columns == ("duplication.continuation_count",)
    assert found["smaller_sibling"].columns == ("sibling.micro-2k_memorized",)
    assert [baseline.name for baseline in baselines_for(["surprisal.mean"])] == ["prevalence"]
    assert next_smaller(["sibling.n_memorized"]) is None
