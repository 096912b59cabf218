import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from memorization.split.clusters import (
    number_by_appearance,
    shared_window_clusters,
    shared_windows,
    window_hashes,
)


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
        found = shared_window_clusters(tokens, length)
        np.testing.assert_array_equal(found, brute_force(tokens, length))
        assert found.dtype == np.int64


def test_sequences_of_a_book_at_many_offsets():
    rng = np.random.default_rng(0)
    book, other = rng.integers(0, 2000, size=(2, 400))
    starts = np.arange(0, 320, 30)
    chained = np.stack([book[s : s + 64] for s in starts])
    apart = np.stack([other[s : s + 64] for s in range(0, 320, 33)])
    np.testing.assert_array_equal(shared_window_clusters(chained), 0)
    # Neighbours 33 tokens apart share 31.
    assert len(np.unique(shared_window_clusters(apart))) == len(apart)
    assert shared_window_clusters(apart, 31).max() == 0


def test_permuting_rows_permutes_clusters():
    rng = np.random.default_rng(1)
    tokens = rng.integers(0, 2, size=(60, 12)).astype(np.int32)
    order = rng.permutation(60)
    clusters = shared_window_clusters(tokens, 8)
    permuted = shared_window_clusters(tokens[order], 8)
    np.testing.assert_array_equal(permuted, number_by_appearance(clusters[order]))


@pytest.mark.parametrize("length", [1, 7, 64])
def test_equal_hashes_are_equal_runs(length):
    """As many distinct hashes as distinct runs, also of large token ids."""
    tokens = np.random.default_rng(2).choice([0, 1, 50_276, 65_535, 2**31 - 1], size=(200, 64))
    tokens[100:] = tokens[:100]
    hashes = window_hashes(tokens.astype(np.int32), length)
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


def test_nothing_shared():
    tokens = np.arange(3 * 64, dtype=np.int32).reshape(3, 64)
    np.testing.assert_array_equal(shared_window_clusters(tokens), [0, 1, 2])
