import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorization.errors import UserError
from memorization.split.folds import assign_folds, split_sequences

SCHEMES = ("fold", "fold_continuation", "fold_random")


@given(
    st.lists(st.tuples(st.integers(0, 15), st.booleans()), min_size=20, max_size=80),
    st.integers(2, 4),
)
def test_no_cluster_in_two_folds(rows, n_folds):
    cluster, case = (np.array(column) for column in zip(*rows, strict=True))
    if len(np.unique(cluster)) < n_folds:
        with pytest.raises(UserError, match=f"split.folds={n_folds}: .* fewer folds"):
            assign_folds(cluster, case, n_folds, np.random.default_rng(0))
        return
    fold = assign_folds(cluster, case, n_folds, np.random.default_rng(0))
    assert fold.dtype == np.int32
    assert set(np.unique(fold)) <= set(range(n_folds))
    assert len(np.unique(np.c_[cluster, fold], axis=0)) == len(np.unique(cluster))


def test_both_strata_are_balanced_around_large_clusters():
    rng = np.random.default_rng(1)
    sizes = np.r_[300, 120, 60, rng.integers(2, 12, size=60), np.ones(1500, dtype=int)]
    cluster = np.arange(len(sizes)).repeat(sizes)
    # The largest clusters hold cases only; the cases of others are spread.
    case = (cluster < 3) | (rng.random(len(cluster)) < 0.2)
    fold = assign_folds(cluster, case, 5, rng)
    others = np.bincount(fold[~case], minlength=5)
    assert others.max() - others.min() <= 1
    cases = np.bincount(fold[case], minlength=5)
    # The cluster of 300 is larger than a fifth of the cases; the other folds share the rest.
    assert cases.max() <= 310
    assert np.sort(cases)[:-1].max() - cases.min() <= 2


@pytest.fixture(scope="module")
def sample():
    """A licence at many offsets, a header with many continuations, and texts of their own."""
    rng = np.random.default_rng(0)
    licence, header = rng.integers(0, 2000, size=300), rng.integers(0, 2000, size=40)
    tokens = rng.integers(0, 2000, size=(400, 64)).astype(np.int32)
    for row, start in enumerate(rng.integers(0, 236, size=90)):
        tokens[row] = licence[start : start + 64]
    tokens[90:120, :40] = header
    tokens[120:130, 32:] = tokens[130, 32:]
    case = np.arange(400) < 115
    return tokens, case


@pytest.mark.parametrize("largest_cluster", [0.8, 0.22])
def test_report_and_folds(sample, largest_cluster):
    tokens, case = sample
    splits, report = split_sequences(tokens, case, 5, 32, largest_cluster, np.random.default_rng(0))
    assert list(splits) == ["cluster", *SCHEMES, "exposed"]
    assert splits["exposed"].sum() == report["fold"]["exposed"]
    # Identical sequences in several folds would be exposed.
    held = [{row[k : k + 32].tobytes() for k in range(33)} for row in tokens]
    for row in range(0, 400, 7):
        others = np.flatnonzero(splits["fold"] != splits["fold"][row])
        assert splits["exposed"][row] == any(held[row] & held[other] for other in others)
    assert splits.groupby("cluster")["fold"].nunique().max() == 1
    assert splits["fold_continuation"][120:131].nunique() == 1
    sizes = splits["cluster"].value_counts()
    assert report["clusters"]["largest"] == sizes.max() <= max(90, largest_cluster * 400)
    assert report["clusters"]["count"] == len(sizes)
    assert report["cut"]["largest_before"] == 90
    assert report["rows"] == 400
    assert report["cases"] == 115
    for scheme in SCHEMES:
        assert report[scheme]["smallest"] == splits[scheme].value_counts().min()
        assert report[scheme]["most_cases"] == splits[scheme][case].value_counts().max()
    if largest_cluster == 0.8:
        assert report["cut"]["clusters_cut"] == report["cut"]["exposed"] == 0
        assert report["fold"]["exposed"] == 0
        # 90 of the licence, 30 of the header, 11 of the continuation.
        assert report["clusters"]["single"] == 400 - 131
        assert report["clusters"]["effective_with_cases"] == pytest.approx(
            115**2 / (90**2 + 25**2), abs=1e-3
        )
    else:
        assert report["cut"]["clusters_cut"] == 1
        assert sizes.max() <= 0.22 * 400
        assert splits["cluster"][case].value_counts().max() <= 0.22 * 115
        assert 0 < report["cut"]["exposed_cases"] <= 90
    # A random split leaves hardly a row of the licence unexposed.
    assert report["fold_random"]["exposed"] > 120
    assert report["fold_random"]["exposed"] >= report["fold_continuation"]["exposed"] > 100


def test_the_same_seed_gives_the_same_split(sample):
    tokens, case = sample
    first, again, other = (
        split_sequences(tokens, case, 5, 32, 0.1, np.random.default_rng(seed))[0]
        for seed in (1, 1, 2)
    )
    assert first.equals(again)
    assert (first["fold"] != other["fold"]).any()
    assert (first["cluster"] == other["cluster"]).all()
    # Every fold is the first to be filled for some seed: no row is bound to a fold.
    alone = (np.arange(50), np.arange(50) < 10, 5)
    assert {assign_folds(*alone, np.random.default_rng(s))[0] for s in range(40)} == set(range(5))
