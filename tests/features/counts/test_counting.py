from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from features.brute_counts import LENGTHS, Corpus, example, near_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from memorization.counting import counting
from memorization.counting.counting import SequenceCounts, count_sequences, n_passes

# What is counted of the rows as they are; everything else is of the sequences.
OF_THE_ROWS = "tokens"


def assert_same(a: SequenceCounts, b: SequenceCounts) -> None:
    for field in fields(SequenceCounts):
        x, y = getattr(a, field.name), getattr(b, field.name)
        if field.name == OF_THE_ROWS:
            continue
        if isinstance(x, np.ndarray):
            x, y = {"": x}, {"": y}
        assert x.keys() == y.keys()
        for key in x:
            np.testing.assert_array_equal(x[key], y[key], err_msg=f"{field.name} {key}")


@pytest.mark.parametrize(("seed", "width", "n_symbols"), [(0, 64, 2), (1, 70, 3), (2, 90, 5)])
def test_all_counts_equal_brute_force(seed, width, n_symbols):
    windows, tokens, rows = example(seed, width, n_symbols)
    counts = count_sequences(windows, tokens, rows)
    for i, (sequence, row) in enumerate(zip(tokens.tolist(), rows.tolist(), strict=True)):
        corpus = Corpus(windows, sequence, row)
        for length in LENGTHS:
            expected = [len(corpus.elsewhere(start, length)) for start in range(65 - length)]
            assert counts.elsewhere[length][i].tolist() == expected
        assert counts.longest[i].tolist() == [corpus.longest(end) for end in range(64)]
        for length in counting.CONTEXTS:
            after = [corpus.following(place - length, length) for place in range(32, 64)]
            assert counts.context[length][i].tolist() == [sum(c.values()) for c in after]
            assert counts.onward[length][i].tolist() == [
                c[sequence[32 + t]] for t, c in enumerate(after)
            ]
        room = [offset + 64 <= len(corpus.rows[r]) for r, offset in corpus.elsewhere(0, 32)]
        assert counts.prompt_followed[i] == sum(room)
        for share, near in counts.near.items():
            assert near[i] == near_rows(windows, sequence, row, share)
        for t in range(32):
            length, after = corpus.suffix(32 + t)
            right = after[sequence[32 + t]]
            others = [n for token, n in after.items() if token != sequence[32 + t]]
            assert counts.suffix[i, t] == length
            assert counts.copied[i, t] == (right > max(others, default=0))
            assert counts.share[i, t] == (right / sum(after.values()) if after else 0)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), n_symbols=st.integers(1, 4), kept=st.integers(0, 8))
def test_it_does_not_show_whether_a_sequence_is_itself_among_the_rows(seed, n_symbols, kept):
    windows, tokens, rows = example(seed, 64, n_symbols)
    if rows[kept] < 0:
        extended = np.concatenate([windows, tokens[[kept]].astype(np.uint16)])
        other = count_sequences(extended, tokens[[kept]], np.array([len(windows)]))
    else:
        removed = np.delete(windows, rows[kept], axis=0)
        other = count_sequences(removed, tokens[[kept]], np.array([-1]))
    assert_same(other, count_sequences(windows, tokens[[kept]], rows[[kept]]))


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), n_symbols=st.integers(1, 4))
def test_counts_depend_on_nothing_but_the_sequence_and_the_multiset_of_rows(seed, n_symbols):
    windows, tokens, rows = example(seed, 66, n_symbols)
    counts = count_sequences(windows, tokens, rows)
    order = np.random.default_rng(seed).permutation(len(windows))
    moved = np.where(rows >= 0, np.argsort(order)[rows], -1)
    assert_same(count_sequences(windows[order], tokens, moved), counts)


def test_bounded_memory_means_more_passes_and_the_same_counts():
    windows, tokens, rows = example(0, 64, 3)
    read = []
    # One sequence a batch, and the pairs of one context at a time.
    counts = count_sequences(windows, tokens, rows, memory=1, advance=read.append)
    assert_same(counts, count_sequences(windows, tokens, rows))
    assert sum(read) == n_passes(len(tokens), memory=1) * windows.size
    assert n_passes(len(tokens), memory=1) == 2 * len(tokens)
    assert n_passes(1) == n_passes(0) == 2


def test_many_blocks_count_as_one(monkeypatch):
    windows, tokens, rows = example(3, 80, 2)
    expected = count_sequences(windows, tokens, rows)
    blocks = counting.row_blocks
    monkeypatch.setattr(counting, "row_blocks", lambda windows: blocks(windows, tokens=200))
    monkeypatch.setattr("memorization.counting.ngram_index.row_blocks", counting.row_blocks)
    assert_same(count_sequences(windows, tokens, rows), expected)


def test_tokens_are_those_of_the_rows():
    windows = np.random.default_rng(0).integers(0, 2**16, (900, 70)).astype(np.uint16)
    counts = count_sequences(windows, windows[:2, :64], np.array([0, -1]))
    assert counts.tokens.tolist() == np.bincount(windows.ravel(), minlength=2**16).tolist()


def test_sequences_whose_counts_are_known():
    one_two_three = np.arange(1, 65)
    windows = np.zeros((3, 64), dtype=np.uint16)
    windows[0] = one_two_three
    windows[1] = 99
    tokens = np.stack([one_two_three, np.full(64, 99), np.full(64, 98)])
    counts = count_sequences(windows, tokens, np.array([0, 1, -1]))
    # Counting up repeats nothing, and nothing of it is anywhere else.
    assert not any(counts.elsewhere[length][0].any() for length in counting.NGRAMS)
    assert not counts.longest[0].any()
    assert not counts.suffix[0].any()
    assert not counts.copied[0].any()
    # The same token 64 times holds each run at every other place, in the rows or not.
    for constant in (1, 2):
        for length in (1, 2, 32, 64):
            assert (counts.elsewhere[length][constant] == 64 - length).all()
        assert (counts.suffix[constant] == 32).all()
        assert counts.copied[constant].all()
        assert (counts.share[constant] == 1).all()


def test_no_sequences_and_no_rows():
    windows, tokens, rows = example(0, 64, 3)
    assert count_sequences(windows, tokens[:0], rows[:0]).suffix.shape == (0, 32)
    alone = count_sequences(windows[:0], tokens[-1:], np.array([-1]))
    assert (alone.elsewhere[1] == 63).all()
    assert alone.near[0.8].tolist() == [0]
