"""Are forecast states calibrated? python benchmarks/state_calibration.py

Draws studies as in simulated_studies.py, where some features of the text matter and some do not,
and where the true probability of being memorized at each checkpoint is known: from the true chances
by the recursion that the forecasts themselves use. Every model of onset and loss, cross-fitted over
folds of clusters as when.json has it, forecasts that probability out of fold, fitted with the
weights of the design and without. All is scored with them, in the population: calibration against
the states as drawn, errors against the truth. Writes docs/state_calibration.json and the table in
docs/intervals.md; 40 repetitions took 82 minutes of CPU time on the slower of the two machines of
docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pages import put
from scipy.optimize import brentq
from scipy.special import expit, logit
from simulated_studies import CHECKPOINTS, CLUSTERS, SCENARIOS, drawn, looked_at_late
from threadpoolctl import threadpool_limits

from memorization.evaluation.crossfit import candidates, cross_fit
from memorization.evaluation.metrics.probability import EPSILON, calibration_slope
from memorization.files import write_metrics
from memorization.intensities.forward import forward
from memorization.report.wording import model_name
from memorization.strata import CONTINUATIONS
from memorization.study import Histories, Study
from memorization.study.targets import Targets
from memorization.when.models import MODELS
from memorization.when.scores import milestones

# Of the 40 checkpoints, those nearest to the seven published evaluations of Pythia-12b.
SEVEN = np.array([6, 12, 18, 23, 29, 34, 40]) - 1
# Log-odds that a standard deviation of a feature of the text adds, or its being high.
LINEAR = {
    "compressibility.zlib_ratio": {"first": -0.6, "again": -0.3, "loss": 0.3},
    "surface.sequence_digits": {"first": 0.4, "again": 0.2, "loss": -0.2},
}
# One matters only where it is high, which no model that is linear in it can say.
HIGH = {"repetition.periodicity": {"first": 1.5, "again": 0.7, "loss": -0.7}}
# These do not matter. The first goes with one that does.
IDLE = (
    "compressibility.token_entropy",
    "surface.depth",
    "surface.sequence_space",
    "register.code",
    "layout.line_prefix",
)
JUDGED = {name: MODELS[name] for name in ("exposure_clock", "logistic", "boosting")}
WEIGHTS = ("weighted", "unweighted")
# Of the true probability, between which the error is told apart.
BINS = (0.0, 0.02, 0.1, 0.3, 0.7, 1.0)
# In the cells of the table.
SHOWN = ("observed_to_expected", "slope", "attained")
PAGE = Path("docs/intervals.md")

# A sum, and what it is divided by, of one study: over studies, sums are divided by sums.
Parts = tuple[float, float]


def texts(rng: np.random.Generator) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Return features of `CLUSTERS` texts, standard normal; and transition -> what they add."""
    names = [*LINEAR, *HIGH, *IDLE]
    features = pd.DataFrame(rng.normal(size=(CLUSTERS, len(names))), columns=names)
    features[IDLE[0]] = 0.6 * features[IDLE[0]] + 0.8 * features[next(iter(LINEAR))]
    effect = {
        name: sum(
            (features[column].to_numpy() * of[name] for column, of in LINEAR.items()),
            start=sum((features[column].to_numpy() > 1) * of[name] for column, of in HIGH.items()),
        )
        for name in ("first", "again", "loss")
    }
    return features, effect


def studied(scenario: str, seed: int) -> tuple[Study, np.ndarray]:
    """Return a study as a scenario sees it, and the true probabilities, float [n, c].

    Of one seed the scenarios see the same study. Looked at seven times, memory comes and goes
    unseen in between.
    """
    rng = np.random.default_rng(seed)
    simulated = drawn(rng, CHECKPOINTS, *texts(rng))
    study, own = simulated.study, simulated.chances
    truth = forward(own["first"][:, :, 0], own["again"], own["loss"]).memorized
    if scenario == "late":
        study = looked_at_late(study, rng)
    histories = study.known_histories
    assert histories.seen is not None
    looks = SEVEN if scenario == "seven" else np.arange(CHECKPOINTS)
    states, observed, seen = (
        of[:, looks] for of in (histories.memorized, histories.observed, histories.seen)
    )
    study = replace(
        study,
        features=study.features.assign(**{CONTINUATIONS: histories.seen[:, -1]}),
        seed=seed,
        steps=histories.steps[looks],
        histories=Histories(states, observed, histories.steps[looks], seen),
        targets=first_onsets(states, observed),
    )
    return study, truth[:, looks]


