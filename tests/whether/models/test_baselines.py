import numpy as np
import pytest
from made_up_study import make_study

from memorization.strata import CONTINUATIONS, DUPLICATES
from memorization.whether.models import BASELINES

SIBLING = "sibling.s_memorized"
WEIGHT = np.array([1.0, 1.0, 4.0, 2.0])


def few(sibling=(1, 0, 0, 1)):
    features = {SIBLING: np.array(sibling, dtype=float)}
    return make_study(features, [True, True, False, False], weight=WEIGHT)


def test_prevalence_is_weighted():
    fitted = BASELINES["prevalence"].train(few().only([]), 0)
    np.testing.assert_array_equal(fitted.probability(few().features), np.full(4, 0.25))


def test_sibling_rates_by_hand():
    # Weights of mean 1: 1/2, 1/2, 2, 1. Memorized by the sibling: rows 0 and 3. One row at 1/4
    # is added: (1/2 + 1/4) / (3/2 + 1), and (1/2 + 1/4) / (5/2 + 1).
    found = BASELINES["smaller_sibling"].train(few(), 0).probability(few().features)
    np.testing.assert_allclose(found, [0.3, 0.75 / 3.5, 0.75 / 3.5, 0.3])
    # Of the side without rows, only the prevalence is known.
    fitted = BASELINES["smaller_sibling"].train(few((0, 0, 0, 0)), 0)
    np.testing.assert_allclose(fitted.probability(few().features), np.full(4, 0.25))


@pytest.mark.parametrize(
    ("name", "column"), [("duplicate_count", DUPLICATES), ("continuation_count", CONTINUATIONS)]
)
def test_one_count_rises_with_copies(name, column):
    rng = np.random.default_rng(0)
    copies = rng.integers(1, 200, size=2000)
    study = make_study({column: copies}, rng.random(2000) < copies / 250)
    fitted = BASELINES[name].train(study, 0)
    rising = fitted.probability(study.features[:4].assign(**{column: 10.0 ** np.arange(4)}))
    assert (np.diff(rising) > 0).all()
    assert fitted.probability(study.features).mean() == pytest.approx(study.truth.mean(), abs=1e-3)


def test_each_belongs_to_the_tier_of_what_it_needs():
    corpus = (DUPLICATES, CONTINUATIONS)
    siblings = ("micro-1k_memorized", "micro-1k_match_length", "micro-2k_memorized", "n_memorized")
    tiers = {"corpus": corpus, "sibling": (*corpus, *(f"sibling.{name}" for name in siblings))}
    assert {name: model.columns(tiers) for name, model in BASELINES.items()} == {
        "prevalence": {"text": ()},
        "single_feature": tiers,
        "ngrams": {"text": ()},
        "duplicate_count": {"corpus": (DUPLICATES,)},
        "continuation_count": {"corpus": (CONTINUATIONS,)},
        # The largest of the smaller models; their number is no model.
        "smaller_sibling": {"sibling": ("sibling.micro-2k_memorized",)},
    }
    assert BASELINES["smaller_sibling"].columns({"sibling": ("sibling.n_memorized",)}) == {}
