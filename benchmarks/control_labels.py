"""Classifiers fitted to the labels of some rows and judged by the labels of others: the controls
of controls.py that change what a classifier learns from, and nothing else.

Each is a function of a candidate and of what is `Given`. In every comparison a row is predicted by
models that have not seen its fold, whoever's labels they were fitted to, and the rows that are
judged are the same: all, and those where the count leaves the end in doubt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from memorization.evaluation.bootstrap import Bootstrap
from memorization.evaluation.crossfit import Candidate, CrossFit, Model, cross_fit
from memorization.evaluation.metrics.ranking import auroc_within
from memorization.randomness import generator
from memorization.strata import CONTINUATIONS, STRATA, stratum_of
from memorization.study import Study
from memorization.whether.importance import permutation_importance
from memorization.whether.models.classifier import FeatureModel
from memorization.whether.models.single_feature import single_feature_scores
from memorization.whether.scores import uncertain

PERMUTATIONS = 24
# The feature whose values are replaced by the label and noise, of so many standard deviations.
DISGUISE = "surface.prompt_entropy"
NOISE = (0.5, 1.0, 2.0)
# A domain, or a model, is tested if so many rows are memorized, and so many are not.
FEWEST = 100
# Resamples behind an importance, of which there are hundreds.
IMPORTANCE_REPLICATES = 200


@dataclass(frozen=True)
class Given:
    """What the controls take, all of the n rows of one study, in its order.

    Attributes
    ----------
    study : of the target's labels, with the features of the tiers that are tried.
    bootstrap : resamples of its clusters.
    domain, step : of each row, object and int [n]: where its text is from, when it is trained on.
    sizes : model -> whether it has memorized each row, bool [n]; the last is the target.
    seeds : seed -> the same windows under another seed: its labels, and its features, some of which
        tell the order of training.
    whole : which rows have text enough behind them for a later window, bool [n].
    offsets : offset -> the whole rows as they are from so many tokens on: text and features of the
        text, and whether the target has memorized them there; 0 among them.
    fitted : key of a candidate -> its models of the study as it is.
    """

    study: Study
    bootstrap: Bootstrap
    domain: np.ndarray
    step: np.ndarray
    sizes: Mapping[str, np.ndarray]
    seeds: Mapping[int, Study]
    whole: np.ndarray
    offsets: Mapping[int, Study]
    fitted: Mapping[tuple[str, str], CrossFit] = field(default_factory=dict)


def parts_of(study: Study) -> dict[str, np.ndarray]:
    """Return which rows are judged, by name, bool [n]: ``all``, and ``uncertain``.

    The second are those in the strata of the count that `memorization.whether.scores.uncertain`
    finds in doubt, by the labels of this study; there may be none.
    """
    nothing = Bootstrap.of(study.cluster, 1, 0.95, np.random.default_rng(0))
    doubtful = uncertain(study, CONTINUATIONS, {}, nothing)["strata"]
    names = np.array(list(STRATA))[stratum_of(study.features[CONTINUATIONS].to_numpy())]
    return {"all": np.ones(len(study), bool), "uncertain": np.isin(names, doubtful)}


def compared(
    test: Study,
    predictions: Mapping[str, np.ndarray],
    bootstrap: Bootstrap,
    parts: Mapping[str, np.ndarray],
    own: str,
) -> dict[str, Any]:
    """Return the AUROC of predictions of the same rows, and what the others have more than one.

    Parameters
    ----------
    predictions : by what the models were fitted to, float [n].
    parts : rows to judge, by name, bool [n].
    own : the prediction that the others are compared with.

    Returns
    -------
    dict
        part -> ``n``, ``cases``; and, where both classes are there, ``effective_clusters`` and
        ``auroc``, and ``gain`` over ``own``: what it was fitted to -> {value, low, high}.
    """
    found: dict[str, Any] = {}
    for name, rows in parts.items():
        part, drawn = test.take(rows), bootstrap.take(rows)
        found[name] = {"n": len(part), "cases": int(part.truth.sum())}
        if not part.truth.any() or part.truth.all():
            continue
        metric = auroc_within(part.fold)
        ranked = {
            key: drawn.replicated(metric, part.truth, of[rows], part.weight)
            for key, of in predictions.items()
        }
        found[name] |= {
            "effective_clusters": ranked[own].effective,
            "auroc": {key: one.estimate(drawn.level) for key, one in ranked.items()},
            "gain": {
                key: (one - ranked[own]).estimate(drawn.level)
                for key, one in ranked.items()
                if key != own
            },
        }
    return found


def predicted(fitted: Mapping[int, Model], test: Study) -> np.ndarray:
    """Return each row's prediction by the model that was fitted without its fold, float [n]."""
    found = np.empty(len(test))
    for fold, model in fitted.items():
        found[test.fold == fold] = model.predict(test, test.fold == fold)
    return found


