"""From labelled texts to what can be predicted of them, and what must be believed with care."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from memorization.errors import UserError
from memorization.evaluation.bootstrap import Bootstrap, Estimate, gain
from memorization.evaluation.crossfit import Candidate, cross_fit
from memorization.evaluation.intervals import IDENTITY, LOG, Scale
from memorization.evaluation.metrics.probability import calibration_slope, observed_to_expected
from memorization.evaluation.metrics.sums import Metric
from memorization.split.clusters import linked_clusters, shared_windows
from memorization.split.folds import assign_folds
from memorization.study import Study
from memorization.validation.artefacts import artefacts, column_auroc
from memorization.whether.models import BinaryModel
from memorization.whether.models.boosting import Boosting
from memorization.whether.models.classifier import log_odds
from memorization.whether.models.logistic import Logistic
from memorization.whether.models.ngrams import NGrams
from memorization.whether.models.single_feature import SingleFeature
from memorization.whether.scores import rankings

# Texts as they are, and with every run of white space made one space.
PLAIN = "plain"
WAYS = ("as_it_is", PLAIN)
# The first two are what the others must beat.
MODELS: dict[str, type[BinaryModel]] = {
    "single_feature": SingleFeature,
    "ngrams": NGrams,
    "logistic": Logistic,
    "boosting": Boosting,
}
# The mean of two models' log-odds: what each sees the other does not.
BOTH = ("ngrams", "boosting")
# Where a reference told it: the mean surprisal of a text under the reference, nats a token.
PERPLEXITY = "reference.log_perplexity"
# The two more models that there are then, without the text and with it.
WITH_PERPLEXITY = ("perplexity", "boosting_perplexity")
# The study's own folds, and others that know no clusters.
SPLITS = ("fold", "fold_random")
# Fewer clusters with a memorized text, or with another, give no fold enough of either.
FEWEST = 10


def study_of(
    tokens: np.ndarray,
    features: pd.DataFrame,
    texts: list[str],
    truth: np.ndarray,
    folds: int,
    shared_tokens: int,
    rng: np.random.Generator,
) -> Study:
    """Return labelled texts as a study: each of weight 1, those that share text in one fold.

    Parameters
    ----------
    tokens : int [n, 64], 0 where a text has ended; no run with a 0 links two texts.
    features : a row for each.
    truth : bool [n], memorized.
    shared_tokens : texts that share a run of so many tokens are linked.

    Raises
    ------
    UserError
        If there are too few independent texts of either kind.
    """
    cluster = linked_clusters(shared_windows(tokens, shared_tokens, across_documents=False))
    for kind, rows in (("memorized", truth), ("not memorized", ~truth)):
        if (n := len(np.unique(cluster[rows]))) < FEWEST:
            raise UserError(
                f"column 'memorized': {int(rows.sum())} rows are {kind}, in {n} clusters of texts "
                f"that share {shared_tokens} tokens; at least {FEWEST} of each are needed: add rows"
            )
    n_texts = len(texts)
    return Study(
        index=np.arange(n_texts),
        features=features.reset_index(drop=True),
        truth=truth,
        weight=np.ones(n_texts),
        splits=pd.DataFrame(
            {
                "cluster": cluster,
                "fold": assign_folds(cluster, truth, folds, rng),
                "fold_random": assign_folds(np.arange(n_texts), truth, folds, rng),
            }
        ),
        text=np.array([text.encode("utf-8", "replace") for text in texts], dtype=object),
    )


# Column of the splits -> model -> log-odds out of fold, float64 [n]. What was fitted elsewhere is
# the same whatever the split, and in ``fold`` alone.
Odds = Mapping[str, Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class Way:
    """Labelled texts, taken in one of `WAYS`.

    Attributes
    ----------
    study : see `study_of`.
    texts : of its rows.
    odds : see `out_of_fold`.
    found : see `validate` and `collected`.
    """

    study: Study
    texts: list[str]
    odds: Odds
    found: dict[str, Any]


def out_of_fold(
    study: Study,
    advance: Callable[[int], object] = lambda done: None,
    ngrams: Mapping[str, np.ndarray] | None = None,
) -> Odds:
    """Return what each model, and `BOTH` together, say of the rows that they have not seen.

    By clusters, ``fold``, and by a split at random, ``fold_random``.

    Parameters
    ----------
    advance : told ``1`` after each model.
    ngrams : column of the splits -> what the n-grams say, of a study without text; None: they are
        fitted.
    """
    return {
        split: _odds(study.refolded(split), advance, None if ngrams is None else ngrams[split])
        for split in SPLITS
    }


def _odds(
    study: Study, advance: Callable[[int], object], ngrams: np.ndarray | None
) -> dict[str, np.ndarray]:
    odds = {}
    for name, candidate in _candidates(study).items():
        if candidate.model is NGrams and ngrams is not None:
            odds[name] = ngrams
        else:
            odds[name] = log_odds(cross_fit(candidate, study).prediction)
        advance(1)
    return odds | {"+".join(BOTH): np.mean([odds[name] for name in BOTH], axis=0)}


def _candidates(study: Study) -> dict[str, Candidate]:
    """Return the models by name, each with the features that it reads."""
    known = tuple(map(str, study.features))
    text = tuple(name for name in known if name != PERPLEXITY)
    read: dict[str, tuple[type[BinaryModel], tuple[str, ...]]] = {
        name: (model, () if model.reads_text else text) for name, model in MODELS.items()
    }
    if PERPLEXITY in known:
        more = ((Logistic, (PERPLEXITY,)), (Boosting, known))
        read |= dict(zip(WITH_PERPLEXITY, more, strict=True))
    return {
        name: Candidate("text", name, model, columns, f"validate/{name}")
        for name, (model, columns) in read.items()
    }


def validate(study: Study, odds: Odds, bootstrap: Bootstrap) -> dict[str, Any]:
    """Return how well the memorized are told from the others, and by what.

    Parameters
    ----------
    study : see `study_of`.
    odds : see `out_of_fold`.

    Returns
    -------
    dict
        ``n``, ``cases``, ``clusters``, and ``effective_clusters`` of the cases (Kish 1965);
        ``scores``: model -> ``auroc`` and ``average_precision`` out of fold, with intervals over
        clusters, its ``calibration``, what each gains over the n-grams (``over_ngrams``), and what
        a random split would have added (``random_split``; None: it was not fitted to these texts).
    """
    ranked, leaky = (
        {name: rankings(study.refolded(split), own, bootstrap) for name, own in odds[split].items()}
        for split in SPLITS
    )
    level = bootstrap.level
    scores = {
        name: {metric: value.estimate(level) for metric, value in own.items()}
        | {
            "calibration": calibration(study, odds["fold"][name], bootstrap),
            "over_ngrams": None if name == "ngrams" else gain(own, ranked["ngrams"], level),
            "random_split": gain(leaky[name], own, level) if name in leaky else None,
        }
        for name, own in ranked.items()
    }
    return {
        "n": len(study),
        "cases": int(study.truth.sum()),
        "clusters": len(np.unique(study.cluster)),
        "effective_clusters": float(bootstrap.effective(study.weight, study.truth)),
        "scores": scores,
    }


def calibration(study: Study, odds: np.ndarray, bootstrap: Bootstrap) -> dict[str, Estimate]:
    """Return whether probabilities are right, in this table: ``observed_to_expected``, ``slope``.

    Parameters
    ----------
    odds : float64 [n], log-odds out of fold. Where they are one number for all rows of a fold there
        is no slope.
    """
    varies = any(np.ptp(odds[study.fold == fold]) for fold in np.unique(study.fold))

    def estimated(metric: Metric, scale: Scale) -> Estimate:
        return bootstrap.estimate(metric, study.truth, expit(odds), study.weight, scale)

    return {
        "observed_to_expected": estimated(observed_to_expected, LOG),
        "slope": estimated(calibration_slope, IDENTITY)
        if varies
        else dict.fromkeys(("value", "low", "high"), np.nan),
    }


def collected(
    study: Study, texts: list[str], given: Mapping[str, np.ndarray], bootstrap: Bootstrap
) -> dict[str, Any]:
    """Return what tells the memorized without any model, perhaps by how texts were collected.

    Parameters
    ----------
    given : name -> values of a column of the table, float or words [n], or of the length: each is
        scored alone, as it is.

    Returns
    -------
    dict
        ``given``: column -> its AUROC alone, with its interval; ``artefacts``, see `artefacts`.
    """
    alone = {
        name: column_auroc(own, study.truth, study.fold, bootstrap) for name, own in given.items()
    }
    return {"given": alone, "artefacts": artefacts(texts, study.truth, alone)}
