"""How frequent the sequence's tokens are in the training data."""

from __future__ import annotations

import numpy as np

from memorization.features.family import Family, Feature, Inputs
from memorization.features.ngrams import VOCABULARY, row_chunks
from memorization.protocol import PROMPT, SEQUENCE

# Rare tokens are the least frequent ones that together make up at most this share of the data.
RARE = 0.1

PARTS = {
    "prompt": slice(0, PROMPT),
    "continuation": slice(PROMPT, SEQUENCE),
    "sequence": slice(0, SEQUENCE),
}


def token_counts(windows: np.ndarray) -> np.ndarray:
    """Return how often each token occurs in the training data, int64 [65536]."""
    total = np.zeros(VOCABULARY, dtype=np.int64)
    for _, rows in row_chunks(windows):
        total += np.bincount(rows.ravel(), minlength=VOCABULARY)
    return total


def rare_tokens(token_count: np.ndarray, share: float = RARE) -> np.ndarray:
    """Return which tokens are rare, bool [V].

    The threshold is a count: all tokens that occur as often as one another are rare or none is.

    >>> rare_tokens(np.array([90, 5, 5, 0]), share=0.1)
    array([False,  True,  True,  True])
    >>> rare_tokens(np.array([91, 5, 5, 0]), share=0.09)
    array([False, False, False,  True])
    """
    _, level = np.unique(token_count, return_inverse=True)
    mass = np.bincount(level, weights=token_count.astype(np.float64))
    return (np.cumsum(mass) <= share * token_count.sum())[level]


def frequency_features(token_count: np.ndarray, tokens: np.ndarray) -> dict[str, np.ndarray]:
    """Return log frequencies (nats, add-one smoothed) and rare shares of the parts, arrays [n].

    Parameters
    ----------
    token_count : int64 [V], occurrences of each token in the training data.
    tokens : integers [n, 64], below V.
    """
    n_types = np.count_nonzero(token_count)
    log_frequency = np.log((token_count + 1.0) / (token_count.sum() + n_types + 1.0))[tokens]
    is_rare = rare_tokens(token_count)[tokens]
    columns = {}
    for part, where in PARTS.items():
        values = log_frequency[:, where]
        columns[f"{part}_mean"] = values.mean(axis=1)
        columns[f"{part}_min"] = values.min(axis=1)
        columns[f"{part}_quartile"] = np.quantile(values, 0.25, axis=1)
        columns[f"{part}_rare_share"] = is_rare[:, where].mean(axis=1)
    return columns


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    return frequency_features(token_counts(inputs.windows), inputs.tokens)


_PRASHANTH = "Prashanth et al. 2024"


def _declare(part: str) -> tuple[Feature, ...]:
    return (
        Feature(
            f"{part}_mean",
            "corpus",
            f"Frequent tokens in the {part} have well-trained embeddings and are predicted easily.",
            "+",
            _PRASHANTH,
        ),
        Feature(
            f"{part}_min",
            "corpus",
            f"The {part} is only as predictable as its rarest token, which also identifies it.",
            "?",
            _PRASHANTH,
        ),
        Feature(
            f"{part}_quartile",
            "corpus",
            f"The lower quartile tells whether rare tokens are many in the {part}, not one.",
            "+",
            _PRASHANTH,
        ),
        Feature(
            f"{part}_rare_share",
            "corpus",
            f"Rare tokens in the {part} are hard to produce, and make a context unique.",
            "?",
            "this work",
        ),
    )


FAMILY = Family(
    "frequency", tuple(feature for part in PARTS for feature in _declare(part)), _compute
)
