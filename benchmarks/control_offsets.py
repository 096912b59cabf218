"""Windows that begin some tokens later: does the label move, and does the score? See controls.py.

The tokens behind the first 64 of a training window are known, so a later window is of the same
text as it was trained on. Only windows without an end of text in all that is read are taken: in
the others a later window would reach into another document.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from control_labels import Given, parts_of, predicted
from control_patterns import FISHER, correlations

from memorization.association.correlation import weighted_ranks
from memorization.evaluation.bootstrap import Bootstrap, Estimate, Replicated
from memorization.evaluation.crossfit import Candidate
from memorization.evaluation.metrics.ranking import auroc_within
from memorization.features.text import token_bytes
from memorization.features.use import Sources, features_of
from memorization.protocol import END_OF_TEXT, SEQUENCE
from memorization.study import Study
from memorization.whether.scores import prevalence

OFFSETS = (1, 8, 16)


def whole(windows: np.ndarray) -> np.ndarray:
    """Return which windows have no end of text up to the end of the latest window, bool [n]."""
    return (windows[:, : SEQUENCE + max(OFFSETS)] != END_OF_TEXT).all(axis=1)


def shifted(windows: np.ndarray, offset: int) -> np.ndarray:
    """Return the 64 tokens of each window from an offset on, int32 [n, 64].

    >>> shifted(np.arange(80)[None], 16)[0, [0, -1]].tolist()
    [16, 79]
    """
    return windows[:, offset : offset + SEQUENCE].astype(np.int32)


def as_text(study: Study, tokens: np.ndarray, sources: Sources) -> Study:
    """Return the study with other tokens, int [n, 64]: its features and bytes of the text alone."""
    columns = list(study.tiers["text"])
    families = list(dict.fromkeys(column.partition(".")[0] for column in columns))
    features = features_of(tokens, sources, ("text",), families)[columns]
    pieces = token_bytes(sources.tokenizer)
    text = np.empty(len(tokens), dtype=object)
    text[:] = [b"".join([pieces[token] for token in row]) for row in tokens.tolist()]
    return Study(
        study.index, features, study.truth, study.weight, study.splits, study.seed, text=text
    )


def differing(table: pd.DataFrame, recomputed: pd.DataFrame) -> list[str]:
    """Return the features whose values in a table are not those of the text, by name."""
    return [
        str(name)
        for name in recomputed
        if not np.allclose(table[name], recomputed[name], rtol=1e-9, atol=1e-9)
    ]


def rank_correlation(x: np.ndarray, y: np.ndarray, bootstrap: Bootstrap) -> Estimate:
    """Return Spearman's correlation of two columns, float [n], with its interval.

    Ranks are those among all rows, in every resample.
    """
    ones, one_band = np.ones(len(x)), np.zeros(len(x), int)
    a, b = (weighted_ranks(column, ones)[:, None] / len(x) for column in (x, y))

    def of_weights(weight: np.ndarray) -> np.ndarray:
        return correlations(a, b, one_band, weight)[..., 0, 0]

    effective = float(bootstrap.effective(ones, ones > 0))
    value, replicates = float(of_weights(ones)), bootstrap.replicate(of_weights, ones)
    return Replicated(value, replicates, effective, FISHER).estimate(bootstrap.level)


def other_labels(given: Given) -> dict[str, Any]:
    """Return how far the labels of later windows agree with those of the windows themselves.

    Returns
    -------
    dict
        part -> offset -> ``n``, ``memorized``; shares with intervals: ``agree``; ``kept``, of those
        memorized at 0 that still are; ``gained``, of the others that are now.
    """
    labels = {offset: study.truth for offset, study in given.offsets.items()}
    found: dict[str, Any] = {}
    bootstrap = given.bootstrap.take(given.whole)
    for part, rows in parts_of(given.study).items():
        rows = rows[given.whole]
        found[part] = {}
        for offset, label in labels.items():
            groups = {
                "agree": (rows, label == labels[0]),
                "kept": (rows & labels[0], label),
                "gained": (rows & ~labels[0], label),
            }
            found[part][str(offset)] = {"n": int(rows.sum()), "memorized": int(label[rows].sum())}
            for name, (own, of) in groups.items():
                found[part][str(offset)][name] = bootstrap.take(own).estimate(
                    prevalence, of[own], of[own], np.ones(int(own.sum()))
                )
    return found


def other_scores(candidate: Candidate, given: Given) -> dict[str, Any]:
    """Return how far the scores of later windows agree with those of the windows themselves.

    By models of the text, fitted to the windows themselves; a row's model has not seen its fold.

    Returns
    -------
    dict
        part -> offset -> ``rank_correlation`` with the score at 0; ``auroc`` by the labels of the
        later windows, and its ``gain`` over that at 0 by the labels there.
    """
    if candidate.tier != "text":
        return {}
    fitted = given.fitted[candidate.key].fitted
    scores = {offset: predicted(fitted, study) for offset, study in given.offsets.items()}
    bootstrap = given.bootstrap.take(given.whole)
    found: dict[str, Any] = {}
    for part, rows in parts_of(given.study).items():
        rows = rows[given.whole]
        drawn = bootstrap.take(rows)
        ranked = {
            offset: drawn.replicated(
                auroc_within(study.fold[rows]),
                study.truth[rows],
                scores[offset][rows],
                study.weight[rows],
            )
            for offset, study in given.offsets.items()
        }
        found[part] = {
            str(offset): {
                "auroc": of.estimate(drawn.level),
                "gain": (of - ranked[0]).estimate(drawn.level),
                "rank_correlation": rank_correlation(scores[offset][rows], scores[0][rows], drawn),
            }
            for offset, of in ranked.items()
        }
    return found
