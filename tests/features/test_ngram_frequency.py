from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from memorization.counting.counting import count_sequences
from memorization.features.ngram_frequency import FAMILY, ngram_frequency_features

SUMMARIES = {
    "mean": np.mean,
    "min": np.min,
    "median": np.median,
    "decile": lambda values: np.quantile(values, 0.1),
}
PARTS = {"prompt": (0, 32), "continuation": (32, 64), "sequence": (0, 64)}


@pytest.fixture(scope="module")
def windows() -> np.ndarray:
    rng = np.random.default_rng(0)
    windows = rng.integers(1, 4, (30, 72)).astype(np.uint16)
    for row in range(10, 20):
        windows[row, 8:50] = windows[row - 10, 20:62]
    windows[7] = 2
    return windows


def test_columns_are_the_declared_ones(windows):
    columns = ngram_frequency_features(count_sequences(windows, windows[:2, :64], np.arange(2)))
    assert sorted(columns) == sorted(feature.name for feature in FAMILY.features)


def test_summaries_equal_those_of_a_counter(windows):
    n = 12
    columns = ngram_frequency_features(count_sequences(windows, windows[:n, :64], np.arange(n)))
    rows = windows.tolist()
    for feature in FAMILY.features:
        part, *rest = feature.name.split("_")
        if rest == ["longest"]:
            continue
        length, (start, end) = int(rest[0]), PARTS[part]
        grams = Counter(
            tuple(row[i : i + length]) for row in rows for i in range(len(row) - length + 1)
        )
        for i in range(n):
            counts = [
                grams[tuple(rows[i][a : a + length])] - 1 for a in range(start, end - length + 1)
            ]
            expected = SUMMARIES[rest[1]](np.log1p(counts))
            assert columns[feature.name][i] == pytest.approx(expected), feature.name


def test_longest_passages(windows):
    windows = windows.copy()
    windows[0] = np.arange(1000, 1072)
    windows[20, :20] = windows[0, 5:25]  # 20 tokens of the prompt
    windows[21, :30] = windows[0, 28:58]  # 30 tokens that end in the continuation, 4 in the prompt
    counts = count_sequences(windows, windows[[0, 7], :64], np.array([0, 7]))
    columns = ngram_frequency_features(counts)
    assert columns["prompt_longest"].tolist() == [20, 32]
    assert columns["continuation_longest"].tolist() == [30, 32]
