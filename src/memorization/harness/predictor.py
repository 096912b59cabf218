"""Asking a predictor: of many sequences at once where it can, else one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from memorization.errors import UserError

Predictor = Callable[[Any], Any]

# Sequences a call.
BATCH = 2**16


def ask(
    predictor: Predictor, index: np.ndarray, advance: Callable[[int], None] = lambda done: None
) -> np.ndarray:
    """Return what a predictor says of some sequences: bool [n], or float64 [n].

    The predictor is called with an int64 array and should return as many values. One that takes a
    single index is accepted as well: when a call with an array fails or gives a single value, it is
    called once a sequence with an ``int``.

    Parameters
    ----------
    predictor : ``index -> bool`` or ``index -> score``.
    index : int64 [n].
    advance : told how many more sequences are done.

    Raises
    ------
    UserError
        If the answers are of no use: another number, another type, NaN.

    Examples
    --------
    >>> ask(lambda index: index > 3, np.array([2, 5])).tolist()
    [False, True]
    >>> ask(lambda index: len("x" * index), np.array([2, 5])).tolist()
    [2.0, 5.0]
    """
    answers = []
    for start in range(0, len(index), BATCH):
        batch = index[start : start + BATCH]
        answers.append(_checked(_call(predictor, batch), batch))
        advance(len(batch))
    if len({answer.dtype for answer in answers}) > 1:
        raise UserError("the predictor answers sometimes with true or false, sometimes with scores")
    return np.concatenate(answers) if answers else np.empty(0, bool)


def _call(predictor: Predictor, index: np.ndarray) -> np.ndarray:
    try:
        answer = np.asarray(predictor(index.copy()))
    except (TypeError, ValueError):
        # What Python raises where one number was meant: arrays have no hash, are no list index and
        # have no single truth. If the mistake is another, the calls below raise it again.
        return _one_by_one(predictor, index)
    return answer if answer.ndim else _one_by_one(predictor, index)


def _one_by_one(predictor: Predictor, index: np.ndarray) -> np.ndarray:
    return np.array([predictor(one) for one in index.tolist()])


def _checked(answer: np.ndarray, index: np.ndarray) -> np.ndarray:
    if answer.shape != index.shape:
        raise UserError(
            f"the predictor was asked of {len(index):,} sequences and returned an array of shape "
            f"{answer.shape}; one value a sequence is needed"
        )
    if answer.dtype == np.bool_:
        return answer
    if answer.dtype.kind not in "iuf":
        raise UserError(
            f"the predictor returned values of type {answer.dtype}; true or false, or a score (the "
            "higher the likelier), is needed"
        )
    scores = answer.astype(np.float64)
    if np.isnan(scores).any():
        first = index[np.isnan(scores)][0]
        raise UserError(f"the predictor returned NaN (the first: index {first}); return a number")
    return scores
