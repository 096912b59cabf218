from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.preprocessing import StandardScaler

from memorization.association.families import family_scores, n_models
from memorization.metrics.bootstrap import cluster_multiplicities
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
    assert sum(steps) == n_models(list(sample.features)) == 4 + 4 + 3
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
    found = scored["duplication"]
    assert (found["tier"], found["features"]) == ("corpus", 2)
    assert found["average_precision"]["value"] == pytest.approx(by_hand(sample, columns), abs=1e-6)


def test_what_a_family_adds_is_lost_without_it(sample, scored):
    every = list(sample.features)
    corpus = [name for name in every if not name.startswith("surprisal")]
    others = [name for name in corpus if not name.startswith("duplication")]
    lost = by_hand(sample, corpus) - by_hand(sample, others)
    found = scored["duplication"]["average_precision_added"]
    assert found["value"] == pytest.approx(lost, abs=1e-6)
    assert 0 < found["low"] < found["value"] < found["high"]
    # The reference repeats what the copies tell.
    repeated = scored["surprisal"]["average_precision_added"]
    assert repeated["low"] <= 0
    assert repeated["value"] == pytest.approx(
        by_hand(sample, every) - by_hand(sample, corpus), abs=1e-6
    )


def test_the_only_family_of_the_lowest_tier_has_nothing_to_add_to(sample):
    features = sample.features[["repetition.longest_run", "duplication.prompt_count"]]
    drawn = np.ones((20, len(features)), np.uint8)
    fold = sample.splits["fold"].to_numpy()
    steps = []
    found = family_scores(features, sample.truth, sample.weight, fold, drawn, 0.9, 0, steps.append)
    assert "average_precision_added" not in found["repetition"]
    assert "average_precision_added" in found["duplication"]
    assert sum(steps) == n_models(list(features)) == 4
