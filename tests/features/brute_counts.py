"""Counts of `memorization.counting.counting`, by searching strings."""

from __future__ import annotations

from collections import Counter

import numpy as np

LENGTHS = (1, 2, 3, 5, 8, 16, 32, 64)


class Corpus:
    """The rows, and the sequence's own row where it is not among them."""

    def __init__(self, windows: np.ndarray, sequence: list[int], row: int) -> None:
        rows = windows.tolist() + ([sequence] if row < 0 else [])
        self.rows = ["".join(map(chr, tokens)) for tokens in rows]
        self.sequence = "".join(map(chr, sequence))
        self.own = row if row >= 0 else len(self.rows) - 1

    def elsewhere(self, start: int, length: int) -> list[tuple[int, int]]:
        """Places of the n-gram that starts in the sequence, without that place itself."""
        gram = self.sequence[start : start + length]
        places = []
        for row, tokens in enumerate(self.rows):
            offset = tokens.find(gram)
            while offset >= 0:
                places.append((row, offset))
                offset = tokens.find(gram, offset + 1)
        places.remove((self.own, start))
        return places

    def following(self, start: int, length: int) -> Counter:
        """Tokens after those places."""
        return Counter(
            ord(self.rows[row][offset + length])
            for row, offset in self.elsewhere(start, length)
            if offset + length < len(self.rows[row])
        )

    def longest(self, end: int) -> int:
        """Length of the longest n-gram, up to 32, that ends there and occurs elsewhere."""
        length = 0
        while length < min(32, end + 1) and self.elsewhere(end - length, length + 1):
            length += 1
        return length

    def suffix(self, place: int) -> tuple[int, Counter]:
        """The longest context, up to 32, that occurs elsewhere with a token after it, and those."""
        length, tokens = 0, Counter()
        while length < 32 and (more := self.following(place - length - 1, length + 1)):
            length, tokens = length + 1, more
        return length, tokens


def near_rows(windows: np.ndarray, sequence: list[int], row: int, share: float) -> int:
    """Rows besides ``row`` that hold the share of the sequence's distinct 5-grams."""

    def grams(tokens: list[int]) -> set[tuple[int, ...]]:
        return {tuple(tokens[i : i + 5]) for i in range(len(tokens) - 4)}

    own = grams(sequence)
    return sum(
        len(own & grams(tokens)) >= share * len(own) - 1e-9
        for number, tokens in enumerate(windows.tolist())
        if number != row
    )


def example(seed: int, width: int, n_symbols: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows with copies of all kinds, sequences of which some begin rows, and these rows."""
    rng = np.random.default_rng(seed)
    windows = rng.integers(0, n_symbols, (14, width)).astype(np.uint16)
    windows[1] = 1
    windows[2:5, 3:60] = windows[6, 3:60]
    windows[5] = np.resize(np.arange(7), width)
    windows[8] = np.resize(np.arange(7), width + 3)[3:]
    windows[9, :50] = windows[10, :50]
    windows[11, -40:] = windows[12, :40]
    rows = np.array([0, 1, 2, -1, 5, 9, 12, -1, -1])
    new = rng.integers(0, n_symbols, (1, 64))
    tokens = np.concatenate([windows[[0, 1, 2, 3, 5, 9, 12], :64], new, np.full((1, 64), 1)])
    return windows, tokens.astype(np.int32), rows
