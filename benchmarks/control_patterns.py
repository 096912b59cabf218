"""Do features of the text go with what a larger model can continue as they do with Pythia's memory?

See controls.py. Of each model of the suite: how each feature of the text goes with the
log-probability of the continuation, among texts that occur equally often. Then: over the features,
how that pattern goes with the AUROC of each feature on labels of Pythia-6.9b, and whether more so
the larger the model. If a million parameters cannot continue the patterns that billions can, it
should grow with the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from memorization.association.correlation import weighted_ranks
from memorization.association.univariate import CHANCE
from memorization.evaluation.bootstrap import Bootstrap, Replicated
from memorization.evaluation.intervals import LOGIT, Scale
from memorization.evaluation.metrics.ranking import auroc
from memorization.strata import CONTINUATIONS, STRATA, stratum_of
from memorization.study import Study

# Occurrences of the continuation -> the strata that are taken together.
BANDS = {"any": tuple(STRATA), "once": ("1",), "five or more": ("5-19", "20-49", "50-99", "100+")}
# Floats of weights at a time; what multiplies matrices wants many.
BLOCK = 2**22


def _fisher_slope(r: np.ndarray) -> np.ndarray:
    return 1 / (1 - r**2)


# Of correlations (Fisher 1921).
FISHER = Scale(np.arctanh, np.tanh, _fisher_slope)
SCALES = {"correlation": FISHER, "same_sign": LOGIT}


def ranks_given(values: np.ndarray, count: np.ndarray, band: np.ndarray) -> np.ndarray:
    """Return what of each value's rank among the rows of its band the count does not tell, [n].

    Ranks are from 0 to 1 within the band, less what a straight line in the rank of the count there
    says of them.

    >>> band = np.array([0, 0, 0, 1])
    >>> ranks_given(np.array([3.0, 1.0, 2.0, 9.0]), np.ones(4), band).round(2).tolist()
    [0.33, -0.33, 0.0, 0.0]

    Parameters
    ----------
    values, count : float [n].
    band : int [n]
    """
    found = np.empty(len(values))
    for one in np.unique(band):
        rows = band == one
        ones = np.ones(int(rows.sum()))
        y, x = (weighted_ranks(of[rows], ones) / len(ones) for of in (values, count))
        y, x = y - y.mean(), x - x.mean()
        found[rows] = y - x * ((x @ y) / (x @ x) if x.any() else 0.0)
    return found


def correlations(x: np.ndarray, y: np.ndarray, band: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the correlation within bands of each column of x with each of y, float [..., f, m].

    Sums of products are taken about the means of the bands and added up over these. NaN with a
    column that is constant in each.

    Parameters
    ----------
    x, y : float [n, f] and [n, m].
    band : int [n]
    weight : float [..., n]
    """
    shape = weight.shape[:-1]
    xx, yy, xy = (
        np.zeros((*shape, *of)) for of in (x.shape[1:], y.shape[1:], (x.shape[1], y.shape[1]))
    )
    for one in np.unique(band):
        rows = band == one
        a, b, w = x[rows], y[rows], weight[..., rows]
        total = np.maximum(w.sum(axis=-1), 1e-12)[..., None]
        sa, sb = w @ a, w @ b
        xx += w @ a**2 - sa**2 / total
        yy += w @ b**2 - sb**2 / total
        products = np.stack([w @ (a * own[:, None]) for own in b.T], axis=-1)
        xy += products - sa[..., :, None] * sb[..., None, :] / total[..., None]
    size = np.sqrt(np.maximum(xx[..., :, None] * yy[..., None, :], 0))
    return np.divide(xy, size, out=np.full(xy.shape, np.nan), where=size > 1e-9)


def own_pattern(
    study: Study, columns: Sequence[str], logprob: np.ndarray, rows: np.ndarray, drawn: Bootstrap
) -> tuple[np.ndarray, np.ndarray]:
    """Return partial rank correlations, float [f, m], and their replicates, [replicates, f, m].

    Parameters
    ----------
    columns : f features.
    logprob : of the continuation by each model, and what else to correlate with, float [n, m].
    rows, drawn : which rows to take, bool [n], and the resamples of the study.
    """
    count = study.features[CONTINUATIONS].to_numpy()[rows]
    band = stratum_of(count)
    x = np.stack([ranks_given(study.features[c].to_numpy()[rows], count, band) for c in columns], 1)
    y = np.stack([ranks_given(own, count, band) for own in logprob[rows].T], 1)

    def of_weights(weight: np.ndarray) -> np.ndarray:
        return correlations(x, y, band, weight)

    ones = np.ones(len(x))
    return of_weights(ones), drawn.take(rows).replicate(of_weights, ones, BLOCK)


