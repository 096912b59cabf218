"""When the model meets the sequence: at which steps of the training.

Only for training data that are all known, in training order. The columns of this family are named
``hindsight_…``: they look at the whole training, so in the middle of it they tell what is yet to
come, which a model of *when* must not know. `exposure_table` says what has been by each checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from memorization.counting.copies import occurrences
from memorization.features.family import Family, Inputs, declare
from memorization.protocol import PROMPT

# What a column begins with that may tell, at a step, what happens after it.
HINDSIGHT = "exposure.hindsight_"


def exposure_steps(inputs: Inputs, part: slice = slice(None)) -> tuple[np.ndarray, np.ndarray]:
    """Return who is met and when: sequence (0…n-1) and step, int64 [m], ordered by both.

    An entry for each occurrence of each sequence, or of a ``part`` of it, in its own row too; a
    sequence that begins no row is met once more, in its own step. Raises a ValueError if the steps
    of the rows or of the sequences are not known.
    """
    if inputs.corpus_step is None or inputs.step is None:
        raise ValueError("exposures need the step of every row and of every sequence")
    found = occurrences(inputs.windows, inputs.tokens[:, part])
    alone = np.flatnonzero(inputs.rows < 0)
    sequence = np.concatenate([found.sequence, alone])
    step = np.concatenate([inputs.corpus_step[found.row], inputs.step[alone]]).astype(np.int64)
    order = np.lexsort((step, sequence))
    return sequence[order], step[order]


def exposure_features(
    sequence: np.ndarray, step: np.ndarray, last_step: int
) -> dict[str, np.ndarray]:
    """Return the first and last step at which each sequence is met, and the gaps, arrays [n].

    Gaps are between different steps. A sequence that is met in one step only has a gap as long as
    the training: it is not met again before its end.

    Sequences and steps are as from `exposure_steps`.

    >>> columns = exposure_features(np.array([0, 0, 0, 1]), np.array([2, 2, 7, 4]), last_step=9)
    >>> [column.tolist() for column in columns.values()]
    [[2, 4], [7, 4], [5.0, 9.0], [5, 9]]
    """
    is_new = np.append(True, (sequence[1:] != sequence[:-1]) | (step[1:] != step[:-1]))
    sequence, step = sequence[is_new[: len(sequence)]], step[is_new[: len(step)]]
    start = np.flatnonzero(np.append(True, sequence[1:] != sequence[:-1])[: len(sequence)])
    if not len(start):
        return dict.fromkeys(_COLUMNS, np.zeros(0))
    n = np.diff(np.append(start, len(sequence)))
    first, last = step[start], step[start + n - 1]
    gap = np.append(0, np.diff(step))
    gap[start] = last_step
    mean = np.where(n > 1, (last - first) / np.maximum(n - 1, 1), last_step)
    return dict(zip(_COLUMNS, (first, last, mean, np.minimum.reduceat(gap, start)), strict=True))


def exposure_table(
    inputs: Inputs, checkpoints: Sequence[int], followed: np.ndarray
) -> pd.DataFrame:
    """Return how often sequences have been met by each checkpoint, their own occurrence included.

    Columns ``index``, ``step``, ``count`` (of the whole sequence) and ``continuation_count`` (of
    its continuation, after whatever prompt), ordered by sequence as in the inputs, then by step.
    What is met in the step that leads to a checkpoint counts. Where the rows are a sample it is not
    known, and the table is empty. Checkpoints are steps, ascending; ``followed``, bool [n], are the
    sequences to tell of.
    """
    grid = np.asarray(checkpoints, dtype=np.int32)
    if inputs.corpus_step is None or inputs.step is None:
        followed = np.zeros(len(followed), dtype=bool)
    n = int(followed.sum())
    # The place of each sequence among the followed ones.
    place = np.cumsum(followed) - 1
    columns = {
        "index": np.repeat(inputs.index[followed].astype(np.int64), len(grid)),
        "step": np.tile(grid, n),
    }
    for name, part in (("count", slice(None)), ("continuation_count", slice(PROMPT, None))):
        met = np.zeros((n, len(grid) + 1), dtype=np.int32)
        if n:
            sequence, step = exposure_steps(inputs, part)
            of = followed[sequence]
            np.add.at(met, (place[sequence[of]], np.searchsorted(grid, step[of])), 1)
        columns[name] = np.cumsum(met, axis=1, dtype=np.int32)[:, :-1].ravel()
    return pd.DataFrame(columns)


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    if inputs.corpus_step is None or inputs.step is None:
        return {}
    return exposure_features(*exposure_steps(inputs), last_step=int(inputs.corpus_step.max()))


FAMILY = Family(
    "exposure",
    declare("corpus", "one pass over the corpus", [
        ("hindsight_first_step", "?",
         "The earlier it is first met, the more of the training can build on it or overwrite it.",
         "Jagielski et al. 2023; Chang et al. 2024"),
        ("hindsight_last_step", "+",
         "What was met last before the end has had the least time to be forgotten.",
         "Jagielski et al. 2023"),
        ("hindsight_mean_gap", "-", "Exposures far apart let each other be forgotten.",
         "Chang et al. 2024"),
        ("hindsight_min_gap", "-",
         "Two exposures close together add up before either is forgotten.", "Chang et al. 2024"),
    ]),
    _compute,
)  # fmt: skip
_COLUMNS = tuple(feature.name for feature in FAMILY.features)
