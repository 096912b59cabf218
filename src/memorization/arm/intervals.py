"""Intervals of proportions, of their differences, and of means."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

Estimate = dict[str, float]


def wilson(share: float, n: float, level: float) -> Estimate:
    """Return a proportion with its score interval (Wilson 1927), in [0, 1].

    Parameters
    ----------
    share : the proportion.
    n : of how many; need not be whole where they stand for an effective number.

    >>> {name: round(value, 4) for name, value in wilson(0.0, 8, 0.95).items()}
    {'value': 0.0, 'low': 0.0, 'high': 0.3244}
    >>> wilson(0.0, 24, 0.95)["low"], wilson(1.0, 24, 0.95)["high"]
    (0.0, 1.0)
    """
    if n <= 0:
        return {"value": math.nan, "low": math.nan, "high": math.nan}
    z = float(stats.norm.ppf((1 + level) / 2))
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At the ends exactly; rounding would leave a little.
    low = max(0.0, middle - half) if share > 0 else 0.0
    high = min(1.0, middle + half) if share < 1 else 1.0
    return {"value": share, "low": low, "high": high}


def difference(one: Estimate, other: Estimate) -> Estimate:
    """Return one proportion less another, of independent samples, with its interval.

    It is put together from theirs (Newcombe 1998, method 10).
    """
    value = one["value"] - other["value"]
    down = math.hypot(one["value"] - one["low"], other["high"] - other["value"])
    up = math.hypot(one["high"] - one["value"], other["value"] - other["low"])
    return {"value": value, "low": value - down, "high": value + up}


def mean(values: np.ndarray, level: float) -> Estimate:
    """Return the mean of values, float [n], with its t interval; none where n is below 2.

    >>> {name: round(value, 3) for name, value in mean(np.array([1.0, 2.0, 3.0]), 0.95).items()}
    {'value': 2.0, 'low': -0.484, 'high': 4.484}
    """
    n = len(values)
    value = float(values.mean()) if n else math.nan
    if n < 2:
        return {"value": value, "low": math.nan, "high": math.nan}
    half = float(stats.t.ppf((1 + level) / 2, n - 1) * values.std(ddof=1) / math.sqrt(n))
    return {"value": value, "low": value - half, "high": value + half}
