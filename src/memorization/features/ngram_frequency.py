"""How frequent the sequence's n-grams are elsewhere in the training data, by their length.

Each value summarises log(1 + occurrences elsewhere) over the n-grams of a part of the sequence, in
nats. Single tokens are the family ``frequency``. Up to 8 tokens, n-grams lie wholly in the prompt
or wholly in the continuation; longer ones are too few there and are taken from the whole sequence.
"""

from __future__ import annotations

import numpy as np

from memorization.counting.counting import LONGEST, SequenceCounts
from memorization.features.family import Direction, Family, Feature, Inputs
from memorization.protocol import PROMPT, SEQUENCE

PARTS = {"prompt": (0, PROMPT), "continuation": (PROMPT, SEQUENCE)}
SHORT = (2, 3, 4, 5, 8)
LONG = (13, 16, 32)


def ngram_frequency_features(counts: SequenceCounts) -> dict[str, np.ndarray]:
    """Return the summaries, arrays [n].

    ``{part}_{n}_{mean,min}`` for short n-grams, ``sequence_{n}_{mean,min}`` for long ones;
    ``sequence_{n}_{decile,median}``, the 10 % and 50 % quantiles, for all; and ``{part}_longest``,
    the length of the longest n-gram that ends in the part and recurs, in tokens, at most 32.
    """
    columns = {}
    for part, (start, end) in PARTS.items():
        columns[f"{part}_longest"] = counts.longest[:, start:end].max(axis=1)
    for length in (*SHORT, *LONG):
        values = np.log1p(counts.elsewhere[length].astype(np.float64))
        if length in SHORT:
            for part, (start, end) in PARTS.items():
                within = values[:, start : end - length + 1]
                columns[f"{part}_{length}_mean"] = within.mean(axis=1)
                columns[f"{part}_{length}_min"] = within.min(axis=1)
        else:
            columns[f"sequence_{length}_mean"] = values.mean(axis=1)
            columns[f"sequence_{length}_min"] = values.min(axis=1)
        decile, median = np.quantile(values, [0.1, 0.5], axis=1)
        columns[f"sequence_{length}_decile"] = decile
        columns[f"sequence_{length}_median"] = median
    return columns


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    return ngram_frequency_features(inputs.counts)


_HYPOTHESES: dict[str, tuple[str, Direction]] = {
    "mean": ("Frequent {n}-grams of the {part} are learnt from everywhere.", "+"),
    "min": ("A {part} whose rarest {n}-gram is frequent holds nothing that is its own.", "+"),
    "median": ("When half of the {n}-grams recur, the {part} is pieced together from others.", "+"),
    "decile": ("When nine tenths of the {n}-grams recur, the {part} is new in few places.", "+"),
}


def _declare(part: str, length: int, kind: str) -> Feature:
    hypothesis, direction = _HYPOTHESES[kind]
    return Feature(
        f"{part}_{length}_{kind}",
        "corpus",
        hypothesis.format(n=length, part=part),
        direction,
        "Prashanth et al. 2025; Carlini et al. 2023" if length < LONG[0] else "Lee et al. 2022",
        "the first pass over the corpus",
    )


FAMILY = Family(
    "ngram_frequency",
    (
        *(
            _declare(part, length, kind)
            for part in PARTS
            for kind in ("mean", "min")
            for length in SHORT
        ),
        *(
            Feature(
                f"{part}_longest",
                "corpus",
                f"A long run (up to {LONGEST} tokens) that ends in the {part} and recurs is a "
                "passage copied.",
                "+",
                "Lee et al. 2022",
                "the first pass over the corpus",
            )
            for part in PARTS
        ),
        *(_declare("sequence", length, kind) for kind in ("mean", "min") for length in LONG),
        *(
            _declare("sequence", length, kind)
            for kind in ("decile", "median")
            for length in (*SHORT, *LONG)
        ),
    ),
    _compute,
)
