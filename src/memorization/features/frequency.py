"""How rare the sequence's tokens are.

Frequencies are looked up by count, in tables of the whole corpus: a token counts one for each of
its occurrences in the sequence that the rows do not hold (that of a sequence that begins no row)
and one for each in the rows. So a sequence is looked up alike whether or not it was counted.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from memorization.features.family import PARTS, Family, Inputs, declare

# Rare tokens are the least frequent ones that together make up at most this share of the data.
RARE, RAREST = 0.1, 0.01


def rare_level(token_count: np.ndarray, share: float) -> int:
    """Return the largest count of a rare token, -1 where not even unseen tokens are rare.

    All tokens that occur as often as one another are rare or none is.

    >>> rare_level(np.array([90, 5, 5, 0]), share=0.1), rare_level(np.array([91, 5, 5, 0]), 0.09)
    (5, 0)
    """
    levels, n_types = np.unique(token_count, return_counts=True)
    is_rare = np.cumsum(levels * n_types) <= share * token_count.sum()
    return int(levels[is_rare][-1]) if is_rare.any() else int(levels[0]) - 1


def huffman_lengths(token_count: np.ndarray) -> np.ndarray:
    """Return the length of each token's code word in bits, int64 [V]; 0 for tokens never seen.

    The code of Huffman (1952): of all codes of whole bits a token, the shortest text. Where words
    could be exchanged without loss, the tokens that come first get the longer ones.

    >>> huffman_lengths(np.array([5, 1, 0, 2, 1]))
    array([1, 3, 0, 2, 3])
    """
    seen = np.flatnonzero(token_count)
    lengths = np.zeros(len(token_count), dtype=np.int64)
    n = len(seen)
    if n < 2:
        lengths[seen] = 1
        return lengths
    heap = [(int(token_count[token]), node) for node, token in enumerate(seen.tolist())]
    heapq.heapify(heap)
    parent = np.zeros(2 * n - 1, dtype=np.int64)
    for node in range(n, 2 * n - 1):
        weight, a = heapq.heappop(heap)
        more, b = heap[0]
        parent[[a, b]] = node
        heapq.heapreplace(heap, (weight + more, node))
    depth = np.zeros(2 * n - 1, dtype=np.int64)
    for node in range(2 * n - 3, -1, -1):
        depth[node] = depth[parent[node]] + 1
    lengths[seen] = depth[:n]
    return lengths


@dataclass(frozen=True)
class Rarity:
    """Tables of a corpus in which tokens are looked up by their count.

    Attributes
    ----------
    total : tokens, and for the smoothing, the different ones and one more.
    rare, rarest : the largest counts of a rare token.
    levels : int64 [k], ascending, the counts that occur.
    bits : float64 [k], mean length of the Huffman code words of the tokens that occur as often.
    """

    total: float
    rare: int
    rarest: int
    levels: np.ndarray
    bits: np.ndarray

    @classmethod
    def of(cls, token_count: np.ndarray) -> Rarity:
        """Return the tables for int64 [V] occurrences of each token."""
        lengths = huffman_lengths(token_count)
        levels, level = np.unique(token_count[token_count > 0], return_inverse=True)
        n_types = np.bincount(level, minlength=len(levels))
        bits = np.bincount(level, weights=lengths[token_count > 0], minlength=len(levels))
        return cls(
            total=float(token_count.sum() + n_types.sum() + 1),
            rare=rare_level(token_count, RARE),
            rarest=rare_level(token_count, RAREST),
            levels=levels,
            bits=bits / np.maximum(n_types, 1),
        )

    def code_bits(self, count: np.ndarray) -> np.ndarray:
        """Return the code word's length for tokens of some counts: that of the next rarer ones.

        Of tokens rarer than all, that of the rarest; 0 where the corpus is empty.
        """
        if not len(self.levels):
            return np.zeros(count.shape)
        return self.bits[np.maximum(np.searchsorted(self.levels, count, side="right") - 1, 0)]


def frequency_features(rarity: Rarity, count: np.ndarray) -> dict[str, np.ndarray]:
    """Return log frequencies (nats, add-one smoothed), rare shares and code lengths, arrays [n].

    ``count`` is integers [n, 64], occurrences of each token of the sequences.
    """
    log_frequency = np.log((count + 1.0) / rarity.total)
    bits = rarity.code_bits(count)
    columns = {}
    for part, where in PARTS.items():
        values = log_frequency[:, where]
        columns[f"{part}_mean"] = values.mean(axis=1)
        columns[f"{part}_min"] = values.min(axis=1)
        columns[f"{part}_quartile"] = np.quantile(values, 0.25, axis=1)
        columns[f"{part}_median"] = np.median(values, axis=1)
        columns[f"{part}_rare_share"] = (count[:, where] <= rarity.rare).mean(axis=1)
        columns[f"{part}_rarest_share"] = (count[:, where] <= rarity.rarest).mean(axis=1)
        columns[f"{part}_huffman"] = bits[:, where].mean(axis=1)
    return columns


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    if inputs.token_count is not None:
        published = inputs.token_count
        return frequency_features(Rarity.of(published), published[inputs.tokens])
    counts = inputs.counts
    return frequency_features(Rarity.of(counts.tokens), counts.elsewhere[1] + 1)


_PRASHANTH = "Prashanth et al. 2025"

FAMILY = Family(
    "frequency",
    declare("corpus", "the first pass over the corpus", [
        ("mean", "+",
         "Frequent tokens in the {part} have well-trained embeddings and are predicted easily.",
         _PRASHANTH),
        ("min", "?",
         "The {part} is only as predictable as its rarest token, which also identifies it.",
         _PRASHANTH),
        ("quartile", "+",
         "The lower quartile tells whether rare tokens are many in the {part}, not one.",
         _PRASHANTH),
        ("median", "+",
         "The typical token of the {part}: punctuation and function words, or names and numbers.",
         _PRASHANTH),
        ("rare_share", "?",
         "Rare tokens in the {part} are hard to produce, and make a context unique."),
        ("rarest_share", "?",
         "Tokens of the last hundredth of the data, in the {part}, are names of one text only."),
        ("huffman", "-",
         "Bits a token of the {part} by the best code of single tokens: what knowing only "
         "frequencies leaves to be learnt.",
         "Huffman 1952; Prashanth et al. 2025 (of characters)"),
    ], parts=PARTS),
    _compute,
)  # fmt: skip
