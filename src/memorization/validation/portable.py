"""The text model that labelled texts give to ``memorization score``, with what is known of it."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from memorization.risk.model import TextModel
from memorization.study import Study
from memorization.validation.analyse import Way
from memorization.whether.models.ngrams import Bag, NGrams, hashed_counts

# The part of the texts beyond which one is unlike them.
BEYOND = 0.01


def portable(way: Way, about: str, untested: str, seed: int) -> TextModel:
    """Return the bag of n-grams fitted to all labelled texts, calibrated on what it had not seen.

    Its card has ``about`` and ``untested``, in words; ``n``, ``cases``, ``prevalence`` in the
    table; ``auroc`` out of fold; ``calibration``, the intercept and slope from its log-odds to
    those of the table, out of fold; and of the ``texts`` their ``characters``, the median and the
    number below which a text is unlike them (``low``), and the share of runs that were unknown to
    models of other folds, beyond which it is (``unknown``).

    Parameters
    ----------
    way : plain texts.
    """
    study = way.study
    odds = way.odds["fold"]["ngrams"]
    calibrated = LogisticRegression(C=np.inf).fit(odds[:, None], study.truth)
    lengths = np.array([len(text) for text in way.texts])
    card = {
        "about": about,
        "untested": untested,
        "n": len(study),
        "cases": int(study.truth.sum()),
        "prevalence": float(study.truth.mean()),
        "auroc": way.found["scores"]["ngrams"]["auroc"],
        "calibration": {
            "intercept": float(calibrated.intercept_[0]),
            "slope": float(calibrated.coef_[0, 0]),
        },
        "texts": {
            "characters": {
                "low": float(np.quantile(lengths, BEYOND)),
                "median": float(np.median(lengths)),
            },
            "unknown": float(np.quantile(_unknown(study), 1 - BEYOND)),
        },
    }
    everything = np.arange(len(study))
    fitted = NGrams.fit(study, everything, np.random.default_rng(seed))
    assert isinstance(fitted, NGrams)
    assert study.text is not None
    return TextModel.of(fitted, study.text, card)


def _unknown(study: Study) -> np.ndarray:
    """Return the share of each text's runs that the bag of the other folds lacks, float [n]."""
    assert study.text is not None
    counts = hashed_counts(study.text)
    unknown = np.empty(len(study))
    for fold in np.unique(study.fold):
        own = study.fold == fold
        known = np.diff(Bag.of(counts[~own]).weigh(counts[own]).indptr)
        unknown[own] = 1 - known / np.maximum(np.diff(counts[own].indptr), 1)
    return unknown
