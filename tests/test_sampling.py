import numpy as np
import pytest

from memorization.sampling import by_count, case_cohort

MEMORIZED = np.arange(0, 1000, 10)


def draw(seed=0, cases="all", cohort=200):
    return case_cohort(1000, MEMORIZED, cases, cohort, np.random.default_rng(seed))


def test_all_cases_are_in_and_weigh_one():
    sample = draw()
    assert set(MEMORIZED) <= set(sample["index"])
    np.testing.assert_array_equal(sample["case"], np.isin(sample["index"], MEMORIZED))
    assert (sample["weight"][sample["case"]] == 1).all()
    assert sample["index"].is_monotonic_increasing


def assert_leads_back(sample):
    """The weights recover the population's size, and how many it has memorized."""
    assert sample["weight"].sum() == pytest.approx(1000)
    assert sample["weight"][sample["case"]].sum() == pytest.approx(100)


@pytest.mark.parametrize("cases", ["all", 30, 5000])
def test_weights_recover_the_population(cases):
    assert_leads_back(draw(cases=cases))


def test_weighted_means_are_unbiased():
    value = np.sin(np.arange(1000)) + np.isin(np.arange(1000), MEMORIZED)
    estimates = [
        np.average(value[s["index"]], weights=s["weight"])
        for s in (draw(seed, cases=40, cohort=150) for seed in range(400))
    ]
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert np.mean(estimates) == pytest.approx(value.mean(), abs=4 * error)


def test_a_cohort_larger_than_the_population_takes_it_whole():
    sample = draw(cohort=5000)
    assert len(sample) == 1000
    assert (sample["weight"] == 1).all()


def test_nothing_memorized_leaves_the_cohort():
    sample = case_cohort(1000, np.array([], np.int64), "all", 50, np.random.default_rng(0))
    assert len(sample) == 50
    assert not sample["case"].any()
    assert sample["weight"].sum() == pytest.approx(1000)


@pytest.mark.parametrize("cases", ["all", 30])
@pytest.mark.parametrize("pool", [None, np.arange(1, 1000, 3)])
def test_what_is_not_to_be_drawn_is_stood_for_by_the_rest(cases, pool):
    without = np.sort(np.random.default_rng(2).permutation(1000)[:300])
    rng = np.random.default_rng(0)
    sample = case_cohort(1000, MEMORIZED, cases, 5000, rng, pool, without)
    everything = np.arange(1000) if pool is None else pool
    cohort = np.setdiff1d(everything, np.union1d(without, MEMORIZED))
    assert set(sample["index"][~sample["case"]]) == set(cohort)
    assert not np.isin(sample["index"], without).any()
    if cases == "all":
        assert set(sample["index"][sample["case"]]) == set(np.setdiff1d(MEMORIZED, without))
    assert_leads_back(sample)


def test_a_cohort_from_a_pool_leads_back_to_the_population():
    pool = np.random.default_rng(1).permutation(1000)[:400]
    sample = case_cohort(1000, MEMORIZED, 20, 150, np.random.default_rng(0), pool)
    drawn = sample["index"][~sample["case"]]
    assert set(drawn) <= set(pool)
    assert len(sample) > 150
    assert_leads_back(sample)
    whole = case_cohort(1000, MEMORIZED, 20, 5000, np.random.default_rng(0), pool)
    assert set(pool) <= set(whole["index"])


SIZES = {"1": 30, "2-4": 20, "5-19": 20, "20-49": 30, "50-99": 20, "100+": 10}


def test_followed_sequences_stand_for_their_stratum_whatever_becomes_of_them():
    count = np.repeat([1, 3, 10, 30, 70, 200], [500, 100, 60, 40, 20, 5])
    followed, weight = by_count(count, SIZES, np.random.default_rng(0))
    for value, size, wanted in zip(
        [1, 3, 10, 30, 70, 200], [500, 100, 60, 40, 20, 5], SIZES.values(), strict=True
    ):
        drawn = followed & (count == value)
        assert drawn.sum() == min(size, wanted)
        assert weight[drawn].sum() == pytest.approx(size)
    assert np.isnan(weight[~followed]).all()


def test_estimates_from_the_followed_are_unbiased_for_the_census():
    """Horvitz-Thompson: over many draws the mean is the census value, and intervals cover it."""
    rng = np.random.default_rng(0)
    count = np.repeat([1, 3, 10, 30, 70, 200], [5000, 1000, 600, 400, 200, 50])
    truth = rng.random(len(count)) < np.clip(count / 100, 0.001, 0.98)
    estimates, covered = [], []
    for _ in range(400):
        followed, weight = by_count(count, SIZES, rng)
        w, y = weight[followed], truth[followed]
        estimates.append(w @ y)
        parts = []
        for value in np.unique(count):
            of = count[followed] == value
            n, size = of.sum(), (count == value).sum()
            parts.append(size**2 * (1 - n / size) * y[of].var(ddof=1) / n)
        covered.append(abs(w @ y - truth.sum()) <= 1.96 * np.sqrt(sum(parts)))
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - truth.sum()) < max(4 * error, 0.1 * np.std(estimates))
    # Of the rarest strata few are followed, and a stratum without a case has no variance.
    assert np.mean(covered) > 0.75
