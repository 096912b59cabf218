"""Every published number of *whether* and *when*, from the tables of predictions.

Computed once more by scikit-learn where it has weights, and by a few plain lines elsewhere; from
the files that the stages write, so that what they keep is enough.
"""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_up_study import from_the_start, histories_of, survival_study
from sklearn import metrics as theirs
from sklearn.linear_model import LogisticRegression
from sksurv.metrics import brier_score
from sksurv.util import Surv

from memorization import tables
from memorization.evaluation.bootstrap import Bootstrap
from memorization.files import write_metrics
from memorization.strata import CONTINUATIONS, DUPLICATES, STRATA
from memorization.study import Targets
from memorization.when.analyse import analyse as analyse_when
from memorization.when.models import MODELS as WHEN
from memorization.whether.analyse import analyse as analyse_whether
from memorization.whether.models import MODELS as WHETHER

N = 240
# Metrics files hold six digits.
DIGITS = 2e-5
# Ranking metrics, of which alone there are gains, strata and scores of the unexposed.
RANKED = ("auroc", "average_precision")
# Fits to other folds, and what models chose, whose predictions are not kept; and a list of rows.
NOT_KEPT = ("leakage", "chosen", "single_features", "hard_cases")
# Count -> the baseline that knows it alone.
KNOWING = {"sequence_count": "duplicate_count", "continuation_count": "continuation_count"}


@pytest.fixture(scope="module")
def study():
    """Texts of one to six rows, weights of a case-cohort sample, and rows first seen late."""
    study, _ = survival_study(N, seed=4)
    rng = np.random.default_rng(5)
    cluster = np.sort(rng.integers(0, 70, N))
    fold = cluster % 3
    counts = study.features[DUPLICATES] + rng.integers(0, 30, N) * (rng.random(N) < 0.2)
    event = study.times.event
    observed = np.where(rng.random(N) < 0.15, rng.integers(1, 8, N), 1)
    time = np.where(event, np.maximum(study.times.time, observed), study.times.time)
    targets = Targets(time, event, study.times.n_times, observed)
    histories = histories_of(targets, study.steps, study.histories.seen)
    # Some is lost again.
    lost = (rng.random((N, targets.n_times)) < 0.2) & (np.arange(1, 13) > time[:, None])
    return replace(
        study,
        features=study.features.assign(**{CONTINUATIONS: counts}),
        splits=study.splits.assign(cluster=cluster, fold=fold, exposed=np.arange(N) % 9 == 0),
        targets=targets,
        histories=replace(histories, memorized=histories.memorized & ~lost),
    )


@pytest.fixture(scope="module")
def bootstrap(study):
    return Bootstrap.of(study.cluster, 20, 0.9, np.random.default_rng(0))


def published(analysis, folder, schema, **types):
    """Return the table of predictions and the metrics, from their files."""
    write_metrics(analysis.metrics, folder / "metrics.json")
    tables.write_table(analysis.predictions.astype(types), folder / "t.parquet", schema)
    return (
        tables.read_table(folder / "t.parquet", schema),
        json.loads((folder / "metrics.json").read_text("utf-8")),
    )


def numbers(found, path=()):
    """Yield the path of every number, and the number; of an estimate, its value."""
    for key, value in found.items():
        if isinstance(value, dict) and "value" in value:
            yield (*path, key), value["value"]
        elif isinstance(value, dict):
            yield from numbers(value, (*path, key))
        else:
            yield (*path, key), value


def compare(found, expected):
    """Every number that is published is expected, and is what is expected."""
    found, expected = dict(numbers(found)), dict(numbers(expected))
    assert found.keys() == expected.keys()
    for path, value in expected.items():
        if value is None or np.isnan(value):
            assert found[path] is None, path
        else:
            assert found[path] == pytest.approx(value, rel=DIGITS, abs=1e-6), path


