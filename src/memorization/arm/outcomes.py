"""What became of the units: from trajectories and their own text to the outcomes table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from memorization.counting.counting import CONTEXTS, SequenceCounts
from memorization.features import Inputs, compute_features
from memorization.features.ngram_model import ngram_features
from memorization.labels.events import event_times
from memorization.labels.trajectories import Trajectories
from memorization.protocol import CONTINUATION
from memorization.suite import Suite
from memorization.tables import ARM, token_matrix

# Whose copies are exact, so that what was seen is what was counted.
EXACT = ("random", "early", "late", "even")


def outcomes(
    units: pd.DataFrame, trajectories: Trajectories, text: dict[str, np.ndarray]
) -> pd.DataFrame:
    """Return the outcomes table, `memorization.tables.ARM`, in the order of the units.

    Parameters
    ----------
    units : as `memorization.tables.ARM_UNITS`.
    trajectories : of the units, by ``unit``, observed at every checkpoint.
    text : as from `text_of`.
    """
    times = event_times(trajectories)
    found = times[["memorized", "first_step", "stable_step", "match_length"]].copy()
    found.insert(1, "ever", times["upper"].notna())
    logprob = trajectories.continuation_logprob[:, -1].astype(np.float64) / CONTINUATION
    # A sum of rounded terms may come out a last bit above 0.
    found["logprob"] = np.minimum(logprob, 0.0)
    parts = [units.reset_index(drop=True), pd.DataFrame(text), found]
    return ARM.validate(pd.concat(parts, axis="columns"))


def text_of(units: pd.DataFrame, suite: Suite) -> dict[str, np.ndarray]:
    """Return ``exposed_surprisal`` and ``compressibility`` of the units, float64 [n].

    They are features of natural texts, ``ngram.surprisal`` and ``compressibility.zlib_ratio``,
    counted in the natural windows only, to which the planned exact copies are added: what a
    natural text that occurs as often would have had. No other copy of the arm is counted.

    Parameters
    ----------
    units : as `memorization.tables.ARM_UNITS`, n rows.
    """
    inputs = inputs_of(units, suite)
    # One copy is the text's own occurrence, as of a natural text.
    elsewhere = np.maximum(units["dose"].to_numpy() - 1, 0)
    counts = with_copies(inputs.counts, elsewhere)
    ratio = compute_features(inputs, ("compressibility",))["compressibility.zlib_ratio"]
    return {
        "exposed_surprisal": ngram_features(counts)["surprisal"],
        "compressibility": ratio.to_numpy(),
    }


def inputs_of(units: pd.DataFrame, suite: Suite) -> Inputs:
    """Return what features of the units are computed from; the corpus has no window of the arm."""
    return Inputs(
        index=units["unit"].to_numpy(),
        tokens=token_matrix(units["tokens"]),
        step=None,
        domain=units["domain"].to_numpy(dtype=object),
        windows=suite.corpus,
        rows=np.full(len(units), -1),
        tokenizer=suite.tokenizer,
    )


def with_copies(counts: SequenceCounts, copies: np.ndarray) -> SequenceCounts:
    """Return counts as if each sequence occurred some more times elsewhere.

    Added where an n-gram model of the continuation looks: to tokens, and to contexts before a
    continuation token and their going on with it.

    Parameters
    ----------
    copies : int64 [n].
    """
    more = copies[:, None]
    return replace(
        counts,
        elsewhere={
            length: count + more.astype(count.dtype) for length, count in counts.elsewhere.items()
        },
        context={length: counts.context[length] + more for length in CONTEXTS},
        onward={length: counts.onward[length] + more for length in CONTEXTS},
    )


def cells_of(units: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the positions of each cell's units, int64, in the order in which the cells come."""
    cells = units["cell"].astype(str)
    return {cell: np.flatnonzero(cells == cell) for cell in cells.unique()}
