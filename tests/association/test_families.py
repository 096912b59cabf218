import functools

import pytest
from sklearn.metrics import average_precision_score

from memorization.association.families import comparisons, family_scores, n_models
from memorization.evaluation.crossfit import Candidate, cross_fit
from memorization.whether.models.logistic import Logistic

COPIES = ["duplication.sequence_count", "duplication.prompt_count"]
TO_DUPLICATION = "average_precision_added_to_duplication"


@pytest.fixture(scope="module")
def scored(study, bootstrap):
    steps = []
    found = family_scores(study, bootstrap, steps.append)
    # Four families alone, all of three tiers; without a family three, as all without surprisal is
    # the tier below; with duplication two, as repetition's is the corpus tier without position.
    assert sum(steps) == n_models(list(study.features)) == 4 + 3 + 3 + 2
    return found


@pytest.fixture(scope="module")
def fitted(study):
    """The average precision of the logistic regression on some columns, by scikit-learn."""

    @functools.cache
    def of(columns):
        run = Candidate("text", "logistic", Logistic, columns, "logistic")
        probability = cross_fit(run, study).prediction
        return average_precision_score(study.truth, probability, sample_weight=study.weight)

    return of


REPETITION, POSITION = ["repetition.longest_run"], ["position.end_of_text", "position.step"]
TEXT, SURPRISAL = [*REPETITION, POSITION[0]], ["surprisal.mean", "surprisal.max"]
CORPUS = [*REPETITION, *COPIES, *POSITION]
ADDED = "average_precision_added"
VALUES = [
    # What a family, or all of a tier, knows by itself,
    ("families", "duplication", "average_precision", COPIES, None),
    ("tiers", "text", "average_precision", TEXT, None),
    ("tiers", "corpus", "average_precision", CORPUS, None),
    ("tiers", "reference", "average_precision", CORPUS + SURPRISAL, None),
    # what is lost without the family,
    ("families", "duplication", ADDED, CORPUS, REPETITION + POSITION),
    ("families", "surprisal", ADDED, CORPUS + SURPRISAL, CORPUS),
    # and what is gained by adding it, or all of the tier, to duplication alone.
    ("families", "repetition", TO_DUPLICATION, REPETITION + COPIES, COPIES),
    ("families", "position", TO_DUPLICATION, COPIES + POSITION, COPIES),
    ("tiers", "corpus", TO_DUPLICATION, CORPUS, COPIES),
]


@pytest.mark.parametrize(("kind", "name", "score", "columns", "less"), VALUES)
def test_values_are_those_of_single_fits(kind, name, score, columns, less, scored, fitted):
    found = getattr(scored, kind)[name][score]
    expected = fitted(tuple(columns)) - (fitted(tuple(less)) if less else 0)
    assert found["value"] == pytest.approx(expected, abs=1e-6)
    assert found["low"] <= found["value"] <= found["high"]


def test_which_scores_there_are(scored):
    duplication, surprisal = (scored.families[name] for name in ("duplication", "surprisal"))
    assert (duplication["tier"], duplication["features"]) == ("corpus", 2)
    assert duplication[ADDED]["low"] > 0
    # The reference repeats what the copies tell.
    assert surprisal[ADDED]["low"] <= 0
    assert TO_DUPLICATION not in duplication
    # A tier that is no family's highest is left out.
    assert {tier: of["features"] for tier, of in scored.tiers.items()} == {
        "text": 2,
        "corpus": 5,
        "reference": 7,
    }
    assert TO_DUPLICATION not in scored.tiers["text"]


def test_a_paired_difference_is_bootstrapped_as_such(study, bootstrap):
    """What repeats duplication to the letter adds nothing, in every replicate."""
    repeating = study.only(["duplication.sequence_count", "surprisal.max"])
    found = family_scores(repeating, bootstrap.first(20))
    nothing = pytest.approx(0, abs=1e-9)
    for name in (ADDED, TO_DUPLICATION):
        assert list(found.families["surprisal"][name].values()) == [nothing] * 3
    assert found.tiers["reference"][TO_DUPLICATION]["value"] == nothing
    # To itself duplication adds nothing that could be said.
    assert TO_DUPLICATION not in found.tiers["corpus"]


def test_columns_stay_in_their_order(study):
    """So that a set that two comparisons need is fitted once, and the bits do not depend on it."""
    columns = list(study.features)
    for comparison in comparisons(columns).values():
        for own in comparison.sets:
            assert list(own) == [name for name in columns if name in own]


def test_what_cannot_be_compared_is_left_out(study, bootstrap):
    """The only family of the lowest tier has nothing to add to; and where copies were not counted,
    nothing is compared with them."""
    two, steps = study.only(["repetition.longest_run", "surprisal.mean"]), []
    found = family_scores(two, bootstrap.first(2), steps.append)
    assert ADDED not in found.families["repetition"]
    assert ADDED in found.families["surprisal"]
    # What is left without one is the other alone, and both are all.
    assert sum(steps) == n_models(list(two.features)) == 3
    keys = {*found.families["surprisal"], *found.tiers["reference"]}
    assert not [key for key in keys if "duplication" in key]
