from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from memorization.counting.counting import CONTEXTS, count_sequences
from memorization.counting.ngram_index import mix
from memorization.features.ngram_model import ngram_features


@pytest.fixture(scope="module")
def windows() -> np.ndarray:
    """Windows of three symbols, some of which share long stretches at other offsets."""
    rng = np.random.default_rng(0)
    windows = rng.integers(1, 4, (30, 72)).astype(np.uint16)
    for row in range(10, 20):
        windows[row, 8:40] = windows[row - 10, 30:62]
    windows[7] = 2
    windows[8, :64] = np.arange(100, 164)  # holds nothing that occurs elsewhere
    return windows


def features(windows: np.ndarray, n: int) -> dict[str, np.ndarray]:
    """Return the features of the first n rows."""
    return ngram_features(count_sequences(windows, windows[:n, :64], np.arange(n)))


def grams(windows: np.ndarray, length: int) -> Counter:
    return Counter(
        tuple(row[i : i + length]) for row in windows.tolist() for i in range(len(row) - length + 1)
    )


def test_features_equal_a_plain_recursion(windows):
    tokens = windows[:12, :64]
    columns = features(windows, 12)
    unigrams = grams(windows, 1)
    with_token = {length: grams(windows, length + 1) for length in CONTEXTS}
    contexts = {length: grams(windows[:, :-1], length) for length in CONTEXTS}
    for row, text in enumerate(tokens.tolist()):
        surprisal, longest, repeated = [], [], []
        for i in range(32, 64):
            p = (unigrams[(text[i],)] - 1 + 1) / (windows.size + len(unigrams))
            best = 0
            for length in CONTEXTS:
                together = with_token[length][tuple(text[i - length : i + 1])] - 1
                alone = contexts[length][tuple(text[i - length : i])] - 1
                p = (together + p) / (alone + 1)
                best = length if together else best
            surprisal.append(-np.log(p))
            longest.append(best)
            repeated.append(with_token[8][tuple(text[i - 8 : i + 1])] > 1)
        assert columns["surprisal"][row] == pytest.approx(np.mean(surprisal))
        assert columns["max"][row] == pytest.approx(max(surprisal))
        assert columns["context"][row] == pytest.approx(np.mean(longest))
        assert columns["repeated"][row] == pytest.approx(np.mean(repeated))


def test_probabilities_of_all_tokens_sum_to_one():
    rng = np.random.default_rng(1)
    after = rng.integers(0, 5, 50)
    shorter = rng.dirichlet(np.ones(50))
    assert mix(after, after.sum(), shorter).sum() == pytest.approx(1)


def test_a_text_that_was_never_seen_is_finite(windows):
    new = np.arange(1000, 1064)[None]
    columns = ngram_features(count_sequences(windows, new, np.array([-1])))
    assert columns["context"][0] == columns["repeated"][0] == 0
    # Every token has the probability of one that was never seen: one part of all there is.
    n_types = len(np.unique(windows))
    assert columns["surprisal"][0] == pytest.approx(np.log(windows.size + n_types))
