"""How does *when* grow with the number of sequences that are followed at 143 checkpoints?

python benchmarks/when_scale.py [10000 30000 100000]

One fit and one evaluation of each intensity model on 60 features and exposures that change over
time: no penalty is tuned and nothing is cross-fitted. Beside them lifelines' time-varying Cox
regression (on three features) and scikit-survival's random survival forest, at the sizes that they
reach in the same time. Each runs in a process of its own, on one thread a model.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from lifelines import CoxTimeVaryingFitter
from scipy.special import expit
from sksurv.ensemble import RandomSurvivalForest
from sksurv.util import Surv
from threadpoolctl import threadpool_limits

from memorization.intensities.boosting import BoostedIntensities
from memorization.intensities.clock import EXPOSURE, clock
from memorization.intensities.forward import Forecast
from memorization.intensities.logistic import DEFAULT, LogisticIntensities
from memorization.strata import CONTINUATIONS
from memorization.study import Histories, Study, Targets
from memorization.when.scores import state_metrics, survival_metrics

SIZES = (10_000, 30_000, 100_000)
N_CHECKPOINTS, N_FEATURES = 143, 60
# Sequences that the other libraries are tried on, a third of an hour at most.
OTHERS = {"cox": (1_000, 3_000, 10_000), "forest": (1_000, 3_000, 10_000)}
# Covariates of the Cox regression that do not change.
STILL = 3


def main() -> None:
    """Print what each model takes at each size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sizes", type=int, nargs="*", default=SIZES)
    sizes = parser.parse_args().sizes
    plans = [(name, n) for name in ("logistic", "boosting") for n in sizes]
    plans += [(name, n) for name, own in OTHERS.items() for n in own if n <= max(sizes)]
    context = multiprocessing.get_context("spawn")
    print(f"{'model':9} {'sequences':>9} {'events':>8} {'fit s':>7} {'score s':>7} {'GB':>5}")
    for name, n in plans:
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_measure, args=(name, n, sender))
        process.start()
        events, fitted, scored, gigabytes = receiver.recv()
        process.join()
        print(
            f"{name:9} {n:9,} {events:8,} {fitted:7.1f} {scored:7.1f} {gigabytes:5.2f}", flush=True
        )


def _measure(name: str, n: int, sender: multiprocessing.connection.Connection) -> None:
    study = made_up(n)
    events = int((np.diff(study.known_histories.memorized, axis=1) != 0).sum())
    start = time.perf_counter()
    with threadpool_limits(1):
        forecast = FITS[name](study)
        fitted = time.perf_counter()
        if forecast is not None:
            weight = study.weight
            metrics = survival_metrics(study, forecast.survival)
            metrics |= state_metrics(study, forecast.memorized)
            for metric in metrics.values():
                metric(weight)
    end = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    sender.send((events, fitted - start, end - fitted, peak))


def made_up(n: int) -> Study:
    """Return n sequences whose memory comes and goes with exposure and the first of 60 features."""
    rng = np.random.default_rng(0)
    total = np.exp(rng.uniform(0, np.log(300), n))
    seen = np.cumsum(rng.poisson(total[:, None] / N_CHECKPOINTS, (n, N_CHECKPOINTS)), axis=1)
    text = rng.normal(size=(n, N_FEATURES))
    memorized = np.zeros(seen.shape, bool)
    now = np.zeros(n, bool)
    for at in range(N_CHECKPOINTS):
        push = 1.1 * np.log2(1 + seen[:, at]) + 0.5 * text[:, 0]
        now = np.where(now, rng.random(n) > expit(1 - 0.4 * push), rng.random(n) < expit(push - 10))
        memorized[:, at] = now
    steps = 16 * np.arange(1, N_CHECKPOINTS + 1)
    features = pd.DataFrame(text, columns=[f"repetition.made_up_{k}" for k in range(N_FEATURES)])
    features[CONTINUATIONS] = seen[:, -1]
    ever = memorized.any(axis=1)
    time_of = np.where(ever, memorized.argmax(axis=1) + 1, N_CHECKPOINTS)
    cluster = rng.integers(0, n // 3, n)
    return Study(
        index=np.arange(n),
        features=features,
        truth=memorized[:, -1],
        weight=np.ones(n),
        splits=pd.DataFrame({"cluster": cluster, "fold": cluster % 5}),
        steps=steps,
        targets=Targets(time_of, ever, N_CHECKPOINTS, np.ones(n, np.int64)),
        histories=Histories(memorized, np.ones(memorized.shape, bool), steps, seen),
    )


def logistic(study: Study) -> Forecast:
    """Fit and forecast by logistic regression with one penalty."""
    own = LogisticIntensities.fit(study, np.random.default_rng(0), (DEFAULT,))
    return own.forecast(study.known_histories, study.features)


def boosting(study: Study) -> Forecast:
    """Fit and forecast by boosted trees."""
    own = BoostedIntensities.fit(study, np.random.default_rng(0))
    return own.forecast(study.known_histories, study.features)


def cox(study: Study) -> None:
    """Fit lifelines' Cox regression with the exposures so far, of the first onset."""
    times, own = study.times, clock(study.known_histories)
    row, at = np.nonzero(np.arange(1, times.n_times + 1) <= times.time[:, None])
    frame = pd.DataFrame({name: own[name][row, at] for name in EXPOSURE})
    for k in range(STILL):
        frame[f"x{k}"] = study.features.iloc[:, k].to_numpy()[row]
    frame["id"], frame["start"], frame["stop"] = row, at, at + 1
    frame["event"] = times.event[row] & (times.time[row] == at + 1)
    CoxTimeVaryingFitter(penalizer=0.01).fit(frame, id_col="id", event_col="event")


def forest(study: Study) -> None:
    """Grow scikit-survival's forest on all features, of the first onset."""
    times = study.times
    model = RandomSurvivalForest(50, min_samples_leaf=20, random_state=0, n_jobs=1)
    model.fit(study.features.to_numpy(), Surv.from_arrays(times.event, times.time))
    model.predict_survival_function(study.features.to_numpy(), return_array=True)


FITS: dict[str, Callable[[Study], Forecast | None]] = {
    "logistic": logistic,
    "boosting": boosting,
    "cox": cox,
    "forest": forest,
}


if __name__ == "__main__":
    main()
