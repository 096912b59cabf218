"""Features of any sequences, outside the pipeline: from arrays of tokens, or texts, to a table."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from memorization.errors import UserError
from memorization.features.family import Inputs
from memorization.features.registry import FAMILIES, compute_features, feature_of
from memorization.features.text import Encoder
from memorization.protocol import SEQUENCE, TIERS

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

Short = Literal["error", "drop", "null"]

# What must be given for each tier; the highest needs evaluations of models that only a suite has.
NEEDS = {"text": None, "corpus": "corpus", "reference": "reference"}


@dataclass(frozen=True)
class Sources:
    """What features are computed from, apart from the sequences.

    Attributes
    ----------
    tokenizer : byte-level BPE; token 0 is end-of-text.
    corpus : uint16 [N, T], T ≥ 64: rows of text to count over, or None.
    reference : a causal language model in evaluation mode, or None.
    batch : sequences a forward pass.
    corpus_place : int64 [N, 2], where in the stream of all documents, each of which ends with token
        0, the first token of each row of the corpus is, and where the document that holds it
        begins; None: not known, and documents are not counted.
    """

    tokenizer: Tokenizer
    corpus: np.ndarray | None = None
    reference: PreTrainedModel | None = None
    batch: int = 256
    corpus_place: np.ndarray | None = None


# A sequence of one's own: its index, its first tokens (0 where it has ended), how many of 64 it
# has, and the row of the corpus that begins with it, -1 for none.
ROW = np.dtype(
    [("index", np.int64), ("tokens", np.int32, SEQUENCE), ("length", np.int64), ("row", np.int64)]
)


def features_of(
    sequences: np.ndarray | Sequence[str],
    sources: Sources,
    tiers: Sequence[str] = ("text",),
    families: Sequence[str] | None = None,
    index: np.ndarray | None = None,
    corpus_row: np.ndarray | None = None,
    short: Short = "error",
) -> pd.DataFrame:
    """Return the features of the first 64 tokens of each sequence.

    Columns are ``index`` and one float64 column a feature, named ``family.name``. A sequence has
    the same features in any company. What is known only of a training sequence in a suite (its
    step, its domain, what smaller models memorized) is left out.

    Counts are of a sequence with all its copies: one for itself, and one for every other occurrence
    in the corpus. A sequence that is itself a row of the corpus must be said to be
    (``corpus_row``), or it is taken for one more copy. Where rows are longer than 64 tokens, so
    must all or none: what follows a sequence in its row counts too, and is known of a row only.

    Parameters
    ----------
    sequences : texts, or integers [n, ≥ 64], tokens.
    tiers : of ``protocol.TIERS``, those to compute, except 'sibling'; 'corpus' and 'reference' need
        the source of that name.
    families : names from ``FAMILIES``; None: all that have a feature of these tiers.
    index : int64 [n], distinct, ≥ 0; None: 0 … n - 1.
    corpus_row : int64 [n], the row of the corpus that begins with the sequence, -1 where none does;
        None: none does.
    short : what becomes of a text of fewer than 64 tokens, which has no prompt and continuation:
        'error'; 'drop', no row; 'null', a row whose features are all missing.

    Raises
    ------
    UserError
        If a tier or family is unknown or cannot be computed from these sources, a text is short
        and must not be, a token is not of the tokenizer, an index is negative or there twice, or a
        row of the corpus does not begin with the sequence that it should.

    >>> from tokenizers import Tokenizer, models
    >>> letters = Tokenizer(models.BPE({"<|endoftext|>": 0, "a": 1, "b": 2}, []))
    >>> table = features_of(["ab" * 32, "a" * 99], Sources(letters), families=["repetition"])
    >>> table[["index", "repetition.sequence_period"]].to_numpy().tolist()
    [[0.0, 2.0], [1.0, 1.0]]
    """
    given = [need for need in NEEDS.values() if need and getattr(sources, need) is not None]
    chosen = choose_families(tiers, families, given)
    tokens, length = _first_tokens(sequences, sources)
    _check_tokens(tokens, sources)
    n = len(length)
    rows = np.empty(n, ROW)
    rows["tokens"], rows["length"] = tokens, length
    rows["index"] = np.arange(n) if index is None else _whole_numbers("index", index, n)
    rows["row"] = -1 if corpus_row is None else _whole_numbers("corpus_row", corpus_row, n)
    check_index(rows["index"])
    return features_of_rows(rows, sources, tiers, chosen, short)


def features_of_rows(
    rows: np.ndarray,
    sources: Sources,
    tiers: Sequence[str],
    families: Sequence[str],
    short: Short,
    before: int = 0,
) -> pd.DataFrame:
    """Return the features of some rows, ``ROW`` [n], after so many others; as `features_of`."""
    is_long = rows["length"] == SEQUENCE
    if short == "error" and not is_long.all():
        place = int(is_long.argmin())
        raise UserError(
            f"row {before + place}: {rows['length'][place]} tokens; features are of {SEQUENCE}, a "
            "prompt and a continuation of half of them each; leave such rows out (short: drop) or "
            "empty (short: null)"
        )
    long = rows[is_long]
    _check_tokens(long["tokens"], sources)
    corpus = sources.corpus if "corpus" in tiers else None
    if corpus is not None:
        _check_corpus_rows(long, corpus)
    inputs = Inputs(
        index=long["index"],
        tokens=np.ascontiguousarray(long["tokens"]),
        step=None,
        domain=np.full(len(long), None, dtype=object),
        windows=np.zeros((0, SEQUENCE), np.uint16) if corpus is None else corpus,
        rows=np.full(len(long), -1) if corpus is None else long["row"],
        tokenizer=sources.tokenizer,
        corpus_place=None if corpus is None else sources.corpus_place,
        reference=sources.reference,
        batch=sources.batch,
    )
    table = compute_features(inputs, families)
    table = table[[n for n in table if n == "index" or feature_of(str(n)).tier in tiers]]
    if short != "null":
        return table
    return table.set_index("index").reindex(rows["index"]).rename_axis("index").reset_index()


def _first_tokens(
    sequences: np.ndarray | Sequence[str], sources: Sources
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first tokens of sequences, [n, 64], and how many there are of each, at most 64."""
    if isinstance(sequences, np.ndarray) and sequences.dtype.kind in "iu" and sequences.ndim == 2:
        if sequences.shape[1] < SEQUENCE:
            raise UserError(
                f"sequences of {sequences.shape[1]} tokens; features are of {SEQUENCE}: pass at "
                "least as many, or the texts"
            )
        return sequences[:, :SEQUENCE], np.full(len(sequences), SEQUENCE)
    if isinstance(sequences, str) or not all(isinstance(text, str) for text in sequences):
        raise UserError(
            f"sequences: must be texts, or an array of integers [n, ≥ {SEQUENCE}], tokens; pass "
            "lists of tokens as np.array(lists)"
        )
    return Encoder(sources.tokenizer).first_tokens(list(sequences))


