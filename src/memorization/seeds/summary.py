"""What several seeds say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from memorization.arm.analyse import analyse
from memorization.arm.gap import natural_texts
from memorization.arm.intervals import mean
from memorization.errors import UserError
from memorization.intensities.forward import Forecast
from memorization.params import Params
from memorization.randomness import generator
from memorization.seeds.runs import Run, value_at, windows
from memorization.strata import CONTINUATIONS, STRATA, stratum_of
from memorization.study import Histories, Study, read_followed

RESULTS = Path("results")

_OVER_COUNT = "gains.over_baseline.corpus.{}.continuation_count.average_precision"
_OVER_NGRAMS = "gains.over_baseline.text.{}.ngrams.average_precision"
_OVER_BELOW = "gains.over_tier_below.{}.boosting.average_precision"
_TEXT_ADDS = "over_without_text.corpus.boosting.{}"
_OVER_CLOCK = "when.gains.over_baseline.corpus.{}.exposure_clock.{}"

# Name -> where the number is, as file of metrics and path of keys.
HEADLINE = {
    "memorized": "whether.cases",
    "memorized_share": "whether.prevalence",
    "count_ap": "whether.corpus.continuation_count.average_precision",
    "without_text_ap": "whether.corpus.without_text.average_precision",
    "boosting_ap": "whether.corpus.boosting.average_precision",
    "logistic_ap": "whether.corpus.logistic.average_precision",
    "text_boosting_ap": "whether.text.boosting.average_precision",
    "text_logistic_ap": "whether.text.logistic.average_precision",
    "text_stacked_ap": "whether.text.stacked.average_precision",
    "text_ngrams_ap": "whether.text.ngrams.average_precision",
    "text_feature_ap": "whether.text.single_feature.average_precision",
    "count_concordance": "when.corpus.count.concordance_memorized",
    "clock_concordance": "when.corpus.exposure_clock.concordance_memorized",
    "forest_concordance": "when.corpus.forest.concordance_memorized",
    "clock_state": "when.corpus.exposure_clock.state_skill",
    "logistic_state": "when.corpus.logistic.state_skill",
    "ed50": "arm.ed50",
}
# Differences: of two models on the same rows, or of two cells of the same blocks.
DIFFERENCES = {
    "without_text_over_count": "whether." + _OVER_COUNT.format("without_text"),
    "boosting_over_count": "whether." + _OVER_COUNT.format("boosting"),
    "logistic_over_count": "whether." + _OVER_COUNT.format("logistic"),
    "text_added": "whether.gains." + _TEXT_ADDS.format("average_precision"),
    "text_added_uncertain": "whether.uncertain." + _TEXT_ADDS.format("average_precision"),
    "boosting_over_ngrams": "whether." + _OVER_NGRAMS.format("boosting"),
    "logistic_over_ngrams": "whether." + _OVER_NGRAMS.format("logistic"),
    "stacked_over_ngrams": "whether." + _OVER_NGRAMS.format("stacked"),
    "sibling_added": "whether." + _OVER_BELOW.format("sibling"),
    "reference_added": "whether." + _OVER_BELOW.format("reference"),
    "forest_over_clock": _OVER_CLOCK.format("forest", "concordance_memorized"),
    "without_text_over_clock": _OVER_CLOCK.format("without_text", "concordance_memorized"),
    "boosting_over_clock": _OVER_CLOCK.format("boosting", "concordance_memorized"),
    "logistic_state_over_clock": _OVER_CLOCK.format("logistic", "state_skill"),
    "boosting_state_over_clock": _OVER_CLOCK.format("boosting", "state_skill"),
    "without_text_state_over_clock": _OVER_CLOCK.format("without_text", "state_skill"),
    "text_added_concordance": "when.gains." + _TEXT_ADDS.format("concordance_memorized"),
    "text_added_state": "when.gains." + _TEXT_ADDS.format("state_skill"),
    "early": "arm.contrasts.logprob.early",
    "late": "arm.contrasts.logprob.late",
    "even": "arm.contrasts.logprob.even",
    "fuzzy": "arm.contrasts.logprob.fuzzy",
    "continuation_only": "arm.contrasts.logprob.continuation_only",
}


def summary(runs: Sequence[Run], params: Params) -> dict[str, Any]:
    """Return the headline numbers over the seeds, the arm pooled, and who is memorized how often.

    Returns
    -------
    dict
        ``seeds``; ``headline`` and ``differences``: see `spread`; ``memorized_in``: stratum of the
        count of the continuation -> how many sequences are memorized in 0, 1, … of the seeds, None
        where it was not counted; ``arm``: see `memorization.arm.analyse.analyse`, of the units of
        all seeds, beside natural sequences that count as memorized by the share of seeds in which
        they are, None without a lottery.

    Raises
    ------
    UserError
        If runs are not about the same sequences.
    """
    for run in runs:
        if not np.array_equal(run.window, runs[0].window):
            raise UserError(f"seed {run.seed}: has other windows than seed {runs[0].seed}")
    level = params.bootstrap.level
    found: dict[str, Any] = {
        "seeds": [run.seed for run in runs],
        "headline": _spreads(runs, HEADLINE, level),
        "differences": _spreads(runs, DIFFERENCES, level),
        "memorized_in": None,
        "arm": None,
    }
    natural = natural_texts(RESULTS)
    if natural is not None:
        place = np.searchsorted(runs[0].window, windows(RESULTS, natural["index"].to_numpy()))
        times = np.sum([run.memorized for run in runs], axis=0)[place]
        natural = natural.assign(memorized=times / len(runs))
        found["memorized_in"] = _memorized_in(natural["count"].to_numpy(), times, len(runs))
    if all(run.metrics["arm"]["done"] for run in runs):
        rng = generator(params.seed, "arm of all seeds")
        found["arm"] = analyse(
            _pooled(runs),
            _histories(runs),
            natural,
            _followed(params),
            _forecasts(runs),
            params.arm.contrast_dose,
            level,
            rng,
        )
    return found


def spread(estimates: Sequence[Any], level: float) -> dict[str, Any]:
    """Return how a number differs between seeds, and how well one seed knows it.

    Parameters
    ----------
    estimates : of each seed, a number, or a value with its interval.

    Returns
    -------
    dict
        ``values`` of the seeds; their mean as ``value`` with the t interval over the seeds as
        ``low`` and ``high``; ``sd_between`` the seeds; ``se_texts``, the standard error between
        texts within a seed, the mean of half of each interval over its normal quantile; None for
        what has no intervals.

    >>> interval = {"value": 0.5, "low": 0.3, "high": 0.7}
    >>> found = spread([interval, interval | {"value": 0.6}], 0.95)
    >>> [round(found[name], 3) for name in ("value", "sd_between", "se_texts")]
    [0.55, 0.071, 0.102]
    """
    values = [number(item) for item in estimates]
    known = np.array([np.nan if value is None else value for value in values], np.float64)
    halves = [
        (item["high"] - item["low"]) / 2
        for item in estimates
        if isinstance(item, Mapping) and None not in (item["low"], item["high"])
    ]
    every = len(halves) == len(estimates)
    return {
        "values": values,
        **mean(known, level),
        "sd_between": float(known.std(ddof=1)),
        "se_texts": float(np.mean(halves) / stats.norm.ppf((1 + level) / 2)) if every else None,
    }


def number(estimate: Any) -> float | None:
    """Return the value of an estimate with an interval, or the number that it is itself."""
    return estimate["value"] if isinstance(estimate, Mapping) else estimate


def _spreads(runs: Sequence[Run], paths: Mapping[str, str], level: float) -> dict[str, Any]:
    """Return the spread of each number that every run has."""
    found = {name: [value_at(run.metrics, path) for run in runs] for name, path in paths.items()}
    return {
        name: spread(estimates, level)
        for name, estimates in found.items()
        if all(estimate is not None for estimate in estimates)
    }


def _memorized_in(count: np.ndarray, times: np.ndarray, seeds: int) -> dict[str, list[int]]:
    stratum = stratum_of(count)
    return {
        name: np.bincount(times[stratum == place], minlength=seeds + 1).tolist()
        for place, name in enumerate(STRATA)
    }


def _histories(runs: Sequence[Run]) -> Histories:
    """Return the histories of the units of all runs; their checkpoints are the same."""
    own = [run.histories for run in runs]
    seen = [part.seen for part in own if part.seen is not None]
    return Histories(
        np.concatenate([part.memorized for part in own]),
        np.concatenate([part.observed for part in own]),
        own[0].steps,
        np.concatenate(seen),
    )


def _followed(params: Params) -> Study | None:
    """Return the natural texts of this run that were followed; None without their counts."""
    followed = read_followed(RESULTS, params.seed, params.when.event)
    return followed if CONTINUATIONS in followed.features else None


def _forecasts(runs: Sequence[Run]) -> dict[str, Forecast]:
    """Return what each run's own natural texts tell of its units; nothing if one tells nothing."""
    models = [name for name in runs[0].forecasts if all(name in run.forecasts for run in runs)]
    return {name: Forecast.joined(run.forecasts[name] for run in runs) for name in models}


def _pooled(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the units of all runs.

    Raises
    ------
    UserError
        If two seeds drew the same block of texts: a pool has enough for so many seeds only.
    """
    units = pd.concat([run.arm for run in runs], ignore_index=True)
    if units["block"].nunique() < sum(run.arm["block"].nunique() for run in runs):
        names = ", ".join(str(run.seed) for run in runs)
        raise UserError(
            f"seeds {names}: two share units of the arm; the pool has units for "
            f"{runs[0].metrics['arm']['pool']['seeds_with_own_units']} seeds, 0, 1 and so on"
        )
    return units