def first_onsets(states: np.ndarray, observed: np.ndarray) -> Targets:
    """Return the times of the first onsets of states at c checkpoints, bool [n, c]."""
    event, c = states.any(axis=1), states.shape[1]
    time = np.where(event, states.argmax(axis=1) + 1, c)
    return Targets(time, event, c, observed.argmax(axis=1) + 1)


def forecasts(study: Study) -> Iterator[tuple[str, np.ndarray]]:
    """Yield tier/model/weights and the probability of being memorized, out of fold, float [n, c].

    Of every model at every tier that when.json has it at, fitted to rows that stand for their
    weight and to rows that stand for themselves.
    """
    alike = replace(study, weight=np.ones(len(study)))
    for run in candidates(JUDGED, study.tiers, "when")[0]:
        for name, rows in zip(WEIGHTS, (study, alike), strict=True):
            yield f"{run.tier}/{run.name}/{name}", cross_fit(run, study, rows).prediction[:, 1]


def scores(study: Study, truth: np.ndarray, forecast: np.ndarray) -> dict[str, Parts]:
    """Return how right a forecast of the states is, in the population, over training.

    - ``intercept``, ``slope``: of the states on the log-odds of the forecast: by how much all
      log-odds are too low, and how much too close to each other they are (0 and 1 are right).
    - ``observed_to_expected``, ``…_at_P``: the memorized, per predicted one; at P % of training.
    - ``absolute_error``, ``…_A_B``: of the probability; where the true one is from A to B.
    - ``skill``: share of the squared error that is saved, against the true share memorized at each
      checkpoint; ``attainable_skill``: by the true probabilities; ``attained``: the part of it that
      the forecast reaches, without the luck of the draw.

    Parameters
    ----------
    truth, forecast : float [n, c], probability of being memorized at each checkpoint.
    """
    histories = study.known_histories
    looked = histories.observed
    length = np.diff(histories.steps, prepend=0) / histories.steps[-1]
    weight = study.weight[:, None] * looked * length
    share = np.broadcast_to((weight * truth).sum(axis=0) / weight.sum(axis=0), truth.shape)
    y, p, q, base, w = (
        of[looked] for of in (histories.memorized, truth, forecast, share, weight / weight.sum())
    )

    def error(of: np.ndarray, to: np.ndarray) -> float:
        return float(w @ (of - to) ** 2)

    def ratio(above: np.ndarray, below: np.ndarray, where: np.ndarray) -> Parts:
        return float((where * w) @ above), float((where * w) @ below)

    one, off = np.ones(len(y)), np.abs(p - q)
    found = {
        "intercept": _alone(calibration_intercept(y, q, w)),
        "slope": _alone(float(calibration_slope(y, q, w))),
        "observed_to_expected": ratio(y, q, one),
        "absolute_error": ratio(off, one, one),
        "skill": (error(base, y) - error(q, y), error(base, y)),
        "attainable_skill": (error(base, y) - error(p, y), error(base, y)),
        "attained": (error(base, p) - error(q, p), error(base, p)),
    }
    place = np.broadcast_to(np.arange(1, looked.shape[1] + 1), looked.shape)[looked]
    for percent, at in milestones(histories.steps).items():
        found[f"observed_to_expected_at_{percent}"] = ratio(y, q, place == at)
    for low, high in pairwise(BINS):
        found[f"absolute_error_{low}_{high}"] = ratio(off, one, (low <= p) & (p < high))
    return found


def calibration_intercept(truth: np.ndarray, forecast: np.ndarray, weight: np.ndarray) -> float:
    """Return what must be added to the log-odds of a forecast, so that it expects what happened.

    NaN where nothing happened, or nothing else.
    """
    log_odds = logit(np.clip(forecast, EPSILON, 1 - EPSILON))
    happened, total = float(weight @ truth), float(weight.sum())
    if not 0 < happened < total:
        return float("nan")
    # The log-odds of what is clipped are at most 37 from 0.
    return float(brentq(lambda more: weight @ expit(log_odds + more) - happened, -100, 100))


