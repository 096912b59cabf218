"""What tells the memorized from the others though it is not of the model: how they were collected.

A table of cases and controls is put together from two draws. Where one was cut, cleaned or decoded
in another way, anything that can see that scores well, and says nothing of memorization.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from memorization.evaluation.bootstrap import Bootstrap, Estimate
from memorization.evaluation.metrics.ranking import auroc, auroc_within
from memorization.evaluation.metrics.sums import ratio

# Traits that cleaning, cutting or decoding leaves or takes away.
TRAITS: dict[str, Callable[[str], bool]] = {
    "two spaces in a row": lambda text: "  " in text,
    "two line breaks in a row": lambda text: "\n\n" in text,
    "a line break": lambda text: "\n" in text,
    "a tab": lambda text: "\t" in text,
    "a carriage return": lambda text: "\r" in text,
    "white space at the start": lambda text: text[:1].isspace(),
    "white space at the end": lambda text: text[-1:].isspace(),
    "a capital letter at the start": lambda text: text.lstrip()[:1].isupper(),
    "a character that is not ASCII": lambda text: not text.isascii(),
    "a replacement character": lambda text: "\ufffd" in text,
    "a tag": lambda text: re.search(r"<[a-z/!][^>]*>", text) is not None,
}
# A trait is told if it is of one kind alone, or the shares differ by so much, of so many texts.
APART, FEWEST = 0.25, 20


def artefacts(
    texts: list[str], truth: np.ndarray, given: Mapping[str, Estimate]
) -> list[dict[str, Any]]:
    """Return how cases and controls differ in what collecting them may have made, most first.

    Parameters
    ----------
    texts : of the n rows.
    truth : bool [n], memorized.
    given : name -> AUROC alone, with its interval, of the length and of columns such as the source.

    Returns
    -------
    list of dict
        ``trait``; ``memorized`` and ``others``, the shares that have it (None for what is not a
        share); ``auroc`` of it alone, at least .5; of what differs by `APART`, or is in at least
        `FEWEST` texts and of one kind alone. What is given differs if its interval is above .5,
        too: many columns are tried.
    """
    found = []
    for trait, has in TRAITS.items():
        held = np.fromiter((has(text) for text in texts), bool, len(texts))
        memorized, others = float(held[truth].mean()), float(held[~truth].mean())
        alone = held.sum() >= FEWEST and min(held[truth].sum(), held[~truth].sum()) == 0
        if alone or abs(memorized - others) >= APART:
            found.append(
                {
                    "trait": trait,
                    "memorized": memorized,
                    "others": others,
                    "auroc": 0.5 + abs(memorized - others) / 2,
                }
            )
    for name, area in given.items():
        # Without an interval (NaN) only the value speaks.
        if area["value"] >= 0.5 + APART / 2 and not area["low"] <= 0.5:
            found.append({"trait": name, "memorized": None, "others": None, "auroc": area["value"]})
    return sorted(found, key=lambda one: -one["auroc"])


def column_score(
    values: np.ndarray, truth: np.ndarray, fold: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what a column alone says of each row, and which rows may be compared, both [n].

    The score is float, NaN where nothing is known, the higher the likelier memorized. A row's word
    scores the share of the memorized among the rows with that word in the *other* folds, and pairs
    are compared within a fold, so that a word that all have says nothing. Numbers score as they are
    or turned round, whichever ranks better, and are compared with all others.

    Parameters
    ----------
    values : float [n], or words [n].
    truth : bool [n].
    fold : int [n].
    """
    if values.dtype.kind in "OU":
        _, member = np.unique(values.astype(str), return_inverse=True)
        place = np.unique(fold, return_inverse=True)[1]
        shape = (int(member.max()) + 1, int(place.max()) + 1)
        size, cases = np.zeros(shape), np.zeros(shape)
        np.add.at(size, (member, place), 1.0)
        np.add.at(cases, (member, place), truth.astype(float))
        others, of_them = (table.sum(axis=1, keepdims=True) - table for table in (size, cases))
        return ratio(of_them, others, empty=float(truth.mean()))[member, place], fold
    score = values.astype(np.float64)
    known = ~np.isnan(score)
    falls = auroc(truth[known], score[known], np.ones(int(known.sum()))) < 0.5
    return -score if falls else score, np.zeros(len(score), np.int64)


def column_auroc(
    values: np.ndarray, truth: np.ndarray, fold: np.ndarray, bootstrap: Bootstrap
) -> Estimate:
    """Return the AUROC of a column alone, see `column_score`; .5 where nothing is known."""
    score, together = column_score(values, truth, fold)
    known = ~np.isnan(score)
    if truth[known].all() or not truth[known].any():
        return {"value": 0.5, "low": 0.5, "high": 0.5}
    own, weight = bootstrap.take(known), np.ones(int(known.sum()))
    return own.estimate(auroc_within(together[known]), truth[known], score[known], weight)
