"""What a feature is, what a family of features is, and what a family is given to compute them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from memorization.counting.counting import SequenceCounts, count_sequences, n_passes
from memorization.counting.shards import ENGINES
from memorization.progress import progress
from memorization.protocol import PROMPT, SEQUENCE, TIERS

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import GPTNeoXForCausalLM, PreTrainedModel

Direction = Literal["+", "-", "?"]
# Halves of a sequence, and both: what a feature may be about.
PARTS = {
    "prompt": slice(0, PROMPT),
    "continuation": slice(PROMPT, SEQUENCE),
    "sequence": slice(0, SEQUENCE),
}


@dataclass(frozen=True)
class Feature:
    """One property of a sequence, and why it might matter.

    Attributes
    ----------
    name : its name in the family. A part in braces stands for a name known only with the data:
        ``{model}_memorized`` is one column a model.
    tier : what one must have to compute it, one of ``protocol.TIERS``.
    hypothesis : one sentence, why it might matter.
    direction : expected sign of its association with memorization; '?': arguments go both ways.
    source : the paper it comes from, or 'this work'.
    cost : what it takes to compute, in words: "one pass over the corpus", "a forward pass".
    needs : the field of ``Inputs`` without which there is no column of it; '' where there always is
        (or where the whole family is left out).
    """

    name: str
    tier: str
    hypothesis: str
    direction: Direction
    source: str
    cost: str = ""
    needs: str = ""

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
        return re.fullmatch(r"[\w.-]+".join(map(re.escape, parts)), name) is not None


# A line of a table of features: name, expected direction, hypothesis, and its source.
Row = tuple[str, Direction, str] | tuple[str, Direction, str, str]


def declare(
    tier: str, cost: str, rows: Sequence[Row], needs: str = "", parts: Iterable[str] = ("",)
) -> tuple[Feature, ...]:
    """Return features that have tier, cost and need in common; without a source, of this work.

    With ``parts`` of the sequence each row stands for a feature of each, ``{part}_{name}``, and
    ``{part}`` in its hypothesis for the part.

    >>> rows = [("mean", "+", "Frequent tokens of the {part} are easy.")]
    >>> [own.name for own in declare("text", "none", rows, parts=("prompt", "sequence"))]
    ['prompt_mean', 'sequence_mean']
    """
    return tuple(
        Feature(
            f"{part}_{name}".lstrip("_"),
            tier,
            hypothesis.replace("{part}", part),
            direction,
            source[0] if source else "this work",
            cost,
            needs,
        )
        for name, direction, hypothesis, *source in rows
        for part in parts
    )


@dataclass(frozen=True)
class Inputs:
    """What families compute from; each takes what its tier allows. None: not known.

    Attributes
    ----------
    index : int64 [n], position in training order.
    tokens : int32 [n, 64], or fewer a sequence where no corpus is counted over.
    step : int32 [n], optimizer step at which a sequence is seen.
    domain : object [n], name or None.
    windows : uint16 [N, T], T ≥ 64: rows of training text to count over, all of it or a sample; may
        be memory-mapped. The model sees each row by itself, so no n-gram crosses rows.
    rows : int64 [n], the row of ``windows`` that begins with the sequence, -1 where none does. What
        is counted of a sequence must not depend on whether it was drawn into the sample itself, so
        this one occurrence counts exactly once for every sequence.
    tokenizer : of the suite, or the bytes of each token; token 0 is end-of-text.
    corpus_step : int32 [N], the optimizer step in which each row of ``windows`` is trained on; None
        when the rows are a sample, so that exposures in time are not known.
    corpus_place : int64 [N, 2], where in the stream of all documents the first token of each row of
        ``windows`` is, and where the document that holds it begins.
    context : uint16 [n, T], the whole training window that each sequence begins.
    offset : int64 [n], tokens of its document before the sequence.
    document_length : int64 [n], tokens of the document that holds its first token.
    epoch : int64 [n], how often the data have been gone through when it is seen, from 0.
    duplicates : int64 [n], published number of the sequence's occurrences.
    token_count : int64 [V], published occurrences of each token; None: counted in ``windows``.
    reference : the smallest model at its last checkpoint, in evaluation mode; None when the target
        is that model, because nothing may come from the target itself.
    memorized : model smaller than the target, from small to large -> bool [n].
    siblings : those of them that can be run, at their last checkpoints.
    batch : sequences a forward pass; only speed depends on it.
    engine : who counts, a name of `memorization.counting.shards.ENGINES`; the result is the same.
    """

    index: np.ndarray
    tokens: np.ndarray
    step: np.ndarray | None
    domain: np.ndarray
    windows: np.ndarray
    rows: np.ndarray
    tokenizer: Tokenizer | list[bytes]
    corpus_step: np.ndarray | None = None
    corpus_place: np.ndarray | None = None
    context: np.ndarray | None = None
    offset: np.ndarray | None = None
    document_length: np.ndarray | None = None
    epoch: np.ndarray | None = None
    duplicates: np.ndarray | None = None
    token_count: np.ndarray | None = None
    reference: PreTrainedModel | None = None
    memorized: Mapping[str, np.ndarray] = field(default_factory=dict)
    siblings: Mapping[str, GPTNeoXForCausalLM] = field(default_factory=dict)
    batch: int = 256
    engine: str = "local"

    def __post_init__(self) -> None:
        """Check the shapes."""
        n = len(self.index)
        length = SEQUENCE if len(self.windows) else min(self.tokens.shape[-1], SEQUENCE)
        if self.tokens.shape != (n, length):
            raise ValueError(f"tokens: shape {self.tokens.shape}, expected {(n, length)}")
        for name in PER_SEQUENCE:
            values = getattr(self, name)
            if values is not None and len(values) != n:
                raise ValueError(f"{name}: {len(values)} entries, expected {n}, one a sequence")
        if (self.offset is None) != (self.document_length is None):
            raise ValueError("offset and document_length are known together or not at all")
        drawn = np.count_nonzero(self.rows >= 0)
        if self.windows.shape[-1] > SEQUENCE and 0 < drawn < n:
            raise ValueError(
                f"rows: {drawn} of {n} sequences begin a row of more than {SEQUENCE} tokens, whose "
                "rest would count for them alone; give the rows of all or of none"
            )
        if self.windows.ndim != 2 or self.windows.shape[1] < SEQUENCE:
            raise ValueError(f"windows: shape {self.windows.shape}, expected [N, T ≥ {SEQUENCE}]")

    @cached_property
    def counts(self) -> SequenceCounts:
        """What ``windows`` hold of the sequences; counted once, when first asked for."""
        tokens = n_passes(len(self.index)) * self.windows.size
        with progress("counts", tokens, "tokens") as advance:
            return count_sequences(
                self.windows, self.tokens, self.rows, advance=advance, engine=ENGINES[self.engine]
            )


# Fields of Inputs with an entry a sequence.
PER_SEQUENCE = (
    "index", "tokens", "step", "domain", "rows", "context", "offset", "document_length", "epoch",
    "duplicates",
)  # fmt: skip


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
