import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.preprocessing import StandardScaler

from memorization.association.families import comparisons, family_scores, n_models
from memorization.whether.models.logistic import choose_c

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
def by_hand(study):
    """Average precision of a logistic regression on some columns, fitted fold by fold without our
    code but for the penalty, which has tests of its own."""

    def of(columns):
        x = study.features[columns].to_numpy(copy=True)
        counts = [name.endswith("_count") for name in columns]
        x[:, counts] = np.log1p(x[:, counts])
        probability = np.empty(len(x))
        for test in range(4):
            rows = study.fold != test
            scale, train = StandardScaler().fit(x[rows]), study.only(columns).take(rows)
            model = LogisticRegression(C=choose_c(train, seed=0), max_iter=2000, tol=1e-6)
            model.fit(scale.transform(x[rows]), train.truth, train.weight / train.weight.mean())
            probability[~rows] = model.predict_proba(scale.transform(x[~rows]))[:, 1]
        return average_precision_score(study.truth, probability, sample_weight=study.weight)

    return of


def close(value):
    return pytest.approx(value, abs=1e-6)


def test_a_family_alone(scored, by_hand):
    found = scored.families["duplication"]
    assert (found["tier"], found["features"]) == ("corpus", 2)
    assert found["average_precision"]["value"] == close(by_hand(COPIES))


def test_what_a_family_adds_is_lost_without_it(study, scored, by_hand):
    every = list(study.features)
    corpus = [name for name in every if not name.startswith("surprisal")]
    others = [name for name in corpus if name not in COPIES]
    found = scored.families["duplication"]["average_precision_added"]
    assert found["value"] == close(by_hand(corpus) - by_hand(others))
    assert 0 < found["low"] < found["value"] < found["high"]
    # The reference repeats what the copies tell.
    repeated = scored.families["surprisal"]["average_precision_added"]
    assert repeated["low"] <= 0
    assert repeated["value"] == close(by_hand(every) - by_hand(corpus))


def test_what_a_family_adds_to_duplication(scored, by_hand):
    for family, own in (
        ("repetition", ["repetition.longest_run"]),
        ("position", ["position.end_of_text", "position.step"]),
    ):
        found = scored.families[family][TO_DUPLICATION]
        assert found["value"] == close(by_hand(COPIES + own) - by_hand(COPIES))
        assert found["low"] <= found["value"] <= found["high"]
    assert TO_DUPLICATION not in scored.families["duplication"]


def test_a_paired_difference_is_bootstrapped_as_such(study, bootstrap):
    """What repeats duplication to the letter adds nothing, in every replicate."""
    repeating = study.only(["duplication.sequence_count", "surprisal.max"])
    found = family_scores(repeating, bootstrap.first(20))
    nothing = pytest.approx(0, abs=1e-9)
    for name in ("average_precision_added", TO_DUPLICATION):
        assert list(found.families["surprisal"][name].values()) == [nothing] * 3
    assert found.tiers["reference"][TO_DUPLICATION]["value"] == nothing
    # To itself duplication adds nothing that could be said.
    assert TO_DUPLICATION not in found.tiers["corpus"]


def test_all_of_a_tier(study, scored, by_hand):
    """What is added is relative to these; a tier that is no family's highest is left out."""
    assert list(scored.tiers) == ["text", "corpus", "reference"]
    every = list(study.features)
    of_text = ["repetition.longest_run", "position.end_of_text"]
    corpus = [name for name in every if not name.startswith("surprisal")]
    for tier, columns in (("text", of_text), ("corpus", corpus), ("reference", every)):
        found, value = scored.tiers[tier], by_hand(columns)
        assert found["features"] == len(columns)
        assert found["average_precision"]["value"] == close(value)
        if tier == "text":
            assert TO_DUPLICATION not in found
        else:
            assert found[TO_DUPLICATION]["value"] == close(value - by_hand(COPIES))


def test_columns_stay_in_their_order(study):
    """So that a set that two comparisons need is fitted once, and the bits do not depend on it."""
    columns = list(study.features)
    for comparison in comparisons(columns).values():
        for own in comparison.sets:
            assert list(own) == [name for name in columns if name in own]


def test_the_only_family_of_the_lowest_tier_has_nothing_to_add_to(study, bootstrap):
    two, steps = study.only(["repetition.longest_run", "duplication.prompt_count"]), []
    found = family_scores(two, bootstrap.first(2), steps.append)
    assert "average_precision_added" not in found.families["repetition"]
    assert "average_precision_added" in found.families["duplication"]
    # What is left without one is the other alone, and both are all.
    assert sum(steps) == n_models(list(two.features)) == 3


def test_without_counts_of_copies_nothing_is_compared_with_them(study, bootstrap):
    two = study.only(["repetition.longest_run", "surprisal.mean"])
    found = family_scores(two, bootstrap.first(2))
    keys = {*found.families["surprisal"], *found.tiers["reference"]}
    assert not [key for key in keys if "duplication" in key]
