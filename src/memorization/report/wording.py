"""How numbers, and keys of the results, are written in tables, figures and text alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from memorization.protocol import TIERS

# A value with its interval: ``value``, ``low`` and ``high``, None where undefined.
Estimate = Mapping[str, float | None]

MISSING = "—"


def count(value: float | None) -> str:
    """Return a whole number with thousands marked.

    >>> count(36608), count(None)
    ('36,608', '—')
    """
    return MISSING if value is None else _minus(f"{value:,.0f}")


def decimal(value: float | None, digits: int = 3) -> str:
    """Return a number with a fixed number of decimals; what is not quite 1 does not look like 1.

    >>> decimal(-0.12345), decimal(-0.0001), decimal(None)
    ('−0.123', '0.000', '—')
    >>> decimal(0.9971, 2), decimal(0.99996, 2), decimal(1.0, 2)
    ('0.997', '>0.999', '1.00')
    """
    if value is None:
        return MISSING
    if 0 < digits <= 3 and value < 1 and round(value, digits) == 1:
        return f"{value:.3f}" if round(value, 3) < 1 else ">0.999"
    # Not a negative zero.
    return _minus(f"{round(value, digits) + 0.0:,.{digits}f}")


def percent(value: float | None) -> str:
    """Return a fraction as a percentage of three significant digits.

    >>> percent(0.0152), percent(0.5), percent(1.0), percent(0.00012345), percent(0.0)
    ('1.52%', '50.0%', '100%', '0.0123%', '0%')
    >>> percent(0.0999), percent(0.09999)
    ('9.99%', '10.0%')
    """
    if value is None:
        return MISSING
    if value == 0:
        return "0%"
    return _minus(f"{_three_digits(100 * value)}%")


def p_value(value: float | None) -> str:
    """Return a p value with three decimals; a small one is not zero.

    >>> p_value(0.0391), p_value(0.0002), p_value(None)
    ('0.039', '<0.001', '—')
    """
    return "<0.001" if value is not None and value < 0.0005 else decimal(value)


# Decimals beyond those asked for that a bound may need.
MORE = 2


def estimate(found: Estimate | None, digits: int = 3) -> str:
    r"""Return a value with its interval.

    Where a bound that is not zero would look like it, all get more decimals. Where all resamples
    agree there is no interval: they do when a sample has no case of what is counted, which says
    little of the population.

    >>> estimate({"value": 0.5, "low": 0.4, "high": 0.61234})
    '0.500 (0.400,\xa00.612)'
    >>> estimate({"value": 0.05, "low": 0.0018, "high": 0.136}, 2)
    '0.050 (0.002,\xa00.136)'
    >>> estimate({"value": -0.007, "low": -0.0278, "high": -0.0002})
    '−0.0070 (−0.0278,\xa0−0.0002)'
    >>> estimate({"value": -0.007, "low": -0.0278, "high": 0.01})
    '−0.007 (−0.028,\xa00.010)'
    >>> estimate({"value": 1.0, "low": 1.0, "high": 1.0})
    '1.000 (—)'
    >>> estimate({"value": 0.5, "low": None, "high": None}), estimate(None)
    ('0.500', '—')
    """
    if digits:
        digits = _telling(found, digits)
    return _with_interval(found, lambda value: decimal(value, digits))


def defined(found: Any) -> Any:
    """Return nested results as a file of metrics has them: None where a number is undefined.

    >>> defined({"auroc": {"value": 0.5, "low": float("nan")}, "n": [3]})
    {'auroc': {'value': 0.5, 'low': None}, 'n': [3]}
    """
    if isinstance(found, Mapping):
        return {name: defined(own) for name, own in found.items()}
    if isinstance(found, list):
        return [defined(own) for own in found]
    return None if isinstance(found, float) and not math.isfinite(found) else found


def percent_estimate(found: Estimate | None) -> str:
    r"""Return a fraction with its interval as percentages.

    >>> percent_estimate({"value": 0.5, "low": 0.4, "high": 0.6})
    '50.0% (40.0%,\xa060.0%)'
    """
    return _with_interval(found, percent)


def share(part: float | None, whole: float | None) -> float | None:
    """Return a fraction; None where there is nothing to take it of."""
    return None if part is None or not whole else part / whole


def large(value: float) -> str:
    """Return a number of parameters or tokens in thousands, millions, billions or trillions.

    >>> large(143_200), large(1_121_024), large(6_900_000_000), large(299_892_736_000)
    ('143 thousand', '1.12 million', '6.90 billion', '300 billion')
    """
    units = {10**12: "trillion", 10**9: "billion", 10**6: "million", 10**3: "thousand"}
    for size, unit in units.items():
        if value >= size:
            return f"{_three_digits(value / size)} {unit}"
    return str(value)


def _with_interval(found: Estimate | None, form: Callable[[float | None], str]) -> str:
    if found is None or found["value"] is None:
        return MISSING
    if found["low"] is None or found["high"] is None:
        return form(found["value"])
    if found["low"] == found["high"]:
        return f"{form(found['value'])} ({MISSING})"
    # No line break within the interval.
    return f"{form(found['value'])} ({form(found['low'])},\u00a0{form(found['high'])})"


def _telling(found: Estimate | None, digits: int) -> int:
    """Return how many decimals the bounds need, at least ``digits``, not to look like zero."""
    bounds = [abs(found[name] or 0) for name in ("low", "high")] if found else []
    least = min((bound for bound in bounds if bound), default=1.0)
    return next((d for d in range(digits, digits + MORE) if round(least, d)), digits + MORE)


def _three_digits(value: float) -> str:
    """Return three significant digits, without an exponent; more before the point stay."""
    exponent = int(f"{value:.2e}".partition("e")[2])
    return f"{value:.{max(0, 2 - exponent)}f}"


def _minus(text: str) -> str:
    return text.replace("-", "−")


MODELS = {
    "logistic": "logistic regression",
    "boosting": "boosted trees",
    "single_feature": "best single feature",
    "ngrams": "bag of n-grams",
    "stacked": "trees with n-grams",
    "without_text": "trees without text",
    "smaller_sibling": "next smaller model",
    "kaplan_meier": "Kaplan–Meier",
    "kaplan_meier_strata": "Kaplan–Meier by count",
    "exposure_clock": "exposure clock",
    "accumulation": "accumulation rule",
    "aft": "accelerated failure time",
    "cox": "Cox regression",
    "forest": "survival forest",
}

METRICS = {
    "auroc": "AUROC",
    "average_precision": "average precision",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "concordance": "concordance",
    "concordance_memorized": "concordance among the memorized",
    "integrated_brier": "integrated Brier score",
    "brier_skill": "integrated Brier skill",
    "absolute_error_steps": "absolute error (steps)",
    "state_skill": "Brier skill of the state",
}


def model_name(key: str) -> str:
    """Return the name of a model.

    >>> model_name("boosting"), model_name("deep_hazard")
    ('boosted trees', 'deep hazard')
    """
    return MODELS.get(key, key.replace("_", " "))


def family_name(key: str) -> str:
    """Return the name of a family, or of a feature with its family, in words.

    The column of the table of features is the same with underscores for the spaces, and a point
    after the family. In words, because a line may break in them.

    >>> family_name("ngram_frequency"), family_name("duplication.prompt_count")
    ('ngram frequency', 'duplication: prompt count')
    """
    return key.replace("_", " ").replace(".", ": ", 1)


def feature_name(key: str) -> str:
    """Return the name of a feature without its family, where that is told beside it.

    >>> feature_name("duplication.prompt_count"), feature_name("prompt_count")
    ('prompt count', 'prompt count')
    """
    return key.rpartition(".")[2].replace("_", " ")


def tier_name(tier: str) -> str:
    """Return the heading of a tier, which says that tiers are cumulative.

    >>> tier_name("text"), tier_name("corpus")
    ('text', '+ corpus')
    """
    return tier if tier == TIERS[0] else f"+ {tier}"


def stratum_name(stratum: str, at_least: str = "≥") -> str:
    """Return the name of a stratum of a count.

    >>> stratum_name("2-4"), stratum_name("100+"), stratum_name("100+", "at least ")
    ('2–4', '≥100', 'at least 100')
    """
    return at_least + stratum[:-1] if stratum.endswith("+") else stratum.replace("-", "–")


def listed(items: list[str], nothing: str = "none") -> str:
    """Return a list in words.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"]), listed([])
    ('a', 'a and b', 'a, b and c', 'none')
    """
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]])) or nothing
