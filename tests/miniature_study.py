"""A results folder of a made-up micro suite, without models."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from made_up_study import make_study, write_sequences, write_splits

from memorization.labels.trajectories import Trajectories
from memorization.suite.micro.corpus import Document, train_tokenizer

POPULATION, PER_STEP = 400, 4
STEPS = (25, 50, 75, 100)
MODELS = {"micro-a": 1000, "micro-b": 4000, "micro-c": 9000}
# Nested, but for some that only the smaller model has.
MEMORIZED = {
    "micro-a": np.array([], np.int64),
    "micro-b": np.arange(5, 100, 10),
    "micro-c": np.r_[np.arange(5, 80, 10), np.arange(200, 230)],
}
TARGET = "micro-c"


def write_study(folder):
    """Write suite, sample, splits, trajectories and the target's name; return the folder."""
    write_suite(folder / "suite")
    index, weight = sample()
    case = np.isin(index, MEMORIZED[TARGET])
    study = make_study(truth=case, weight=weight, index=index, cluster=index // 3)
    step, tokens = index // PER_STEP + 1, windows()[index]
    write_sequences(study, folder, step=step, tokens=tokens, domain="code")
    write_splits(study, folder)
    trajectories(index).write(folder / "trajectories.npz")
    (folder / "metrics").mkdir()
    (folder / "metrics" / "labels.json").write_text(json.dumps({"target": TARGET}))
    return folder


def windows():
    """Return rows of 64 tokens; every tenth text occurs twice."""
    rows = np.random.default_rng(0).integers(1, 270, (POPULATION, 64)).astype(np.uint16)
    rows[5::20] = rows[15::20]
    return rows


def sample():
    """Return ``index`` and weight: 20 of the target's positives and 80 of the others."""
    rng = np.random.default_rng(1)
    positive = MEMORIZED[TARGET]
    others = np.setdiff1d(np.arange(POPULATION), positive)
    index = np.sort(
        np.r_[rng.choice(positive, 20, replace=False), rng.choice(others, 80, replace=False)]
    )
    case = np.isin(index, positive)
    return index, np.where(case, len(positive) / 20, len(others) / 80)


def trajectories(index):
    """Return evaluations of what had been trained on by each step, as published ones are."""
    rng = np.random.default_rng(2)
    observed = index[:, None] < PER_STEP * np.array(STEPS)
    memorized = rng.random((len(index), len(STEPS))) < 0.3
    memorized[:, -1] = np.isin(index, MEMORIZED[TARGET])
    match_length = np.where(memorized & observed, 32, -1).astype(np.int8)
    logprob = np.zeros(observed.shape, np.float32)
    return Trajectories(index, np.array(STEPS), match_length, logprob, observed)


def write_suite(folder):
    """Write what a suite leaves on disk, but for its models."""
    (folder / "evals").mkdir(parents=True)
    manifest = {
        "suite": "micro",
        "population": POPULATION,
        "window": 64,
        "vocabulary": 270,
        "models": [
            {
                "name": name,
                "parameters": size,
                "shape": {"hidden": 16, "layers": 1, "heads": 2},
            }
            for name, size in MODELS.items()
        ],
        "sequences_per_step": PER_STEP,
        "steps": STEPS,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    rows = windows()
    np.save(folder / "windows.npy", rows)
    for name, index in MEMORIZED.items():
        flat = pa.array(rows[index].ravel().astype(np.int64))
        columns = {"index": index, "tokens": pa.FixedSizeListArray.from_arrays(flat, 64)}
        parquet.write_table(pa.table(columns), folder / "evals" / f"{name}.parquet")
    text = "to be, or not to be: that is the question; whether 'tis nobler in the mind"
    train_tokenizer([Document("hamlet.txt", "prose", text)], 270).save(
        str(folder / "tokenizer.json")
    )