def _alone(value: float) -> Parts:
    """Return a value that each study has one of, or none."""
    return (0.0, 0.0) if np.isnan(value) else (value, 1.0)


def trial(scenario: str, seed: int) -> dict[str, dict[str, Parts]]:
    """Return tier/model/weights -> the scores of one study; and of the ``truth`` itself."""
    study, truth = studied(scenario, seed)
    with threadpool_limits(1):
        found = {name: scores(study, truth, forecast) for name, forecast in forecasts(study)}
    return found | {"truth": scores(study, truth, truth)}


def summary(trials: list[dict[str, dict[str, Parts]]]) -> dict[str, Any]:
    """Return tier/model/weights -> score -> its value over studies and its Monte-Carlo error.

    And tier/model/change: what it is changed by where the weights are left out, study by study.
    """
    found: dict[str, Any] = {}
    for name in trials[0]:
        own = {score: _pooled([of[name][score] for of in trials]) for score in trials[0][name]}
        found[name] = {score: _estimate(*of) for score, of in own.items()}
        model, _, weights = name.rpartition("/")
        if weights == WEIGHTS[0]:
            found[f"{model}/change"] = change = {}
            for score, (value, influence) in own.items():
                less = _pooled([of[f"{model}/{WEIGHTS[1]}"][score] for of in trials])
                change[score] = _estimate(less[0] - value, less[1] - influence)
    return found


def _pooled(parts: list[Parts]) -> tuple[float, np.ndarray]:
    """Return the ratio of sums over studies, and what each study moves it by (the delta method)."""
    above, below = np.array(parts).T
    if not below.any():
        return float("nan"), np.full(len(below), np.nan)
    value = above.sum() / below.sum()
    return float(value), (above - value * below) / below.mean()


def _estimate(value: float, influence: np.ndarray) -> dict[str, float]:
    return {"value": value, "error": float(influence.std(ddof=1) / np.sqrt(len(influence)))}


def table(found: dict[str, Any]) -> str:
    """Return a row for each model and one for the truth, in Markdown: see docs/intervals.md."""
    heads = [*SCENARIOS.values(), f"{SCENARIOS['every']}, without weights"]
    lines = [f"|  | {' | '.join(heads)} |", "| --- |" + " --: |" * len(heads)]
    shown: list[dict[str, Any]] = []
    for name in (name for name in found["every"] if name.endswith(f"/{WEIGHTS[0]}")):
        tier, model, _ = name.split("/")
        own = [found[scenario][name] for scenario in SCENARIOS]
        own.append(found["every"][f"{tier}/{model}/{WEIGHTS[1]}"])
        lines.append(f"| {model_name(model)}, {tier} | {' | '.join(map(_cell, own))} |")
        shown += own
    own = [found[scenario]["truth"] for scenario in SCENARIOS]
    lines.append(f"| the true probabilities | {' | '.join(map(_cell, own))} | — |")
    most = [max(of[score]["error"] for of in (*shown, *own)) for score in SHOWN]
    errors = "Monte-Carlo standard errors are at most {:.3f}, {:.3f} and {:.1%}."
    return "\n".join([*lines, "", errors.format(*most)])


def _cell(own: dict[str, Any]) -> str:
    return "{:.2f}, {:.2f}, {:.0%}".format(*(own[score]["value"] for score in SHOWN))


def main() -> None:
    """Run the scenarios, and write the numbers and the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=40)
    arguments = parser.parse_args()
    if arguments.repetitions < 2:
        parser.error("--repetitions: of fewer than 2 there is no Monte-Carlo error; ask for more")
    found: dict[str, Any] = {}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for scenario in SCENARIOS:
            trials = list(pool.map(partial(trial, scenario), range(arguments.repetitions)))
            found[scenario] = summary(trials)
            print(scenario, flush=True)
    write_metrics(
        {"repetitions": arguments.repetitions, **found}, Path("docs/state_calibration.json")
    )
    put(PAGE, "states", table(found))


if __name__ == "__main__":
    main()
