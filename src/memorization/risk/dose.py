"""From how often a text occurs in the training data to how likely it is memorized.

What is known by experiment is the dose at which half of the texts are memorized, and how steep the
curve is there. It depends on the size of the model and of its training data, and was measured for
few: so there is a range, unless both are near one of the experiments.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from memorization.errors import UserError
from memorization.files import read_kept
from memorization.report.wording import Estimate
from memorization.strata import STRATA, stratum_of


@dataclass(frozen=True)
class Experiment:
    """Texts that were put into the training data by lottery, at several doses.

    Attributes
    ----------
    source : who did it.
    parameters, tokens : of the models, and of their training data, from the least to the most.
    low, value, high : copies at which half of the texts are memorized, and its interval; there is
        no value where only the doses next to it are known.
    slope : log-odds a doubling of the dose; None: not known.
    """

    source: str
    parameters: tuple[float, float]
    tokens: tuple[float, float]
    low: float
    high: float
    value: float | None = None
    slope: float | None = None

    def is_near(self, parameters: float, tokens: float) -> bool:
        """Return whether a model's size and training data are within threefold of its own."""
        return all(
            least / NEAR <= own <= most * NEAR
            for own, (least, most) in ((parameters, self.parameters), (tokens, self.tokens))
        )


# How far a model may be from those of an experiment and be taken for one of them.
NEAR = 3.0
# Its doses are 0, 1, 4, 16, 64 and 256: half are memorized between the last two.
HUBBLE = Experiment(
    "Wei et al. 2026 (Hubble)", parameters=(1e9, 8e9), tokens=(1e11, 5e11), low=64, high=256
)


def own_experiment(results: Path) -> Experiment:
    """Return the randomised arm of this repository, of all its seeds.

    Raises
    ------
    UserError
        If ``metrics/seeds.json`` is not among the results, or tells of no such arm.
    """
    found = _metrics(results, "seeds")
    half = (found.get("arm") or {}).get("ed50") or {}
    parts: dict[str, Any] = {name: half.get(name) for name in ("low", "value", "high", "slope")}
    if "study" not in found or None in parts.values():
        raise UserError(
            f"{results}/metrics/seeds.json: tells no dose at which half of the texts are "
            "memorized; --results names a study with a randomised arm, of several seeds"
        )
    study = found["study"]
    suite = study["suite"]
    shape, training = suite["models"][study["target"]], suite["training"]
    # Of a GPT-NeoX but for biases and norms: the layers' matrices, the embeddings and the head.
    hidden = shape["hidden"]
    parameters = 12 * shape["layers"] * hidden**2 + 2 * suite["vocabulary"] * hidden
    tokens = training["steps"] * training["sequences_per_step"] * suite["window"]
    return Experiment(
        f"the randomised arm of this study, {len(found['seeds'])} seeds",
        parameters=(parameters, parameters),
        tokens=(tokens, tokens),
        **parts,
    )


def bands(results: Path) -> dict[str, Estimate]:
    """Return stratum of a count -> share of this study's sequences that are memorized, a census.

    Raises
    ------
    UserError
        If ``metrics/whether.json`` is not among the results.
    """
    strata = _metrics(results, "whether").get("strata", {}).get("continuation_count", {})
    return {name: strata[name]["prevalence"] for name in STRATA if name in strata}


def _metrics(results: Path, name: str) -> dict[str, Any]:
    path = results / "metrics" / f"{name}.json"
    if not (found := read_kept(path)):
        raise UserError(f"{path}: not found; --results names the folder of this study's results")
    return found


@dataclass(frozen=True)
class Dose:
    """What copies do to a model of some size.

    Attributes
    ----------
    experiments : those that it is told from.
    slope : log-odds a doubling of the dose, which only this study's experiment tells.
    is_measured : whether one of them is of such a model, and gives a probability.
    """

    experiments: tuple[Experiment, ...]
    slope: float
    is_measured: bool

    @classmethod
    def of(cls, own: Experiment, parameters: float | None, tokens: float | None) -> Dose:
        """Return what this study's experiment and others tell of a model; None: it is any.

        Raises
        ------
        UserError
            If only one of them is given, or one is not positive.
        """
        if (parameters is None) != (tokens is None):
            lacking = "--training-tokens" if tokens is None else "--parameters"
            raise UserError(f"{lacking}: missing; what copies do depends on both, give both")
        assert own.slope is not None
        known = (own, HUBBLE)
        if parameters is None or tokens is None:
            return cls(known, own.slope, False)
        for name, value in (("--parameters", parameters), ("--training-tokens", tokens)):
            if not (np.isfinite(value) and value > 0):
                raise UserError(f"{name} {value}: must be a positive number, such as 1e9")
        near = tuple(one for one in known if one.is_near(parameters, tokens))
        return cls(near or known, own.slope, bool(near) and near[0].value is not None)

    def risk(self, copies: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the probability of being memorized, and its range, float64 [n] each.

        The probability is NaN where no experiment of such a model gives one.

        Parameters
        ----------
        copies : float [n], in the training data; NaN: not known.

        >>> arm = Experiment("an arm", (1e6, 1e6), (5e6, 5e6), low=60, value=66, high=72, slope=2.8)
        >>> low, value, high = Dose.of(arm, 1e6, 5e6).risk(np.array([0, 66, 256]))
        >>> value.round(3).tolist()
        [0.0, 0.5, 0.996]
        """
        low = self._at(copies, max(own.high for own in self.experiments))
        high = self._at(copies, min(own.low for own in self.experiments))
        half = self.experiments[0].value if self.is_measured else None
        return low, self._at(copies, half) if half else np.full(len(copies), np.nan), high

    def _at(self, copies: np.ndarray, half: float) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.where(np.isnan(copies), np.nan, expit(self.slope * np.log2(copies / half)))


def band_of(copies: np.ndarray) -> np.ndarray:
    """Return the stratum of each number of copies, object [n]: '0' for none, None if not known.

    >>> band_of(np.array([0, 1, 7, 200, np.nan])).tolist()
    ['0', '1', '5-19', '100+', None]
    """
    names = np.array([*STRATA, None], dtype=object)
    known = copies >= 1
    stratum: np.ndarray = names[stratum_of(np.where(known, copies, 1))]
    stratum[~known] = None
    stratum[copies == 0] = "0"
    return stratum