def gains_of(scores, baselines, names):
    """Return the differences of scores, (tier, model) -> metric -> value, from the lowest tier."""
    over_baseline, over_tier, below = {}, {}, {}
    for (tier, model), own in scores.items():
        if model in baselines:
            continue

        def less(other, own=own):
            both = [name for name in names if name in own and name in other]
            return {name: own[name] - other[name] for name in both}

        over_baseline.setdefault(tier, {})[model] = {
            # One that is scored in several tiers, in this one.
            name: less(scores.get((tier, name), other))
            for (_, name), other in scores.items()
            if name in baselines
        }
        if model in below:
            over_tier.setdefault(tier, {})[model] = less(below[model])
        below[model] = own
    text = over_without_text(scores, names)
    found = {"over_baseline": over_baseline, "over_tier_below": over_tier}
    return found | ({"over_without_text": text} if text else {})


def over_without_text(scores, names):
    """Return the differences from the model of that name, of all others that know the counts."""
    found = {}
    rest = scores.get(("corpus", "without_text"), {})
    for (tier, model), own in scores.items():
        if rest and tier != "text" and model != "without_text":
            both = [name for name in names if name in own and name in rest]
            found.setdefault(tier, {})[model] = {name: own[name] - rest[name] for name in both}
    return found


def best_of(scores, baselines, names):
    """Return what each model gains over the best baseline, metric by metric."""
    found = {}
    for (tier, model), own in scores.items():
        if model in baselines:
            continue
        for name in names:
            if name in own:
                sign = -1 if name == "absolute_error_steps" else 1
                rivals = [other[name] for (_, m), other in scores.items() if m in baselines]
                best = max(sign * value for value in rivals)
                found.setdefault(tier, {}).setdefault(model, {})[name] = own[name] - sign * best
    return found


def nested(scores):
    found = {}
    for (tier, model), own in scores.items():
        found.setdefault(tier, {})[model] = own
    return found


def within_folds(truth, score, weight, fold):
    """Return the area of pairs within a fold: scikit-learn's of each, by its pairs' weight."""
    area = pairs = 0.0
    for rows in (fold == name for name in np.unique(fold)):
        size = weight[rows & truth].sum() * weight[rows & ~truth].sum()
        if size:
            area += size * theirs.roc_auc_score(
                truth[rows], score[rows], sample_weight=weight[rows]
            )
            pairs += size
    return area / pairs if pairs else np.nan


# ---- Whether


def ranked(rows):
    truth, p, weight = (rows[name].to_numpy() for name in ("truth", "probability", "weight"))
    return {
        "auroc": within_folds(truth, p, weight, rows["fold"].to_numpy()),
        "average_precision": theirs.average_precision_score(truth, p, sample_weight=weight),
    }


def slope(truth, p, weight):
    log_odds = np.log(p / (1 - p))[:, None]
    plain = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    return plain.fit(log_odds, truth, sample_weight=weight).coef_[0, 0]


def whether_scores(rows):
    truth, p, said, weight = (
        rows[name].to_numpy() for name in ("truth", "probability", "positive", "weight")
    )
    constant = rows.groupby("fold")["probability"].nunique().max() == 1
    return ranked(rows) | {
        "brier": theirs.brier_score_loss(truth, p, sample_weight=weight),
        "calibration_slope": np.nan if constant else slope(truth, p, weight),
        "log_loss": theirs.log_loss(truth, p, sample_weight=weight),
        "observed_to_expected": (weight * truth).sum() / (weight * p).sum(),
        "accuracy": theirs.accuracy_score(truth, said, sample_weight=weight),
        "f1": theirs.f1_score(truth, said, sample_weight=weight),
        "precision": theirs.precision_score(truth, said, sample_weight=weight),
        "recall": theirs.recall_score(truth, said, sample_weight=weight),
    }


