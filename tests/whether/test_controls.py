"""The controls of benchmarks/controls.py: what they hold apart, and that they find what is so."""

from dataclasses import replace
from pathlib import Path

import control_labels
import numpy as np
import pytest
from control_labels import (
    DISGUISE,
    Given,
    compared,
    disguised_label,
    judged_domains,
    other_domains,
    other_halves,
    other_seeds,
    other_sizes,
    parts_of,
    permuted,
    permuted_labels,
    predicted,
    without,
)
from control_offsets import other_labels, rank_correlation, shifted, whole
from control_patterns import correlations, over_features, patterns, ranks_given
from control_tables import TABLES
from made_up_study import make_study
from scipy.stats import spearmanr

from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.crossfit import Candidate, cross_fit
from memorization.files import read_json
from memorization.strata import CONTINUATIONS
from memorization.whether.models.classifier import FeatureModel
from memorization.whether.models.ngrams import NGrams

ROOT = Path(__file__).parents[2]
N, LEVEL = 400, 0.95
OTHER = "surface.prompt_digits"
COLUMNS = (DISGUISE, OTHER)


def made_up(truth_of, seed=0):
    """Return a study of two features and a count, its labels a function of the two."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, N))
    features = {DISGUISE: x, OTHER: y, CONTINUATIONS: np.where(np.arange(N) % 2, 1, 10)}
    return make_study(features, truth_of(x, y))


def resampled(study, replicates=20):
    return Bootstrap.of(study.cluster, replicates, LEVEL, np.random.default_rng(0))


def given_of(study, candidate, **more):
    """Return what the controls take, where nothing differs but what is said."""
    everywhere = np.ones(len(study), bool)
    about = {
        "domain": np.full(len(study), "prose", object),
        "step": np.arange(len(study)),
        "sizes": {"large": study.truth},
        "seeds": {},
        "whole": everywhere,
        "offsets": {0: study},
        "fitted": {candidate.key: cross_fit(candidate, study)},
    }
    return Given(study, resampled(study), **about | more)


class Linear(FeatureModel):
    """Least squares, which takes no time."""

    def __init__(self, columns, slopes):
        self.columns, self.slopes = columns, slopes

    @classmethod
    def train(cls, rows, seed):
        x = rows.features.to_numpy()
        return cls(list(rows.features), np.linalg.lstsq(x, rows.truth - 0.5, rcond=None)[0])

    def probability(self, features):
        return features[self.columns].to_numpy() @ self.slopes


def linear(*columns):
    return Candidate("text", "linear", Linear, columns or COLUMNS, "whether/text/linear")


def value(found, key, part="all"):
    return found[part]["auroc"][key]["value"]


def noisy(x, _):
    return x + 0.5 * np.random.default_rng(9).normal(size=len(x)) > 0


def test_in_doubt_are_the_counts_of_which_some_are_memorized():
    truth = np.tile([False, True, False, False], N // 4)
    parts = parts_of(make_study({CONTINUATIONS: np.tile([1.0, 10, 10, 60], N // 4)}, truth))
    assert parts["all"].all()
    assert parts["uncertain"].tolist() == [False, True, True, False] * (N // 4)


# ---- 1. and 2. Labels that mean nothing, and a label among the features


def test_permuted_labels_are_those_of_other_texts():
    cluster = np.repeat(np.arange(100), 4)
    truth = np.repeat(np.arange(100) % 5 == 0, 4)
    found = permuted(truth, cluster, np.random.default_rng(1))
    assert found.sum() == truth.sum()
    assert (found != truth).any()
    # Of texts of one size each has the labels of one other.
    assert set(found.reshape(-1, 4).sum(axis=1)) == {0, 4}


def test_nothing_is_learned_of_permuted_labels():
    study, candidate = made_up(noisy), linear()
    given = given_of(study, candidate)
    trials = permuted_labels(candidate, given)
    assert len(trials) == control_labels.PERMUTATIONS
    aurocs = [value(one, "own") for one in trials.values()]
    assert len(set(aurocs)) > 1
    assert np.abs(np.array(aurocs) - 0.5).max() < 0.1
    assert {one["all"]["cases"] for one in trials.values()} == {int(study.truth.sum())}


def test_a_disguised_label_is_first_among_the_features_and_the_more_so_the_less_noise():
    study = made_up(lambda x, y: y + np.random.default_rng(2).normal(size=N) > 0)
    candidate = linear()
    found = disguised_label(candidate, given_of(study, candidate))
    clear, blurred = found["0.5"], found["2.0"]
    assert clear["alone"]["rank"] == clear["importance_rank"] == 1
    assert clear["importance"]["low"] > 0
    assert clear["model"]["all"]["gain"]["disguised"]["low"] > 0.1
    assert clear["importance"]["value"] > blurred["importance"]["value"]
    assert blurred["alone"]["next"] == clear["alone"]["next"]
    bag = replace(candidate, model=NGrams)
    assert disguised_label(bag, given_of(study, candidate)) == {}


# ---- 3. to 6. Fitted elsewhere

UP = np.arange(N) < N // 2
DOMAIN = np.where(UP, "up", "down").astype(object)


def turned(x, _):
    """Return labels that a high x speaks for in the first half, and against in the second."""
    return np.where(UP, x, -x) > 0


def test_a_domain_is_tested_if_it_has_enough_of_both_and_without_what_shares_its_text(monkeypatch):
    monkeypatch.setattr(control_labels, "FEWEST", 2)
    domain = np.array([*"aaaabbbbc"], object)
    truth = np.array([1, 1, 0, 0, 1, 1, 1, 0, 0], bool)
    assert judged_domains(domain, truth) == ["a"]
    study = make_study(truth=truth, cluster=np.array([0, 1, 2, 3, 3, 4, 5, 6, 7]))
    assert without(study, domain == "a").tolist() == [False] * 5 + [True] * 4


@pytest.mark.parametrize(
    ("control", "about", "fits"),
    [
        (other_domains, {"domain": DOMAIN}, {"up": "own", "down": "own"}),
        (other_halves, {}, {"first": "first", "second": "second"}),
    ],
    ids=["domains", "halves"],
)
def test_a_model_of_one_part_is_judged_in_the_other(monkeypatch, control, about, fits):
    monkeypatch.setattr(control_labels, "FEWEST", 50)
    study, candidate = made_up(turned), linear(DISGUISE)
    found = control(candidate, given_of(study, candidate, **about))
    for name, own in fits.items():
        one = found[name]["all"]
        other = next(key for key in one["auroc"] if key not in (own, "all"))
        assert one["n"] == N // 2
        assert one["auroc"][own]["value"] > 0.95
        assert one["auroc"][other]["value"] < 0.05


def test_over_domains_only_pairs_of_one_domain_count(monkeypatch):
    monkeypatch.setattr(control_labels, "FEWEST", 50)
    # What tells the domains apart says nothing within them.
    truth = UP ^ (np.arange(N) // 4 % 4 == 1)
    apart = make_study({OTHER: UP, CONTINUATIONS: np.ones(N)}, truth)
    candidate = linear(OTHER)
    given = given_of(apart, candidate, domain=DOMAIN)
    everywhere = given.fitted[candidate.key].prediction
    found = compared(apart, {"all": everywhere}, given.bootstrap, parts_of(apart), "all")
    assert value(found, "all") > 0.7
    assert value(other_domains(candidate, given)["together"], "all") == 0.5


@pytest.mark.parametrize("own", ["small", "large"])
def test_models_of_another_size_know_only_what_both_have_memorized(own):
    study, candidate = made_up(lambda x, _: x > 0), linear()
    sizes = {
        "tiny": np.arange(N) < 3,
        "small": study.features[OTHER].to_numpy() > 0,
        "large": study.truth,
    }
    found = other_sizes(candidate, given_of(study, candidate, sizes=sizes))
    assert found["tiny"] == {"all": {"n": N, "cases": 3}}
    (other,) = set(found[own]["all"]["gain"])
    assert {own, other} == {"small", "large"}
    assert value(found[own], own) > 0.95
    assert abs(value(found[own], other) - 0.5) < 0.1


def test_another_seed_is_asked_with_its_own_features_by_models_that_have_not_seen_the_fold():
    study, candidate = made_up(lambda x, _: x > 0), linear(DISGUISE)
    # Elsewhere the values are other ones, and speak for the same.
    elsewhere = made_up(lambda x, _: x > 0, seed=5)
    found = other_seeds(candidate, given_of(study, candidate, seeds={3: elsewhere}))
    assert set(found["3"]["all"]["auroc"]) == {"0", "3"}
    assert value(found["3"], "0") > 0.95

    class Fold:
        def __init__(self, fold):
            self.fold = fold

        def predict(self, test, rows):
            assert (test.fold[rows] == self.fold).all()
            return np.full(rows.sum(), self.fold)

    held_out = {fold: Fold(fold) for fold in range(4)}
    assert (predicted(held_out, study) == study.fold).all()


# ---- 7. Later windows


@pytest.mark.parametrize(("end", "is_whole"), [(0, False), (63, False), (79, False), (80, True)])
def test_a_window_is_whole_if_no_text_ends_in_what_is_read(end, is_whole):
    windows = np.ones((1, 128), np.uint16)
    windows[0, end] = 0
    assert whole(windows).tolist() == [is_whole]
    assert (shifted(windows, 16) == windows[:, 16:80]).all()


def test_labels_are_kept_and_gained_among_those_that_could_be():
    study = made_up(lambda x, _: np.arange(N) < 100)
    later = replace(study, truth=(np.arange(N) >= 25) & (np.arange(N) < 130))
    given = given_of(study, linear(), offsets={0: study, 8: later})
    found = other_labels(given)["all"]["8"]
    assert (found["n"], found["memorized"]) == (N, 105)
    shares = [found[name]["value"] for name in ("agree", "kept", "gained")]
    assert shares == pytest.approx([1 - 55 / N, 0.75, 0.1])


def test_a_rank_correlation_is_spearmans():
    x, y = np.random.default_rng(0).integers(5, size=(2, N)).astype(float)
    found = rank_correlation(x + y, y, resampled(make_study(truth=np.ones(N)), 200))
    assert found["value"] == pytest.approx(spearmanr(x + y, y).statistic)
    assert found["low"] < found["value"] < found["high"] < found["value"] + 0.15


# ---- 8. Patterns


def test_what_the_count_tells_is_taken_out_within_bands():
    rng = np.random.default_rng(0)
    count, band = rng.integers(1, 50, N).astype(float), np.arange(N) % 2
    found = ranks_given(count + 3 * rng.normal(size=N), count, band)
    for one in (0, 1):
        assert spearmanr(found[band == one], count[band == one]).statistic == pytest.approx(
            0, abs=0.05
        )
    np.testing.assert_allclose(ranks_given(count, count, band), 0, atol=1e-12)


def test_a_weighted_correlation_is_that_of_repeated_rows():
    rng = np.random.default_rng(0)
    x, y, band = rng.normal(size=(60, 2)), rng.normal(size=(60, 3)), np.arange(60) % 3
    weight = rng.integers(0, 4, 60)
    rows = np.repeat(np.arange(60), weight)
    a, b = x[rows], y[rows]
    for one in range(3):
        of = band[rows] == one
        a[of] -= a[of].mean(axis=0)
        b[of] -= b[of].mean(axis=0)
    expected = np.corrcoef(a.T, b.T)[:2, 2:]
    np.testing.assert_allclose(correlations(x, y, band, weight.astype(float)), expected)
    assert np.isnan(correlations(x * 0, y, band, np.ones(60))).all()


def test_over_features_correlation_is_pearsons_and_a_constant_has_none():
    own, theirs = np.array([[1.0, 1.0], [2.0, np.nan], [-4.0, 1.0]]), np.array([0.5, -1.0, -2.0])
    correlation, same = over_features(own, theirs)
    assert correlation[0] == pytest.approx(np.corrcoef(own[:, 0], theirs)[0, 1])
    assert same[0] == pytest.approx(2 / 3)
    assert np.isnan([correlation[1], same[1]]).all()


def test_a_pattern_that_grows_with_the_model_is_seen_to():
    names = [DISGUISE, OTHER, "surface.prompt_upper", "surface.prompt_letters", "surface.depth"]
    slopes = np.array([2.0, 1.0, 0.0, -1.0, -2.0])
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(N, 5)), rng.normal(size=(3, N))
    features = dict(zip(names, x.T, strict=True)) | {CONTINUATIONS: np.where(UP, 1, 10)}
    study = make_study(features, UP & (noise[0] > 0))
    theirs = make_study(features, x @ slopes + noise[1] > 0)
    logprob = {"small": noise[2] - x @ slopes, "large": x @ slopes + noise[2]}
    found = patterns(study, logprob, resampled(study), theirs, resampled(theirs))
    assert found["features"] == names
    band = found["bands"]["any"]
    assert (band["n"], band["features"]) == (N, 5)
    assert band["correlation"]["large"]["value"] > 0.95
    assert band["correlation"]["small"]["value"] < -0.95
    assert band["growth"]["low"] > 1.5
    # Of those that occur often none is memorized: that has no pattern.
    often = found["bands"]["five or more"]
    assert np.isnan(often["correlation"]["label"]["value"])
    assert often["correlation"]["large"]["value"] > 0.95


@pytest.mark.parametrize("name", TABLES)
def test_the_page_shows_what_was_found(name):
    page = (ROOT / "docs/controls.md").read_text(encoding="utf-8")
    table = TABLES[name](read_json(ROOT / "docs/controls.json"))
    assert f"<!-- {name} -->\n\n{table}\n\n<!-- end of {name} -->" in page
