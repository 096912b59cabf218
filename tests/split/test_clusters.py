import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from memorization.counting.runs import run_hashes
from memorization.split.clusters import (
    cut_large_clusters,
    exposed_rows,
    linked_clusters,
    number_by_appearance,
    shared_windows,
)


def clusters_of(tokens, length=32):
    return linked_clusters(shared_windows(tokens, length))


def brute_force(tokens, length):
    """Clusters by comparing the sets of runs of every pair."""
    n, m = tokens.shape
    runs = [{tuple(row[j : j + length]) for j in range(m - length + 1)} for row in tokens.tolist()]
    label = list(range(n))
    for i in range(n):
        for j in range(i):
            if runs[i] & runs[j]:
                old, new = label[i], label[j]
                label = [new if value == old else value for value in label]
    return number_by_appearance(np.array(label))


@given(arrays(np.int32, st.tuples(st.integers(1, 12), st.just(8)), elements=st.integers(0, 2)))
def test_clusters_are_those_of_pairwise_comparison(tokens):
    for length in (3, 5, 8):
        found = clusters_of(tokens, length)
        np.testing.assert_array_equal(found, brute_force(tokens, length))
        assert found.dtype == np.int64


@pytest.mark.parametrize("length", [1, 7, 64])
def test_equal_hashes_are_equal_runs(length):
    """As many distinct hashes as distinct runs, also of large token ids."""
    tokens = np.random.default_rng(2).choice([0, 1, 50_276, 65_535, 2**31 - 1], size=(200, 64))
    tokens[100:] = tokens[:100]
    hashes = run_hashes(tokens.astype(np.int32), length)
    runs = np.lib.stride_tricks.sliding_window_view(tokens, length, axis=1)
    assert hashes.shape == runs.shape[:2]
    pairs = np.c_[hashes.reshape(-1, 1), runs.reshape(hashes.size, -1).astype(np.uint64)]
    n_runs = len(np.unique(pairs[:, 1:], axis=0))
    assert len(np.unique(pairs[:, 0])) == n_runs == len(np.unique(pairs, axis=0))


def test_shared_windows_lists_each_pair_once():
    tokens = np.array([[1, 1, 1, 1], [1, 1, 2, 3], [4, 5, 6, 7], [9, 2, 3, 9]], dtype=np.int32)
    windows = shared_windows(tokens, 2)
    # (1, 1) is in rows 0 and 1, thrice in row 0; (2, 3) in rows 1 and 3.
    columns = sorted(map(tuple, windows.toarray().T.tolist()))
    assert columns == [(0, 1, 0, 1), (1, 1, 0, 0)]


def texts_of(tokens):
    return np.unique(tokens, axis=0, return_inverse=True)[1]


def book(starts, seed=0):
    text = np.random.default_rng(seed).integers(0, 2000, size=1000)
    return np.stack([text[s : s + 64] for s in starts]).astype(np.int32)


def cut(tokens, limit):
    """Cut clusters of more than ``limit`` rows."""
    windows = shared_windows(tokens, 32)
    before = linked_clusters(windows)
    share = np.full((len(tokens), 1), 1 / len(tokens))
    after = cut_large_clusters(before, windows, texts_of(tokens), share, limit / len(tokens))
    return before, after, windows


def brute_force_exposed(groups, tokens, length=32):
    runs = [{tuple(r[j : j + length]) for j in range(65 - length)} for r in tokens.tolist()]
    pairs = [(i, j) for i in range(len(runs)) for j in range(i) if groups[i] != groups[j]]
    exposed = np.zeros(len(runs), dtype=bool)
    split = set()
    for i, j in pairs:
        common = runs[i] & runs[j]
        exposed[[i, j]] |= bool(common)
        split |= common
    return exposed, len(split)


@pytest.mark.parametrize("limit", [3, 10, 40])
def test_parts_fit_and_only_refine(limit):
    starts = np.random.default_rng(1).integers(0, 900, size=120)
    before, after, windows = cut(book(starts), limit)
    np.testing.assert_array_equal(cut(book(starts), 120)[1], before)
    # It loses fewer links than chance would.
    shuffled = np.random.default_rng(4).permutation(after)
    assert exposed_rows(after, windows)[1] < exposed_rows(shuffled, windows)[1]
    assert np.bincount(before).max() > limit
    assert np.bincount(after).max() <= limit
    # No part has rows of two components, and each part is still linked in itself.
    assert len(np.unique(np.c_[before, after], axis=0)) == after.max() + 1
    for part in np.unique(after):
        assert linked_clusters(windows[after == part]).max() == 0


def test_a_cluster_is_cut_for_its_share_of_the_cases_too():
    tokens = np.r_[book(range(0, 120, 3)), book(range(0, 120, 3), seed=1)]
    case = np.r_[np.ones(30), np.zeros(10), np.ones(5), np.zeros(35)]
    windows = shared_windows(tokens, 32)
    before = linked_clusters(windows)
    shares = np.column_stack([np.full(80, 1 / 80), case / case.sum()])
    after = cut_large_clusters(before, windows, texts_of(tokens), shares, 0.5)
    assert np.bincount(after, case).max() <= 35 / 2
    # The other holds half of the rows and few of the cases: it stays whole.
    assert len(np.unique(after[40:])) == 1
    assert len(np.unique(after[:40])) > 1


def test_a_text_is_cut_at_the_thinnest_place():
    """Two chapters, each sampled at every third offset, and one sequence that joins them."""
    tokens = book([*range(0, 150, 3), 175, *range(205, 355, 3)])
    before, after, windows = cut(tokens, 60)
    assert before.max() == 0
    assert after.max() == 1
    first, second = after[:50], after[51:]
    assert len(np.unique(first)) == len(np.unique(second)) == 1
    assert first[0] != second[0]
    exposed, _ = exposed_rows(after, windows)
    assert exposed.sum() < 10


def test_identical_sequences_stay_together():
    tokens = np.r_[np.repeat(book([0]), 30, axis=0), book(range(4, 200, 4))]
    _, after, _ = cut(tokens, 20)
    # The thirty exceed the limit, and are still one cluster, of their own.
    assert len(np.unique(after[:30])) == 1
    assert np.bincount(after)[after[30:]].max() <= 30
    assert np.sort(np.bincount(after))[-2] <= 20
    _, alone, _ = cut(np.repeat(book([0]), 30, axis=0), 5)
    np.testing.assert_array_equal(alone, 0)


def test_exposure_is_counted_right():
    tokens = np.r_[book(range(0, 300, 11)), book(range(0, 80, 40), seed=1)]
    groups = np.random.default_rng(2).integers(0, 3, size=len(tokens))
    exposed, split = exposed_rows(groups, shared_windows(tokens, 32))
    expected, expected_split = brute_force_exposed(groups, tokens)
    np.testing.assert_array_equal(exposed, expected)
    assert split == expected_split
    assert exposed_rows(np.zeros(len(tokens), dtype=int), shared_windows(tokens, 32))[1] == 0