def ranked_among(parts, some, baseline=None):
    """Return the rankings among some rows, with gains over a model; none where of one class."""
    own = {key: rows[rows["index"].isin(some)] for key, rows in parts.items()}
    if next(iter(own.values()))["truth"].nunique() < 2:
        return {}
    found = {key: ranked(rows) for key, rows in own.items()}
    known = next((key for key in found if key[1] == baseline), None)
    text = over_without_text(found, RANKED)
    for key in found:
        if known is not None and key != known:
            less = {f"{name}_gain": found[key][name] - found[known][name] for name in RANKED}
            found[key] = found[key] | less
    return nested(found) | {"over_without_text": text}


def test_whether_is_what_its_predictions_say(study, bootstrap, tmp_path):
    models = {name: WHETHER[name] for name in ("logistic", "without_text")}
    analysis = analyse_whether(study, models, bootstrap)
    table, found = published(analysis, tmp_path, tables.WHETHER, fold="int32")
    features = study.features.set_axis(study.index)
    counts = {name: features[f"duplication.{name}"] for name in KNOWING}
    known = pd.DataFrame(
        {
            "index": study.index,
            "truth": study.truth,
            "weight": study.weight,
            "exposed": study.splits["exposed"],
        }
    )
    table = table.merge(known, on="index")
    parts = dict(iter(table.groupby(["tier", "model"], sort=False)))
    scores = {key: whether_scores(rows) for key, rows in parts.items()}
    clean = known.loc[~known["exposed"]]
    known = known.set_index("index")
    strata = {}
    for name, count in counts.items():
        strata[name] = {}
        ends = [*list(STRATA.values())[1:], np.inf]
        for (stratum, least), end in zip(STRATA.items(), ends, strict=True):
            own = known[(count >= least) & (count < end)]
            if len(own):
                cases = own.index[own["truth"]]
                strata[name][stratum] = {
                    "n": len(own),
                    "cases": len(cases),
                    "population": own["weight"].sum(),
                    "prevalence": np.average(own["truth"], weights=own["weight"]),
                    **ranked_among(parts, own.index, KNOWING[name]),
                }
            if len(own) and len(cases):
                strata[name][stratum]["counts_of_cases"] = {
                    n: {"least": c[cases].min(), "most": c[cases].max()} for n, c in counts.items()
                }
    baselines = {model for _, model in parts} - models.keys()
    doubtful = [
        name
        for name, stratum in strata["continuation_count"].items()
        if 0.05 <= stratum["prevalence"] <= 0.95
    ]
    assert doubtful
    assert found["uncertain"].pop("strata") == doubtful
    least = list(STRATA)
    among = {"repeated": counts["continuation_count"] >= 5}
    among["uncertain"] = [
        least[np.searchsorted(list(STRATA.values()), c, side="right") - 1] in doubtful
        for c in counts["continuation_count"]
    ]
    scores_among = {}
    for name, rows in among.items():
        own = known[rows]
        cases = pd.Series(study.cluster, study.index)[own.index[own["truth"]]].value_counts()
        scores_among[name] = {
            "n": len(own),
            "cases": own["truth"].sum(),
            "effective_clusters": cases.sum() ** 2 / (cases**2).sum(),
            **ranked_among(parts, own.index, "continuation_count"),
        }
    # A cell: of one stratum, one fifth of the surprisals, and one fold.
    fifth = pd.qcut(features["surprisal.mean"], 5, labels=False)
    band = np.searchsorted(list(STRATA.values()), counts["continuation_count"], side="right")
    cell = (10 * (5 * band + fifth) + pd.Series(study.fold, study.index)).astype(int)
    kinds = known["truth"].groupby(cell).transform("nunique")
    alike = known.index[kinds == 2]
    matched = {"n": len(alike), "cases": known.loc[alike, "truth"].sum()}
    for (tier, model), rows in parts.items():
        own = rows.set_index("index").loc[alike]
        values = (own[name].to_numpy() for name in ("truth", "probability", "weight"))
        area = within_folds(*values, cell.loc[alike].to_numpy())
        matched.setdefault(tier, {})[model] = area
    compare(
        {key: value for key, value in found.items() if key not in NOT_KEPT},
        nested(scores)
        | {
            "n": N,
            "cases": study.truth.sum(),
            "prevalence": np.average(study.truth, weights=study.weight),
            "matched": matched,
            "gains": gains_of(scores, baselines, RANKED),
            "strata": strata,
            **scores_among,
            "unexposed": {
                "n": len(clean),
                "cases": clean["truth"].sum(),
                **ranked_among(parts, clean["index"]),
            },
        },
    )


