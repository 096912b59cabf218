from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.preprocessing import StandardScaler

from memorization.association.families import comparisons, family_scores, n_models
from memorization.evaluation.bootstrap import cluster_multiplicities
from memorization.whether.models.logistic import choose_c


@pytest.fixture(scope="module")
def scored(sample):
    drawn = cluster_multiplicities(sample.splits["cluster"], 100, np.random.default_rng(1))
    steps = []
    found = family_scores(
        sample.features,
        sample.truth,
        sample.weight,
        sample.splits["fold"].to_numpy(),
        drawn,
        0.9,
        0,
        steps.append,
    )
    # Four families alone, all of three tiers; without a family three, as all without surprisal is
    # the tier below; with duplication two, as repetition's is the corpus tier without position.
    assert sum(steps) == n_models(list(sample.features)) == 4 + 3 + 3 + 2
    return found


def by_hand(sample, columns):
    """Average precision of a logistic regression, fitted fold by fold without our code but for the
    penalty, which has tests of its own."""
    x = sample.features[columns].to_numpy(copy=True)
    counts = [name.endswith("_count") for name in columns]
    x[:, counts] = np.log1p(x[:, counts])
    fold, probability = sample.splits["fold"].to_numpy(), np.empty(len(x))
    for test in range(4):
        rows = fold != test
        scale = StandardScaler().fit(x[rows])
        weight = sample.weight[rows] / sample.weight[rows].mean()
        chosen = sample.features[columns][rows], sample.truth[rows], sample.weight[rows]
        c = choose_c(*chosen, fold[rows], seed=0)
        model = LogisticRegression(C=c, max_iter=2000, tol=1e-6)
        model.fit(scale.transform(x[rows]), sample.truth[rows], weight)
        probability[~rows] = model.predict_proba(scale.transform(x[~rows]))[:, 1]
    return average_precision_score(sample.truth, probability, sample_weight=sample.weight)


def test_a_family_alone(sample, scored):
    columns = ["duplication.sequence_count", "duplication.prompt_count"]
    found = scored.families["duplication"]
    assert (found["tier"], found["features"]) == ("corpus", 2)
    assert found["average_precision"]["value"] == pytest.approx(by_hand(sample, columns), abs=1e-6)


def test_what_a_family_adds_is_lost_without_it(sample, scored):
    every = list(sample.features)
    corpus = [name for name in every if not name.startswith("surprisal")]
    others = [name for name in corpus if not name.startswith("duplication")]
    lost = by_hand(sample, corpus) - by_hand(sample, others)
    found = scored.families["duplication"]["average_precision_added"]
    assert found["value"] == pytest.approx(lost, abs=1e-6)
    assert 0 < found["low"] < found["value"] < found["high"]
    # The reference repeats what the copies tell.
    repeated = scored.families["surprisal"]["average_precision_added"]
    assert repeated["low"] <= 0
    assert repeated["value"] == pytest.approx(
        by_hand(sample, every) - by_hand(sample, corpus), abs=1e-6
    )


def test_what_a_family_adds_to_duplication(sample, scored):
    copies = ["duplication.sequence_count", "duplication.prompt_count"]
    for family, own in (
        ("repetition", ["repetition.longest_run"]),
        ("position", ["position.end_of_text", "position.step"]),
    ):
        gained = by_hand(sample, copies + own) - by_hand(sample, copies)
        found = scored.families[family]["average_precision_added_to_duplication"]
        assert found["value"] == pytest.approx(gained, abs=1e-6)
        assert found["low"] <= found["value"] <= found["high"]
    assert "average_precision_added_to_duplication" not in scored.families["duplication"]


def test_a_paired_difference_is_bootstrapped_as_such(sample, scored):
    """What repeats duplication to the letter adds nothing, in every replicate."""
    features = sample.features[["duplication.sequence_count"]].assign(
        **{"surprisal.max": np.full(len(sample.truth), 3.0)}
    )
    drawn = cluster_multiplicities(sample.splits["cluster"], 20, np.random.default_rng(1))
    fold = sample.splits["fold"].to_numpy()
    found = family_scores(features, sample.truth, sample.weight, fold, drawn, 0.9, 0)
    nothing = pytest.approx(0, abs=1e-9)
    for name in ("average_precision_added", "average_precision_added_to_duplication"):
        assert list(found.families["surprisal"][name].values()) == [nothing] * 3
    assert found.tiers["reference"]["average_precision_added_to_duplication"]["value"] == nothing
    # To itself duplication adds nothing that could be said.
    assert "average_precision_added_to_duplication" not in found.tiers["corpus"]


def test_all_of_a_tier(sample, scored):
    """What is added is relative to these; a tier that is no family's highest is left out."""
    assert list(scored.tiers) == ["text", "corpus", "reference"]
    every = list(sample.features)
    copies = ["duplication.sequence_count", "duplication.prompt_count"]
    of_text = ["repetition.longest_run", "position.end_of_text"]
    corpus = [name for name in every if not name.startswith("surprisal")]
    for tier, columns in (("text", of_text), ("corpus", corpus), ("reference", every)):
        found = scored.tiers[tier]
        assert found["features"] == len(columns)
        value = by_hand(sample, columns)
        assert found["average_precision"]["value"] == pytest.approx(value, abs=1e-6)
        if tier == "text":
            assert "average_precision_added_to_duplication" not in found
        else:
            gained = found["average_precision_added_to_duplication"]["value"]
            assert gained == pytest.approx(value - by_hand(sample, copies), abs=1e-6)


def test_columns_stay_in_their_order(sample):
    """So that a set that two comparisons need is fitted once, and the bits do not depend on it."""
    columns = list(sample.features)
    for comparison in comparisons(columns).values():
        for own in comparison.sets:
            assert list(own) == [name for name in columns if name in own]


def test_the_only_family_of_the_lowest_tier_has_nothing_to_add_to(sample):
    features = sample.features[["repetition.longest_run", "duplication.prompt_count"]]
    drawn = np.ones((20, len(features)), np.uint8)
    fold = sample.splits["fold"].to_numpy()
    steps = []
    found = family_scores(features, sample.truth, sample.weight, fold, drawn, 0.9, 0, steps.append)
    assert "average_precision_added" not in found.families["repetition"]
    assert "average_precision_added" in found.families["duplication"]
    # What is left without one is the other alone, and both are all.
    assert sum(steps) == n_models(list(features)) == 3


def test_without_counts_of_copies_nothing_is_compared_with_them(sample):
    features = sample.features[["repetition.longest_run", "surprisal.mean"]]
    drawn = np.ones((20, len(features)), np.uint8)
    fold = sample.splits["fold"].to_numpy()
    found = family_scores(features, sample.truth, sample.weight, fold, drawn, 0.9, 0)
    keys = {*found.families["surprisal"], *found.tiers["reference"]}
    assert not [key for key in keys if "duplication" in key]