def their_pattern(
    study: Study, columns: Sequence[str], bootstrap: Bootstrap
) -> tuple[np.ndarray, np.ndarray]:
    """Return each feature's AUROC less one half, float [f], and its replicates, [replicates, f]."""
    found = [
        bootstrap.replicated(auroc, study.truth, study.features[c].to_numpy(), study.weight)
        for c in columns
    ]
    return (
        np.array([one.value for one in found]) - CHANCE,
        np.stack([one.replicates for one in found], axis=1) - CHANCE,
    )


def over_features(own: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return Pearson's correlation of patterns, and the share of features with the same sign.

    Parameters
    ----------
    own : float [..., f, m].
    theirs : float [..., f].

    Returns
    -------
    two float [..., m]
    """
    a = own - own.mean(axis=-2, keepdims=True)
    b = (theirs - theirs.mean(axis=-1, keepdims=True))[..., None]
    size = np.sqrt((a**2).sum(axis=-2) * (b**2).sum(axis=-2))
    same = np.where(np.isnan(own), np.nan, np.sign(own) == np.sign(theirs)[..., None])
    return (a * b).sum(axis=-2) / size, same.mean(axis=-2)


def patterns(
    study: Study,
    logprob: Mapping[str, np.ndarray],
    bootstrap: Bootstrap,
    external: Study,
    external_bootstrap: Bootstrap,
) -> dict[str, Any]:
    """Return how the patterns of models, from the smallest, go with that of an external study.

    Beside them that of the labels of the study: how each feature goes with being memorized.

    Parameters
    ----------
    logprob : model -> log-probability of each continuation, float [n].
    external : labels of another model, with its features of the text.

    Returns
    -------
    dict
        ``features``: their names; ``theirs``: AUROC of each less one half; ``bands``: band ->
        ``n``; ``features``, how many vary in the band and its resamples; ``own``: model, or
        ``label`` -> partial rank correlation of each feature; ``correlation`` and ``same_sign``:
        the same -> {value, low, high}; ``growth``: the correlation of the largest model less that
        of the smallest. Resamples are of the texts of both studies, drawn independently.
    """
    columns = [
        name
        for name in study.tiers["text"]
        if name in external.features and external.features[name].nunique() > 1
    ]
    theirs, their_replicates = their_pattern(external, columns, external_bootstrap)
    their_clusters = float(external_bootstrap.effective(external.weight, external.truth))
    stratum = stratum_of(study.features[CONTINUATIONS].to_numpy())
    names = [*logprob, "label"]
    every = np.stack([*logprob.values(), study.truth], axis=1)
    found: dict[str, Any] = {"features": columns, "theirs": theirs.tolist(), "bands": {}}
    for band, strata in BANDS.items():
        rows = np.isin(stratum, [list(STRATA).index(one) for one in strata])
        own, replicates = own_pattern(study, columns, every, rows, bootstrap)
        varies = ~np.isnan(replicates[..., : len(logprob)]).any(axis=(0, 2))
        values = over_features(own[varies], theirs[varies])
        drawn = over_features(replicates[:, varies], their_replicates[:, varies])
        ones = np.ones(int(rows.sum()))
        effective = min(float(bootstrap.take(rows).effective(ones, ones > 0)), their_clusters)
        measures = {
            measure: {
                name: Replicated(float(value[k]), many[:, k], effective, scale)
                for k, name in enumerate(names)
            }
            for (measure, scale), value, many in zip(SCALES.items(), values, drawn, strict=True)
        }
        smallest, *_, largest = (measures["correlation"][name] for name in logprob)
        found["bands"][band] = {
            "n": len(ones),
            "features": int(varies.sum()),
            "effective_clusters": effective,
            "own": {name: own[:, k].tolist() for k, name in enumerate(names)},
            "growth": (largest - smallest).estimate(bootstrap.level),
        } | {
            measure: {name: one.estimate(bootstrap.level) for name, one in of.items()}
            for measure, of in measures.items()
        }
    return found