# ---- 1. Permuted labels


def permuted(truth: np.ndarray, cluster: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the labels of other clusters, bool [n]; as many are true as were.

    The clusters stay as they are, and so do their sizes. Their labels are laid end to end in one
    random order of the clusters and read off in another, so that labels of one text stay together.

    >>> truth, cluster = np.array([1, 1, 0, 0, 0], bool), np.array([7, 7, 3, 3, 5])
    >>> int(permuted(truth, cluster, np.random.default_rng(0)).sum())
    2
    """
    names, own = np.unique(cluster, return_inverse=True)
    source, target = (np.argsort(rng.permutation(len(names))[own], kind="stable") for _ in range(2))
    found = np.empty_like(truth)
    found[target] = truth[source]
    return found


def permuted_labels(candidate: Candidate, given: Given) -> dict[str, Any]:
    """Return the AUROC of a model that is fitted to permuted labels and judged by them.

    Returns
    -------
    dict
        permutation -> as `compared`; each permutation is the same for every candidate.
    """
    study, parts = given.study, parts_of(given.study)
    found = {}
    for k in range(PERMUTATIONS):
        rng = generator(study.seed, f"controls/permuted/{k}")
        other = replace(study, truth=permuted(study.truth, study.cluster, rng))
        prediction = cross_fit(candidate, other).prediction
        found[str(k)] = compared(other, {"own": prediction}, given.bootstrap, parts, "own")
    return found


# ---- 2. A disguised label


def disguised(study: Study, noise: float) -> Study:
    """Return the study with the label and noise in the place of a feature's values."""
    rng = generator(study.seed, f"controls/disguised/{noise}")
    values = study.truth + noise * rng.normal(size=len(study))
    return replace(study, features=study.features.assign(**{DISGUISE: values}))


def disguised_label(candidate: Candidate, given: Given) -> dict[str, Any]:
    """Return what the project reports of a feature that is the label and noise.

    Returns
    -------
    dict
        noise -> ``alone``: the feature's ``average_precision`` by itself, its ``rank`` among the
        features of the tier, and the ``next`` of these; ``importance``: {value, low, high}, and
        ``importance_rank``; ``model``: as `compared`, over the model of the ``honest`` feature.
        Empty for a model that uses no features.
    """
    if not issubclass(candidate.model, FeatureModel):
        return {}
    study, parts = given.study, parts_of(given.study)
    found = {}
    for noise in NOISE:
        own = disguised(study, noise).only(candidate.columns)
        fitted = cross_fit(candidate, own)
        alone = pd.Series(single_feature_scores(own)).sort_values(ascending=False)
        table = permutation_importance(
            fitted.fitted,
            own,
            given.bootstrap.first(IMPORTANCE_REPLICATES),
            generator(study.seed, f"{candidate.purpose}/importance"),
        ).set_index("feature")
        # Families are reported beside features; the disguise is one of the latter.
        table = table.loc[table.index.isin(own.features.columns)]
        importance = table.loc[DISGUISE].rename({"importance": "value"}).astype(float)
        predictions = {
            "disguised": fitted.prediction,
            "honest": given.fitted[candidate.key].prediction,
        }
        found[str(noise)] = {
            "alone": {
                "average_precision": float(alone[DISGUISE]),
                "rank": 1 + list(alone.index).index(DISGUISE),
                "next": float(alone.drop(DISGUISE).iloc[0]),
            },
            "importance": importance.to_dict(),
            "importance_rank": 1 + list(table.index).index(DISGUISE),
            "model": compared(study, predictions, given.bootstrap, parts, "honest"),
        }
    return found


# ---- 3. Other domains


def judged_domains(domain: np.ndarray, truth: np.ndarray) -> list[str]:
    """Return the domains in which enough is memorized, and enough is not, to judge a model."""
    return [
        name
        for name in sorted(set(domain))
        if min(truth[domain == name].sum(), (~truth)[domain == name].sum()) >= FEWEST
    ]


def without(study: Study, inside: np.ndarray) -> np.ndarray:
    """Return which rows share no text with those inside, bool [n]."""
    return ~np.isin(study.cluster, np.unique(study.cluster[inside]))


def other_domains(candidate: Candidate, given: Given) -> dict[str, Any]:
    """Return the AUROC within domains of models fitted to the others, to it, and to all.

    Returns
    -------
    dict
        domain, and ``together``, over pairs of one domain -> as `compared`: models fitted to
        ``other`` domains, to ``own``, and to ``all``, which the two are compared with; the last
        two out of fold.
    """
    study = given.study
    names = judged_domains(given.domain, study.truth)
    predictions = {
        "all": given.fitted[candidate.key].prediction,
        "own": np.full(len(study), np.nan),
        "other": np.full(len(study), np.nan),
    }
    for name in names:
        inside = given.domain == name
        test = study.take(inside)
        predictions["own"][inside] = cross_fit(candidate, test).prediction
        elsewhere = candidate.fit(study, without(study, inside))
        predictions["other"][inside] = elsewhere.predict(test, np.arange(len(test)))
    # Scores that are compared are of one model: of one domain, and of one fold.
    place = np.unique(given.domain.astype(str), return_inverse=True)[1]
    cells = study.splits.assign(fold=place * (1 + study.fold.max()) + study.fold)
    celled = replace(study, splits=cells)
    rows_of = {"together": np.isin(given.domain, names)}
    rows_of |= {name: given.domain == name for name in names}
    return {
        name: compared(
            celled,
            predictions,
            given.bootstrap,
            {part: rows & own for part, rows in parts_of(study).items()},
            "all",
        )
        for name, own in rows_of.items()
    }


# ---- 4. Another size


def other_sizes(candidate: Candidate, given: Given) -> dict[str, Any]:
    """Return model -> as `compared`: fitted to the labels of each size, judged by those of one.

    Of a model that has memorized fewer than `FEWEST` rows only ``n`` and ``cases`` are told.
    """
    known = {name: of for name, of in given.sizes.items() if of.sum() >= FEWEST}
    predictions = {
        name: cross_fit(candidate, replace(given.study, truth=truth)).prediction
        for name, truth in known.items()
    }
    found: dict[str, Any] = {}
    for name, truth in given.sizes.items():
        test = replace(given.study, truth=truth)
        if name in known:
            found[name] = compared(test, predictions, given.bootstrap, parts_of(test), name)
        else:
            found[name] = {"all": {"n": len(test), "cases": int(truth.sum())}}
    return found


# ---- 5. Another seed


def other_seeds(candidate: Candidate, given: Given) -> dict[str, Any]:
    """Return seed -> as `compared`: fitted to the labels of this study's seed, and of its own."""
    found = {}
    for seed, test in given.seeds.items():
        predictions = {
            str(given.study.seed): predicted(given.fitted[candidate.key].fitted, test),
            str(seed): cross_fit(candidate, test).prediction,
        }
        found[str(seed)] = compared(test, predictions, given.bootstrap, parts_of(test), str(seed))
    return found


# ---- 6. Another half of training


def other_halves(candidate: Candidate, given: Given) -> dict[str, Any]:
    """Return half -> as `compared`: fitted to the rows that are trained on in either half."""
    study = given.study
    first = given.step <= given.step.max() / 2
    halves = {"first": first, "second": ~first}
    predictions = {
        name: cross_fit(candidate, study, study.take(rows)).prediction
        for name, rows in halves.items()
    }
    return {
        name: compared(
            study,
            predictions,
            given.bootstrap,
            {part: rows & own for part, rows in parts_of(study).items()},
            name,
        )
        for name, own in halves.items()
    }
