"""What one model gains over another: differences of metrics, replicate by replicate."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from memorization.evaluation.bootstrap import Replicated


def gain(
    one: Mapping[str, Replicated], other: Mapping[str, Replicated], level: float
) -> dict[str, dict[str, float]]:
    """Return by how much one's metrics exceed the other's, with paired intervals."""
    return {name: (one[name] - other[name]).estimate(level) for name in one}


def gains(
    ranked: Mapping[tuple[str, str], Mapping[str, Replicated]],
    baselines: Collection[str],
    level: float,
) -> dict[str, Any]:
    """Return what every model gains over the baselines, and with every step up the tiers.

    Parameters
    ----------
    ranked : dict, (tier, model) -> its metrics in the same replicates; from the lowest tier up.
    baselines : the models that are baselines.
    level : float

    Returns
    -------
    dict
        ``over_baseline``: tier -> model -> baseline -> metric -> {value, low, high}, whatever the
        baseline's own tier; ``over_tier_below``: tier -> model -> metric -> the same, absent for
        the lowest tier of a model.
    """
    over_baseline: dict[str, Any] = {}
    over_tier: dict[str, Any] = {}
    below: dict[str, Mapping[str, Replicated]] = {}
    for (tier, model), own in ranked.items():
        if model in baselines:
            continue
        over_baseline.setdefault(tier, {})[model] = {
            name: gain(own, other, level)
            for (_, name), other in ranked.items()
            if name in baselines
        }
        if model in below:
            over_tier.setdefault(tier, {})[model] = gain(own, below[model], level)
        below[model] = own
    return {"over_baseline": over_baseline, "over_tier_below": over_tier}
