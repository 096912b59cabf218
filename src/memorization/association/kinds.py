"""Recite, reconstruct, recollect: how many sequences are of each kind, and how many memorized."""

from __future__ import annotations

from typing import Any

import numpy as np

from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.metrics.sums import ratio
from memorization.features.taxonomy import TAXONOMY, taxonomy
from memorization.strata import CONTINUATIONS
from memorization.study import Study

TEMPLATES = ("template.repeating", "template.incrementing")


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