# ---- When


def concordance(study, risk, some):
    """Go through the pairs of some rows, of one fold and different clusters."""
    times, fold, cluster = study.times, study.fold, study.cluster
    right = known = 0.0
    for i in np.flatnonzero(some & times.event):
        # Of an event first seen late it is only known that it was by then: it is never the later.
        later = some & ~times.left_censored & (fold == fold[i]) & (cluster != cluster[i])
        later &= (times.time > times.time[i]) | ((times.time == times.time[i]) & ~times.event)
        pair = study.weight[i] * study.weight[later]
        known += pair.sum()
        right += (pair * ((risk[i] > risk[later]) + 0.5 * (risk[i] == risk[later]))).sum()
    return right / known


def integrated_error(study, survival):
    """Return the Brier score over the share of training in which a row's state is known."""
    times, steps = study.times, study.steps
    above = below = 0.0
    for i in range(N):
        first = times.first_evaluation[i]
        places = np.arange(first - 1, times.n_times)
        alive = ~(times.event[i] & (times.time[i] <= places + 1))
        squares, grid = (alive - survival[i, places]) ** 2, steps[places]
        if first == 1:
            squares, grid = np.r_[0, squares], np.r_[0, grid]
        above += study.weight[i] * np.trapezoid(squares, grid)
        below += study.weight[i] * (grid[-1] - grid[0])
    return above / below


def when_scores(study, survival):
    times, steps, weight = study.times, study.steps, study.weight
    event, exact = times.event, times.event & ~times.left_censored
    free = np.trapezoid(np.c_[np.ones(N), survival], np.r_[0, steps], axis=1)
    mass = np.c_[np.ones(N), survival[:, :-1]] - survival
    mean = (mass * steps).sum(axis=1) / mass.sum(axis=1)
    half = [np.flatnonzero(1 - s >= (1 - s[-1]) / 2)[0] for s in survival[exact]]
    error = np.abs(steps[half] - steps[times.time[exact] - 1])
    found = {
        "concordance": concordance(study, -free, np.ones(N, bool)),
        "concordance_memorized": concordance(study, -mean, event),
        "integrated_brier": integrated_error(study, survival),
        "absolute_error_steps": np.average(error, weights=weight[exact]),
    }
    for percent in (25, 50, 75, 100):
        at = np.flatnonzero(steps >= steps[-1] * percent / 100)[0] + 1
        seen = times.first_evaluation <= at
        by_then, risk = (event & (times.time <= at))[seen], 1 - survival[seen, at - 1]
        own, fold = weight[seen], study.fold[seen]
        found[f"auroc_at_{percent}"] = within_folds(by_then, risk, own, fold)
        found[f"observed_to_expected_at_{percent}"] = (own * by_then).sum() / (own * risk).sum()
    return found


def state_scores(study, memorized):
    """Go through the looks at which a state was seen, each with its share of training."""
    histories, weight = study.histories, study.weight
    seen, truth = histories.observed, histories.memorized
    length = np.diff(study.steps, prepend=0) * weight[:, None]
    found = {
        "state_brier": theirs.brier_score_loss(
            truth[seen], memorized[seen], sample_weight=length[seen]
        )
    }
    for percent in (25, 50, 75, 100):
        at = np.flatnonzero(study.steps >= study.steps[-1] * percent / 100)[0]
        own = seen[:, at]
        state, risk, w = truth[own, at], memorized[own, at], weight[own]
        found[f"state_auroc_at_{percent}"] = within_folds(state, risk, w, study.fold[own])
        found[f"state_observed_to_expected_at_{percent}"] = (w * state).sum() / (w * risk).sum()
    return found


