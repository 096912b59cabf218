"""What a feature is, what a family of features is, and what a family is given to compute them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from memorization.protocol import SEQUENCE, TIERS

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import GPTNeoXForCausalLM

Direction = Literal["+", "-", "?"]


@dataclass(frozen=True)
class Feature:
    """One property of a sequence, and why it might matter.

    Attributes
    ----------
    name : its name in the family. A part in braces stands for a name known only with the data:
        ``{model}_memorized`` is one column a model.
    tier : what one must have to compute it, one of ``protocol.TIERS``.
    hypothesis : one sentence, why it might matter.
    direction : expected sign of its association with memorization; '?' where arguments go both
        ways.
    source : the paper it comes from, or 'this work'.
    """

    name: str
    tier: str
    hypothesis: str
    direction: Direction
    source: str

    def __post_init__(self) -> None:
        """Check the tier."""
        if self.tier not in TIERS:
            raise ValueError(f"feature {self.name}: tier '{self.tier}' is not one of {TIERS}")

    @property
    def is_template(self) -> bool:
        """Whether the feature is several columns, named with the data."""
        return "{" in self.name

    def matches(self, name: str) -> bool:
        """Return whether a column of this name (without its family) holds this feature.

        >>> memorized = Feature("{model}_memorized", "sibling", "…", "+", "this work")
        >>> memorized.matches("micro-140k_memorized"), memorized.matches("micro-140k_rank")
        (True, False)
        """
        parts = re.split(r"\{\w+\}", self.name)
        return re.fullmatch(r"[\w-]+".join(map(re.escape, parts)), name) is not None


@dataclass(frozen=True)
class Inputs:
    """What families compute from; each takes what its tier allows.

    Attributes
    ----------
    index : int64 [n], position in training order.
    tokens : int32 [n, 64].
    step : int32 [n], optimizer step at which a sequence is seen.
    domain : object [n], name or None.
    windows : uint16 [N, T], T ≥ 64: the training data, a row a window, in training order; may be
        memory-mapped. The model sees each row by itself, so no n-gram crosses rows.
    tokenizer : of the suite; token 0 is end-of-text.
    reference : the smallest model at its last checkpoint, in evaluation mode; None when the target
        is that model, because nothing may come from the target itself.
    siblings : models smaller than the target at their last checkpoints, from small to large.
    batch : sequences a forward pass; only speed depends on it.
    """

    index: np.ndarray
    tokens: np.ndarray
    step: np.ndarray
    domain: np.ndarray
    windows: np.ndarray
    tokenizer: Tokenizer
    reference: GPTNeoXForCausalLM | None = None
    siblings: Mapping[str, GPTNeoXForCausalLM] = field(default_factory=dict)
    batch: int = 256

    def __post_init__(self) -> None:
        """Check the shapes."""
        n = len(self.index)
        if self.tokens.shape != (n, SEQUENCE):
            raise ValueError(f"tokens: shape {self.tokens.shape}, expected {(n, SEQUENCE)}")
        if len(self.step) != n or len(self.domain) != n:
            raise ValueError(f"step and domain must have {n} entries, one a sequence")
        if self.windows.ndim != 2 or self.windows.shape[1] < SEQUENCE:
            raise ValueError(f"windows: shape {self.windows.shape}, expected [N, T ≥ {SEQUENCE}]")


@dataclass(frozen=True)
class Family:
    """Features that are computed together.

    Attributes
    ----------
    name : prefix of the columns.
    features : what it computes.
    compute : inputs -> column name (without the family) -> array [n]; no column at all where the
        inputs do not admit the family.
    """

    name: str
    features: tuple[Feature, ...]
    compute: Callable[[Inputs], dict[str, np.ndarray]]

    def feature(self, name: str) -> Feature | None:
        """Return the feature that a column holds; an exact name goes before a template."""
        ranked = sorted(self.features, key=lambda feature: feature.is_template)
        return next((feature for feature in ranked if feature.matches(name)), None)
