"""A bag of n-grams: which runs of bytes the text holds, and nothing of what we thought it over.

Every run of one to three bytes is a word of the bag, hashed into a fixed number of buckets
(Weinberger et al. 2009, "Feature hashing for large scale multitask learning"); those held by few
texts are left out, since they can only be learnt by heart. Words weigh 1 + log(occurrences), times
the inverse frequency of texts that hold them (TF-IDF as in scikit-learn), at one length for all
texts, and a logistic regression is fitted to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numba import njit
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from memorization.evaluation.crossfit import Tiers, unit_weight
from memorization.study import Study
from memorization.whether.models.classifier import BinaryModel
from memorization.whether.models.logistic import choose_c

# Four bytes take twice the time and rank no better.
LONGEST = 3
BUCKETS = 2**18

# Texts that hold a word of the bag, at least: one in a thousand, but so many, and no more need be.
FEWEST = (3, 20)

# Of the vector of a text. At unit length, slopes are so small that the search for the optimum ends
# before it has begun.
LENGTH = 10.0

# Inverse strengths of the penalty to choose from, the strongest first.
GRID = (0.0001, 0.001, 0.01, 0.1)
DEFAULT = 0.01


@dataclass(frozen=True)
class Bag:
    """The words of a bag, and what each weighs.

    Attributes
    ----------
    words : int64 [w], buckets, ascending.
    rarity : float [w], the log of the inverse share of texts that hold it.
    """

    words: np.ndarray
    rarity: np.ndarray

    @classmethod
    def of(cls, counts: csr_array) -> Bag:
        """Return the bag of some texts, as `hashed_counts` counts them."""
        held = np.bincount(counts.indices, minlength=counts.shape[1])
        fewest = min(int(np.clip(counts.shape[0] // 1000, *FEWEST)), counts.shape[0])
        words = np.flatnonzero(held >= fewest)
        return cls(words, np.log((1 + counts.shape[0]) / (1 + held[words])) + 1)

    def weigh(self, counts: csr_array) -> csr_array:
        """Return the words of some texts at their weights, [n, w], rows of `LENGTH`."""
        found = counts[:, self.words]
        found.data = (1 + np.log(found.data)) * self.rarity[found.indices]
        length = np.sqrt(np.add.reduceat(np.append(found.data**2, 0), found.indptr[:-1]))
        size = np.diff(found.indptr)
        found.data *= LENGTH / np.repeat(np.where(size, length, 1), size)
        return found


@dataclass(frozen=True)
class NGrams(BinaryModel):
    """A logistic regression on the bag of n-grams of the text.

    Attributes
    ----------
    bag : of the rows that it was fitted to.
    regression : fitted to them.
    chosen : the inverse strength of its penalty, ``C``.
    """

    bag: Bag
    regression: LogisticRegression
    is_baseline: ClassVar[bool] = True
    reads_text: ClassVar[bool] = True
    chosen: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def columns(cls, tiers: Tiers) -> Tiers:
        """Return no feature, in the lowest tier."""
        return {"text": ()}

    @classmethod
    def train(cls, rows: Study, seed: int) -> NGrams:
        """Return the regression; the seed thins the rows that its penalty is chosen on."""
        return cls.regressed(rows, choose_c(rows, GRID, DEFAULT, _known, seed))

    @classmethod
    def regressed(cls, rows: Study, c: float) -> NGrams:
        """Return the regression of some rows at an inverse strength of the penalty."""
        counts = hashed_counts(_text(rows))
        bag = Bag.of(counts)
        regression = LogisticRegression(C=c, max_iter=2000)
        regression.fit(bag.weigh(counts), rows.truth, sample_weight=unit_weight(rows.weight))
        return cls(bag, regression, {"C": c})

    def predict(self, study: Study, rows: np.ndarray) -> np.ndarray:
        """Return the probability of some rows of a study, float64 [m]."""
        words = self.bag.weigh(hashed_counts(_text(study.take(rows))))
        return self.regression.predict_proba(words)[:, 1].astype(np.float64)


def hashed_counts(text: np.ndarray) -> csr_array:
    """Return how often each text holds the n-grams of each bucket, float64 [n, BUCKETS].

    Parameters
    ----------
    text : object [n], bytes.

    >>> counts = hashed_counts(np.array([b"abab"], dtype=object))
    >>> sorted(counts.data.tolist())  # a, b and ab twice; ba, aba and bab once
    [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]
    """
    bounds = np.cumsum([0, *map(len, text)])
    starts, buckets, counts = _counted(np.frombuffer(b"".join(text), np.uint8), bounds)
    return csr_array((counts, buckets, starts), shape=(len(text), BUCKETS))


@njit(cache=True)
def _counted(data: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where each row begins, int32 [n + 1], and its buckets and counts, of each row."""
    n = len(bounds) - 1
    starts = np.zeros(n + 1, np.int32)
    buckets = np.empty(LONGEST * len(data), np.int32)
    counts = np.empty(LONGEST * len(data), np.float64)
    # Of each bucket, the last row that it was seen in, and its place there.
    row, place = np.full(BUCKETS, -1, np.int32), np.empty(BUCKETS, np.int32)
    size = 0
    for i in range(n):
        for begin in range(bounds[i], bounds[i + 1]):
            gram = np.uint64(0)
            for end in range(begin, min(begin + LONGEST, bounds[i + 1])):
                # A run of a few bytes is a number of its own, which is then mixed.
                gram = (gram << np.uint64(9)) + np.uint64(data[end]) + np.uint64(1)
                mixed = gram * np.uint64(0x9E3779B97F4A7C15)
                mixed = (mixed ^ (mixed >> np.uint64(32))) * np.uint64(0xBF58476D1CE4E5B9)
                bucket = np.int64(mixed >> np.uint64(32)) % BUCKETS
                if row[bucket] != i:
                    row[bucket], place[bucket] = i, size
                    buckets[size], counts[size] = bucket, 0
                    size += 1
                counts[place[bucket]] += 1
        starts[i + 1] = size
    return starts, buckets[:size].copy(), counts[:size].copy()


def _known(rows: Study) -> csr_array:
    """Return the words of some rows, [n, w], of a bag of their own."""
    counts = hashed_counts(_text(rows))
    return Bag.of(counts).weigh(counts)


def _text(study: Study) -> np.ndarray:
    if study.text is None:
        raise ValueError("a study without text: join it with the pieces of the tokens")
    return study.text
