"""A case-cohort sample, drawn from a census again and again: what its intervals cover.

The census is the default study's in kind: texts of very unequal size, of which some are memorized
wherever they stand. For Pythia nobody has one, so that this cannot be seen there.
"""

import numpy as np
import pytest
from scipy.special import expit

from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.metrics.ranking import auroc
from memorization.sampling import case_cohort

CASES, COHORT, REPLICATES, LEVEL = 300, 900, 120, 0.95


def census(rng, texts, size):
    """Return cluster, truth and score of sequences of some texts: alike within one."""
    sizes = np.maximum(rng.lognormal(np.log(size), 0.8, texts), 1).astype(int)
    cluster = np.repeat(np.arange(texts), sizes)
    kind = rng.normal(size=texts)[cluster]
    truth = rng.random(len(cluster)) < expit(-2.5 + 1.2 * kind)
    return cluster, truth, kind + rng.normal(size=len(cluster))


def sampled(truth, rng):
    sample = case_cohort(len(truth), np.flatnonzero(truth), CASES, COHORT, rng)
    return sample["index"].to_numpy(), sample["weight"].to_numpy()


def covers(clusters, truth, score, weight, value, rng):
    resamples = Bootstrap.of(clusters, REPLICATES, LEVEL, rng)
    found = resamples.estimate(auroc, truth, score, weight)
    return found["low"] <= value <= found["high"]


def test_a_sample_says_what_the_census_does():
    """No bias beyond a tenth of the standard error, and intervals between rows cover the census."""
    rng = np.random.default_rng(0)
    _, truth, score = census(rng, 400, 60)
    value = float(auroc(truth, score, np.ones(len(truth))))
    estimates, covered = [], []
    for draw in range(1500):
        rows, weight = sampled(truth, rng)
        estimates.append(float(auroc(truth[rows], score[rows], weight)))
        if draw < 400:
            covered.append(covers(rows, truth[rows], score[rows], weight, value, rng))
    assert abs(np.mean(estimates) - value) < 0.1 * np.std(estimates)
    assert 0.93 < np.mean(covered) < 0.98


def test_intervals_between_texts_cover_what_other_texts_would_have_given():
    """Those between rows, which know of one census only, do not."""
    rng = np.random.default_rng(1)
    _, truth, score = census(rng, 60_000, 20)
    value = float(auroc(truth, score, np.ones(len(truth))))
    covered = {"texts": [], "rows": []}
    for _ in range(400):
        cluster, truth, score = census(rng, 120, 60)
        rows, weight = sampled(truth, rng)
        for kind, clusters in (("texts", cluster[rows]), ("rows", rows)):
            covered[kind].append(covers(clusters, truth[rows], score[rows], weight, value, rng))
    assert 0.92 < np.mean(covered["texts"]) < 0.98
    assert np.mean(covered["rows"]) < 0.85


@pytest.mark.parametrize("cases", [CASES, "all"])
def test_prevalence_is_known_without_error(cases):
    """Weights are post-stratified, so that no interval is due."""
    rng = np.random.default_rng(2)
    _, truth, _ = census(rng, 200, 40)
    sample = case_cohort(len(truth), np.flatnonzero(truth), cases, COHORT, rng)
    share = sample["weight"][sample["case"]].sum() / sample["weight"].sum()
    assert share == pytest.approx(truth.mean())
