"""Made-up studies, and the tables of a results folder that hold one."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from threadpoolctl import threadpool_limits

from memorization import tables
from memorization.labels.trajectories import Trajectories
from memorization.study import Histories, Study, Targets
from memorization.whether.models import MODELS

# Of `survival_study`.
N_TIMES = 12
# The classifiers that a study without text is enough for.
# At every tier.
OF_FEATURES = [
    name for name, model in MODELS.items() if not model.reads_text and name != "without_text"
]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As in the stages: on tables of this size, several threads mostly wait for each other."""
    with threadpool_limits(1):
        yield


def make_study(
    features=None,
    truth=None,
    *,
    weight=None,
    fold=None,
    cluster=None,
    targets=None,
    index=None,
    seed=0,
    seen=None,
    **splits,
):
    """Return a study: of the events, if no truth is said; rows of weight 1, each its own text, in
    four folds; without leakage, if no weaker split is said; a checkpoint every ten steps."""
    truth = targets.event if truth is None else np.asarray(truth, dtype=bool)
    n = len(truth)
    cluster = np.arange(n) if cluster is None else cluster
    fold = cluster % 4 if fold is None else fold
    weaker = {"fold_continuation": fold, "fold_random": fold, "exposed": np.zeros(n, dtype=bool)}
    known = pd.DataFrame(index=range(n)) if features is None else pd.DataFrame(features)
    steps = 10 * np.arange(1, 1 + (0 if targets is None else targets.n_times))
    return Study(
        index=np.arange(n) if index is None else index,
        features=known.astype(float).reset_index(drop=True),
        truth=truth,
        weight=np.ones(n) if weight is None else np.asarray(weight, dtype=float),
        splits=pd.DataFrame({"cluster": cluster, "fold": fold} | weaker | splits),
        seed=seed,
        targets=targets,
        steps=steps,
        histories=None if targets is None else histories_of(targets, steps, seen),
    )


def histories_of(targets, steps, seen=None):
    """Return histories in which what has the event stays memorized."""
    place = np.arange(1, targets.n_times + 1)
    memorized = targets.event[:, None] & (place >= targets.time[:, None])
    observed = place >= targets.first_evaluation[:, None]
    return Histories(memorized & observed, observed, steps, seen)


def survival_study(n, seed, leaving=False):
    """Return a study of a logistic hazard that rises with time, and its survival [n, c].

    Weights are those of a case-cohort sample; some rows leave unobserved, if that is asked for.
    """
    rng = np.random.default_rng(seed)
    duplicates = rng.geometric(0.3, n).astype(float)
    surprisal = rng.normal(size=n)
    features = {
        "duplication.sequence_count": duplicates,
        "surprisal.mean": surprisal,
        "repetition.longest_run": rng.normal(size=n),
    }
    linear = np.log1p(duplicates) - 0.8 * surprisal
    hazard = expit(-3.5 + 0.15 * np.arange(N_TIMES) + linear[:, None])
    events = rng.random((n, N_TIMES)) < hazard
    event = events.any(axis=1)
    time = np.where(event, events.argmax(axis=1) + 1, N_TIMES)
    if leaving:
        last = rng.integers(2, N_TIMES + 1, n)
        event, time = event & (time <= last), np.minimum(time, last)
    study = make_study(
        features,
        targets=from_the_start(time, event, N_TIMES),
        weight=np.where(event, 1.0, 3.7),
        fold=np.arange(n) % 3,
        index=3 * np.arange(n),
        seen=(duplicates[:, None] * np.arange(1, N_TIMES + 1) // N_TIMES).astype(int),
    )
    return study, np.cumprod(1 - hazard, axis=1)


def from_the_start(time, event, n_times):
    """Return the targets of sequences that are looked at from the first checkpoint on."""
    return Targets(time, event, n_times, np.ones(len(time), np.int64))


def survived(study):
    """Return whether a row has had no event up to a checkpoint, bool [n, c]."""
    times = study.times
    return ~times.event[:, None] | (times.time[:, None] > np.arange(1, times.n_times + 1))


def write_tables(study, folder):
    """Write what the analyses read; rows in different orders, as nothing promises that tables
    share theirs. What is memorized without a time is so at step 10, the only checkpoint."""
    targets = study.targets or from_the_start(np.ones(len(study), np.int64), study.truth, 1)
    steps = 10 * np.arange(1, 1 + targets.n_times)
    step = pd.arrays.IntegerArray(steps[targets.time - 1].astype(np.int32), ~targets.event)
    before = np.where(targets.event, np.r_[0, steps][targets.time - 1], steps[-1])
    labels = pd.DataFrame(
        {
            "memorized": study.truth,
            "match_length": np.where(study.truth, 32, 3).astype(np.int8),
            "first_step": step,
            "stable_step": step,
            "entry": np.int32(0),
            "lower": before.astype(np.int32),
            "upper": step,
        }
    )
    write_sequences(study, folder)
    write_splits(study, folder)
    _write(study, labels, folder / "labels.parquet", tables.LABELS, order=-1)
    _write(study, study.features, folder / "features.parquet", tables.FEATURES, order=-1)
    histories = study.histories or histories_of(targets, steps)
    length = np.where(histories.memorized, 32, -1).astype(np.int8)
    logprob = np.where(histories.memorized, -0.5, -20.0).astype(np.float32)
    trajectories = Trajectories(study.index, steps, length, logprob, histories.observed)
    trajectories.write(folder / "trajectories.npz")
    exposures = tables.empty_table(tables.EXPOSURES)
    if histories.seen is not None:
        met = histories.seen.ravel().astype(np.int32)
        exposures = pd.DataFrame(
            {
                "index": np.repeat(study.index, len(steps)),
                "step": np.tile(steps, len(study)).astype(np.int32),
                "count": met,
                "continuation_count": met,
            }
        )
    tables.write_table(exposures, folder / "exposures.parquet", tables.EXPOSURES)


def write_sequences(study, folder, step=1, tokens=0, domain=None):
    """Write the table of sequences."""
    n = len(study)
    columns = {
        "step": np.full(n, step, dtype=np.int32),
        "tokens": tables.token_column(np.full((n, 64), tokens)),
        "domain": pd.Series([domain] * n, dtype=object),
        "case": study.truth,
        "weight": study.weight,
        "followed": True,
        "when_weight": study.weight,
    }
    _write(study, pd.DataFrame(columns), folder / "sequences.parquet", tables.SEQUENCES)


def write_splits(study, folder):
    """Write the table of splits, the last row first."""
    folds = {name: "int32" for name in study.splits if name.startswith("fold")}
    splits = study.splits.astype({"cluster": "int64", **folds})
    _write(study, splits, folder / "splits.parquet", tables.SPLITS, order=-1)


def _write(study, table, path, schema, order=1):
    index = pd.Series(study.index, name="index", dtype=np.int64)
    table = pd.concat([index, table.reset_index(drop=True)], axis="columns")
    tables.write_table(table[::order], path, schema)