def _whole_numbers(name: str, values: np.ndarray, n: int) -> np.ndarray:
    """Return a number for each of n sequences, int64 [n]."""
    found = np.asarray(values)
    if found.shape != (n,) or (n and found.dtype.kind not in "iu"):
        raise UserError(
            f"{name}: {found.dtype} {list(found.shape)}; must be integers [{n}], one a sequence"
        )
    if n and found.max() >= 2**63:
        raise UserError(f"{name} {found.max()}; must be at most {2**63 - 1}")
    return found.astype(np.int64)


def choose_families(
    tiers: Sequence[str], families: Sequence[str] | None, given: Collection[str]
) -> list[str]:
    """Return the families that have a feature of these tiers, in the order of the registry.

    ``given`` is what there is of that which tiers need: 'corpus', 'reference'.
    """
    for tier in tiers:
        if tier not in TIERS:
            raise UserError(f"no tier '{tier}'; the tiers are: {', '.join(NEEDS)}")
        if tier not in NEEDS:
            raise UserError(
                f"tier '{tier}': needs what a suite's smaller models have memorized, which only "
                f"the pipeline knows (dvc repro features); the tiers here: {', '.join(NEEDS)}"
            )
        need = NEEDS[tier]
        if need is not None and need not in given:
            raise UserError(f"tier '{tier}': needs a {need}; pass one (--{need})")
    if not tiers:
        raise UserError(f"no tier; name some of: {', '.join(NEEDS)}")
    tiers_of = {
        name: sorted({feature.tier for feature in family.features}, key=TIERS.index)
        for name, family in FAMILIES.items()
    }
    for name in families or ():
        if name not in FAMILIES:
            raise UserError(f"no family '{name}'; the families are: {', '.join(FAMILIES)}")
        if not set(tiers_of[name]) & set(tiers):
            raise UserError(
                f"family '{name}': none of its features is of tier {' or '.join(tiers)}; its own "
                f"are: {', '.join(tiers_of[name])}"
            )
    wanted = FAMILIES if families is None else families
    return [name for name in FAMILIES if name in wanted and set(tiers_of[name]) & set(tiers)]


