"""How frequent the sequence's n-grams are elsewhere in the training data, by their length.

Each value summarises log(1 + occurrences elsewhere) over the n-grams of a part of the sequence, in
nats. Single tokens are the family ``frequency``. Up to 8 tokens, n-grams lie wholly in the prompt
or wholly in the continuation; longer ones are too few there and are taken from the whole sequence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from memorization.counting.counting import LONGEST, SequenceCounts
from memorization.features.family import PARTS, Family, Feature, Row, declare

HALVES = ("prompt", "continuation")
SHORT = (2, 3, 4, 5, 8)
LONG = (13, 16, 32)


def ngram_frequency_features(counts: SequenceCounts) -> dict[str, np.ndarray]:
    """Return the summaries, arrays [n].

    ``{part}_{n}_{mean,min}`` for short n-grams, ``sequence_{n}_{mean,min}`` for long ones;
    ``sequence_{n}_{decile,median}``, the 10 % and 50 % quantiles, for all; and ``{part}_longest``,
    the length of the longest n-gram that ends in the part and recurs, in tokens, at most 32.
    """
    columns = {}
    for part in HALVES:
        columns[f"{part}_longest"] = counts.longest[:, PARTS[part]].max(axis=1)
    for length in (*SHORT, *LONG):
        values = np.log1p(counts.elsewhere[length].astype(np.float64))
        if length in SHORT:
            for part in HALVES:
                within = values[:, PARTS[part].start : PARTS[part].stop - length + 1]
                columns[f"{part}_{length}_mean"] = within.mean(axis=1)
                columns[f"{part}_{length}_min"] = within.min(axis=1)
        else:
            columns[f"sequence_{length}_mean"] = values.mean(axis=1)
            columns[f"sequence_{length}_min"] = values.min(axis=1)
        decile, median = np.quantile(values, [0.1, 0.5], axis=1)
        columns[f"sequence_{length}_decile"] = decile
        columns[f"sequence_{length}_median"] = median
    return columns


def _of_lengths(
    parts: Iterable[str], lengths: Iterable[int], hypotheses: Mapping[str, str]
) -> tuple[Feature, ...]:
    """Return a feature of each summary, length and part."""
    rows: list[Row] = [
        (f"{n}_{name}", "+", hypothesis.replace("{n}", str(n)), _LEE if n in LONG else _PRASHANTH)
        for name, hypothesis in hypotheses.items()
        for n in lengths
    ]
    return declare("corpus", "the first pass over the corpus", rows, parts=parts)


_LEE, _PRASHANTH = "Lee et al. 2022", "Prashanth et al. 2025; Carlini et al. 2023"
_MEAN = {
    "mean": "Frequent {n}-grams of the {part} are learnt from everywhere.",
    "min": "A {part} whose rarest {n}-gram is frequent holds nothing that is its own.",
}
_QUANTILES = {
    "decile": "When nine tenths of the {n}-grams recur, the {part} is new in few places.",
    "median": "When half of the {n}-grams recur, the {part} is pieced together from others.",
}

FAMILY = Family(
    "ngram_frequency",
    (
        *_of_lengths(HALVES, SHORT, _MEAN),
        *declare("corpus", "the first pass over the corpus", [
            ("longest", "+",
             f"A long run (up to {LONGEST} tokens) that ends in the {{part}} and recurs is a "
             "passage copied.", _LEE),
        ], parts=HALVES),
        *_of_lengths(["sequence"], LONG, _MEAN),
        *_of_lengths(["sequence"], (*SHORT, *LONG), _QUANTILES),
    ),
    lambda inputs: ngram_frequency_features(inputs.counts),
)  # fmt: skip
