from __future__ import annotations

import numpy as np
import pytest
from features.brute_counts import Corpus, example

from memorization.counting.counting import count_sequences
from memorization.features.infinigram import infinigram_features


def test_features_equal_a_plain_copier():
    windows, tokens, rows = example(4, 70, 3)
    columns = infinigram_features(count_sequences(windows, tokens, rows))
    for i, (sequence, row) in enumerate(zip(tokens.tolist(), rows.tolist(), strict=True)):
        corpus = Corpus(windows, sequence, row)
        lengths, right, share = [], [], []
        for place in range(32, 64):
            length, after = corpus.suffix(place)
            ranked = after.most_common(2)
            first = ranked and (len(ranked) == 1 or ranked[0][1] > ranked[1][1])
            lengths.append(length)
            right.append(bool(first) and ranked[0][0] == sequence[place])
            share.append(after[sequence[place]] / max(1, after.total()))
        assert columns["prompt_suffix"][i] == lengths[0]
        assert columns["suffix"][i] == pytest.approx(np.mean(lengths))
        assert columns["copy_rate"][i] == pytest.approx(np.mean(right))
        assert columns["copy_length"][i] == [*right, False].index(False)
        assert columns["share"][i] == pytest.approx(np.mean(share))


def test_a_second_copy_is_copied_until_it_departs():
    rng = np.random.default_rng(0)
    windows = rng.integers(0, 9, (20, 80)).astype(np.uint16)
    windows[0] = 100 + rng.permutation(80)
    windows[1, 10:74] = windows[0, :64]
    windows[1, 10 + 32 + 20] = 5  # departs at the 21st token of the continuation
    counts = count_sequences(windows, windows[[0, 2], :64], np.array([0, 2]))
    columns = infinigram_features(counts)
    assert columns["prompt_suffix"][0] == 32
    assert columns["copy_length"][0] == 20
    # The departure itself, and the token after it, whose context is nowhere else.
    assert columns["copy_rate"][0] == 30 / 32
    assert columns["share"][0] == 30 / 32
    assert columns["copy_length"][1] < 5
