"""Words and scores that several topics share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memorization.report.numbers import MISSING, estimate

Topic = dict[str, str]

Estimate = Mapping[str, float | None]


def versus(difference: Estimate | None) -> str:
    """Return the verb that an interval of a difference allows.

    >>> versus({"value": 0.1, "low": 0.02, "high": 0.2})
    'exceeds'
    >>> versus({"value": 0.1, "low": -0.02, "high": 0.2})
    'cannot be told apart from'
    """
    if difference is None or difference["low"] is None or difference["high"] is None:
        return "cannot be compared with"
    if difference["low"] > 0:
        return "exceeds"
    return "falls short of" if difference["high"] < 0 else "cannot be told apart from"


def score(
    scores: Mapping[str, Any], key: tuple[str, str] | None, metric: str, digits: int = 2
) -> str:
    """Return a metric of the model (tier, name) with its interval; a dash without model."""
    return MISSING if key is None else estimate(scores[key[0]][key[1]].get(metric), digits)


def over(part: float | None, whole: float | None) -> float | None:
    """Return a share; None where there is nothing to take it of."""
    return None if part is None or not whole else part / whole