def turnbull(study):
    """Return the share with the event by each checkpoint, iterated from any start (EM)."""
    times, weight = study.times, study.weight
    could = np.zeros((N, times.n_times + 1), bool)
    for i in range(N):
        last = times.time[i] - 1
        if times.left_censored[i]:
            could[i, : last + 1] = True
        else:
            could[i, last if times.event[i] else -1] = True
    mass = np.full(times.n_times + 1, 1 / (times.n_times + 1))
    for _ in range(3000):
        share = could * mass
        mass = weight @ (share / share.sum(axis=1, keepdims=True)) / weight.sum()
    return np.cumsum(mass[:-1])


def test_when_is_what_its_predictions_say(study, bootstrap, tmp_path):
    models = {
        name: WHEN[name] for name in ("kaplan_meier", "kaplan_meier_strata", "logistic", "aft")
    }
    analysis = analyse_when(study, models, bootstrap)
    table, found = published(analysis, tmp_path, tables.WHEN)
    times = study.times
    survival = {
        key: rows.set_index("index").loc[study.index]
        for key, rows in table.groupby(["tier", "model"], sort=False)
    }
    scores = {}
    for key, rows in survival.items():
        scores[key] = when_scores(study, tables.curves_matrix(rows["survival"]))
        if key[1] == "aft":
            assert rows["memorized"].isna().all()
        else:
            scores[key] |= state_scores(study, tables.curves_matrix(rows["memorized"]))
    reference = scores["text", "kaplan_meier"]
    for own in scores.values():
        own["brier_skill"] = 1 - own["integrated_brier"] / reference["integrated_brier"]
        if "state_brier" in own:
            own["state_skill"] = 1 - own["state_brier"] / reference["state_brier"]
    happened = turnbull(study)
    quantiles = {
        f"{q}%": int(study.steps[np.flatnonzero(happened >= q / 100 * happened[-1])[0]])
        for q in (10, 50, 90)
    }
    names = ("concordance", "concordance_memorized", "brier_skill", "absolute_error_steps")
    names += ("state_skill",)
    baselines = {"kaplan_meier", "kaplan_meier_strata"}
    gains = gains_of(scores, baselines, names)
    gains["over_best_baseline"] = best_of(scores, baselines, names)
    # Of other data, or of fewer rows, by the same functions.
    found = {
        key: of for key, of in found.items() if key not in ("bands", "effects", "not_identified")
    }
    compare(
        found,
        nested(scores)
        | {
            "n": N,
            "n_events": times.event.sum(),
            "n_left_censored": times.left_censored.sum(),
            "checkpoints": times.n_times,
            "population_fraction": np.average(times.event, weights=study.weight),
            "event_step_quantiles": quantiles,
            "gains": gains,
            "left_out": {},
        },
    )


def test_the_plain_integral_is_scikit_survivals_without_weights_or_late_rows(study):
    """So that what the above compares with is not of our own making alone."""
    rng = np.random.default_rng(7)
    times = study.times
    plain = replace(
        study,
        weight=np.ones(N),
        targets=from_the_start(times.time, times.event, times.n_times),
    )
    survival = np.sort(rng.random((N, times.n_times)), axis=1)[:, ::-1]
    outcome = Surv.from_arrays(times.event, times.time)
    _, scores = brier_score(outcome, outcome, survival[:, :-1], np.arange(1, times.n_times))
    at_end = np.mean((~times.event - survival[:, -1]) ** 2)
    expected = np.trapezoid(np.r_[0, scores, at_end], np.r_[0, plain.steps]) / plain.steps[-1]
    assert integrated_error(plain, survival) == pytest.approx(expected)
