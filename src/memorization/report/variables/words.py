"""Words and scores that several topics share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memorization.report.calibration_groups import GroupedFractions
from memorization.report.numbers import MISSING, estimate, percent, percent_estimate

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


def adds(difference: Estimate | None) -> str:
    """Return what an interval of a difference says of all else that was known.

    >>> adds({"value": 0.1, "low": -0.02, "high": 0.2})
    'so that all else is not shown to add to it'
    """
    if difference is None or difference["low"] is None or difference["high"] is None:
        return "and whether all else adds to it is not known"
    if difference["low"] > 0:
        return "so that all else adds to it"
    if difference["high"] < 0:
        return "so that all else takes away from it"
    return "so that all else is not shown to add to it"


def score(
    scores: Mapping[str, Any], key: tuple[str, str] | None, metric: str, digits: int = 2
) -> str:
    """Return a metric of the model (tier, name) with its interval; a dash without model."""
    return MISSING if key is None else estimate(scores[key[0]][key[1]].get(metric), digits)


def over(part: float | None, whole: float | None) -> float | None:
    """Return a share; None where there is nothing to take it of."""
    return None if part is None or not whole else part / whole


def off_groups(groups: GroupedFractions) -> list[str]:
    """Return the groups whose interval does not hold what was predicted, in words."""
    found = zip(groups.predicted, groups.observed, groups.low, groups.high, strict=True)
    return [
        f"that predicted at {percent(float(predicted))} is observed at "
        + percent_estimate({"value": float(seen), "low": float(low), "high": float(high)})
        for predicted, seen, low, high in found
        # All resamples agree where nothing was observed, or nothing else: that says little.
        if low < high and not low <= predicted <= high
    ]