def check_index(index: np.ndarray, where: str = "") -> None:
    """Raise a UserError (after ``where``) unless indices are distinct and not negative."""
    ordered = np.sort(index)
    if len(ordered) and ordered[0] < 0:
        raise UserError(f"{where}index {ordered[0]}; must not be negative")
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(twice):
        raise UserError(f"{where}index {twice[0]} is there twice; each sequence needs its own")


def check_known(is_known: np.ndarray, corpus: np.ndarray) -> None:
    """Raise a UserError unless the rows of all sequences are known, or of none, or do not matter.

    In rows longer than the sequence its own row also holds what follows it, which of a sequence
    that begins no row is not known: their counts cannot be compared.
    """
    if corpus.shape[1] > SEQUENCE and is_known.any() and not is_known.all():
        raise UserError(
            "corpus_row must be known for all sequences or for none when the rows are longer than "
            f"{SEQUENCE} tokens (here: {corpus.shape[1]:,}), since counts differ; leave out the "
            f"sequences without one, or pass a corpus of rows of {SEQUENCE} tokens"
        )


def _check_tokens(tokens: np.ndarray, sources: Sources) -> None:
    """Raise a UserError unless all tokens are of the tokenizer, and of the reference."""
    limits = {"tokenizer": max(sources.tokenizer.get_vocab().values()) + 1}
    if sources.reference is not None:
        limits["reference"] = sources.reference.config.vocab_size
    low, high = (int(tokens.min()), int(tokens.max())) if tokens.size else (0, 0)
    for name, limit in limits.items():
        if low < 0 or high >= limit:
            wrong = low if low < 0 else high
            raise UserError(
                f"token {wrong}: the {name} knows tokens 0 to {limit - 1}; pass the {name} of the "
                "model that these tokens are for"
            )


def _check_corpus_rows(rows: np.ndarray, corpus: np.ndarray) -> None:
    """Raise a UserError unless each row of the corpus, where one is given, begins as it should."""
    check_known(rows["row"] != -1, corpus)
    wrong = (rows["row"] < -1) | (rows["row"] >= len(corpus))
    held = np.flatnonzero(~wrong & (rows["row"] >= 0))
    wrong[held] = (corpus[rows["row"][held], :SEQUENCE] != rows["tokens"][held]).any(axis=1)
    if wrong.any():
        place = int(wrong.argmax())
        raise UserError(
            f"index {rows['index'][place]}: corpus_row {rows['row'][place]}, but of the corpus's "
            f"{len(corpus):,} rows of {corpus.shape[1]:,} tokens, numbered from 0, that one does "
            "not begin with the sequence; pass the one that does, or -1 if none does"
        )
