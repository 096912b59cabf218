"""Why a memorized sequence may be memorized: recitation, reconstruction or recollection.

The taxonomy of Prashanth et al. 2025, "Recite, Reconstruct, Recollect". It is a label to analyse
results by, not a family of features: it is decided by the count of duplicates and the two tests for
templates, all of which predictors have already, and better, as numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.metrics.sums import ratio
from memorization.strata import CONTINUATIONS
from memorization.study import Study

TEMPLATES = ("template.repeating", "template.incrementing")
TAXONOMY = ("recitation", "reconstruction", "recollection")
# More occurrences than this are recitation (their paper; "6 or more" in their model_training.py).
DUPLICATES = 5


def kinds(study: Study, bootstrap: Bootstrap) -> dict[str, dict[str, Any]]:
    """Return the taxonomy's classes; none where a feature that decides them was not computed.

    Returns
    -------
    dict
        class -> ``n`` and ``cases``, its sampled and its memorized sequences; ``share`` of the
        population, ``memorized``, the share of the class that is, and ``of_memorized``, its share
        of all that is memorized, each ``{value, low, high}``.
    """
    features, truth = study.features, study.truth
    if not {CONTINUATIONS, *TEMPLATES} <= set(features.columns):
        return {}
    kind = taxonomy(*(features[name].to_numpy() for name in (CONTINUATIONS, *TEMPLATES)))
    everything = np.ones(len(truth), dtype=bool)
    found = {}
    for name in TAXONOMY:
        own = kind == name
        found[name] = {"n": int(own.sum()), "cases": int((own & truth).sum())} | {
            key: bootstrap.take(whole).estimate(
                _share, part[whole], whole[whole], study.weight[whole]
            )
            for key, part, whole in (
                ("share", own, everything),
                ("memorized", own & truth, own),
                ("of_memorized", own & truth, truth),
            )
        }
    return found


def _share(part: np.ndarray, whole: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weight of a part over that of the whole, bool [n] each; NaN of an empty whole."""
    return ratio(weight @ part.astype(np.float64), weight @ whole.astype(np.float64))


def taxonomy(duplicates: np.ndarray, repeating: np.ndarray, incrementing: np.ndarray) -> np.ndarray:
    """Return the kind of memorization that each sequence would be, str [n], of ``TAXONOMY``.

    Many duplicates go before a template. In Prashanth et al. the duplicates are those of the
    continuation, the 32 tokens, anywhere in the training data: ``duplication.continuation_count``.

    The tests are ``template.repeating`` and ``template.incrementing``, bool or 0/1 [n].

    >>> taxonomy(np.array([6, 5, 1]), np.array([True, True, False]), np.zeros(3)).tolist()
    ['recitation', 'reconstruction', 'recollection']
    """
    is_template = np.asarray(repeating, dtype=bool) | np.asarray(incrementing, dtype=bool)
    recitation, reconstruction, recollection = TAXONOMY
    is_frequent = np.asarray(duplicates) > DUPLICATES
    return np.select([is_frequent, is_template], [recitation, reconstruction], recollection)
