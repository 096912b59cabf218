"""Features of any sequences, outside the pipeline: from arrays of tokens, or texts, to a table."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from memorization.errors import UserError
from memorization.features.family import Inputs
from memorization.features.lengths import least_tokens
from memorization.features.registry import FAMILIES, compute_features, feature_of
from memorization.features.vocabulary import Vocabulary
from memorization.protocol import END_OF_TEXT, SEQUENCE, TIERS

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

Short = Literal["keep", "drop", "error"]

# What must be given for each tier; the highest needs evaluations of models that only a suite has.
NEEDS = {"text": None, "corpus": "corpus", "reference": "reference"}

# A corpus is counted over as 16-bit numbers, of which a sequence may need 64 that the corpus lacks.
MOST_IDS = 2**16 - SEQUENCE


@dataclass(frozen=True)
class Sources:
    """What features are computed from, apart from the sequences.

    Attributes
    ----------
    tokenizer : of any kind; token 0 of a byte-level BPE of a suite is end-of-text.
    corpus : uint16 [N, T], T ≥ 64: rows of text to count over, or None; tokens by the features'
        numbers (`Vocabulary.numbers`), or places among ``corpus_ids``.
    reference : a causal language model in evaluation mode, or None.
    batch : sequences a forward pass.
    corpus_place : int64 [N, 2], where in the stream of all documents, each of which ends with token
        0, the first token of each row of the corpus is, and where the document that holds it
        begins; None: not known, and documents are not counted.
    corpus_ids : int64 [k], ascending, k ≤ 65,472: the numbers that the corpus has, 0 among them,
        where the tokenizer's do not all fit 16 bits; else None.
    """

    tokenizer: Tokenizer
    corpus: np.ndarray | None = None
    reference: PreTrainedModel | None = None
    batch: int = 256
    corpus_place: np.ndarray | None = None
    corpus_ids: np.ndarray | None = None

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The tokenizer's tokens, by number and as bytes."""
        return Vocabulary(self.tokenizer)

    @property
    def given(self) -> list[str]:
        """What there is of that which tiers need."""
        return [need for need in NEEDS.values() if need and getattr(self, need) is not None]


# A sequence of one's own: its index, its first tokens (0 where it has ended), how many of 64 it
# has, and the row of the corpus that begins with it, -1 for none.
ROW = np.dtype(
    [("index", np.int64), ("tokens", np.int32, SEQUENCE), ("length", np.int64), ("row", np.int64)]
)


def features_of(
    sequences: np.ndarray | Sequence[str] | Sequence[Sequence[int]],
    sources: Sources,
    tiers: Sequence[str] = ("text",),
    families: Sequence[str] | None = None,
    index: np.ndarray | None = None,
    corpus_row: np.ndarray | None = None,
    short: Short = "keep",
) -> pd.DataFrame:
    """Return the features of the first 64 tokens of each sequence.

    Columns are ``index`` and one float64 column a feature, named ``family.name``. A sequence has
    the same features in any company. What is known only of a training sequence in a suite (its
    step, its domain, what smaller models memorized) is left out. Of a sequence of fewer than 64
    tokens, features are computed over those that are there; one that needs more is missing
    (`memorization.features.lengths.least_tokens`).

    Counts are of a sequence with all its copies: one for itself, and one for every other occurrence
    in the corpus. A sequence that is itself a row of the corpus must be said to be
    (``corpus_row``), or it is taken for one more copy. Where rows are longer than 64 tokens, so
    must all or none: what follows a sequence in its row counts too, and is known of a row only.

    Parameters
    ----------
    sequences : texts, lists of tokens, or integers [n, length], tokens.
    tiers : of ``protocol.TIERS``, those to compute, except 'sibling'; 'corpus' and 'reference' need
        the source of that name.
    families : names from ``FAMILIES``; None: all that have a feature of these tiers.
    index : int64 [n], distinct, ≥ 0; None: 0 … n - 1.
    corpus_row : int64 [n], the row of the corpus that begins with the sequence, -1 where none does;
        None: none does.
    short : what becomes of a sequence of fewer than 64 tokens: 'keep'; 'drop', no row; 'error'.

    Raises
    ------
    UserError
        If a tier or family is unknown or cannot be computed from these sources, a text is short
        and must not be, a token is not of the tokenizer, an index is negative or there twice, or a
        row of the corpus does not begin with the sequence that it should.

    >>> from tokenizers import Tokenizer, models
    >>> letters = Tokenizer(models.BPE({"<|endoftext|>": 0, "a": 1, "b": 2}, []))
    >>> table = features_of(["ab" * 32, "a" * 9], Sources(letters), families=["repetition"])
    >>> table[["index", "repetition.sequence_period"]].to_numpy().tolist()
    [[0.0, 2.0], [1.0, 1.0]]
    """
    chosen = choose_families(tiers, families, sources.given)
    tokens, lengths = _tokens(sequences, sources.vocabulary)
    sources.vocabulary.check(tokens)
    n = len(lengths)
    rows = np.zeros(n, ROW)
    rows["length"] = np.minimum(lengths, SEQUENCE)
    rows["tokens"] = taken(tokens, np.cumsum(lengths) - lengths, rows["length"])
    rows["index"] = np.arange(n) if index is None else _whole_numbers("index", index, n)
    rows["row"] = -1 if corpus_row is None else _whole_numbers("corpus_row", corpus_row, n)
    check_index(rows["index"])
    is_short = rows["length"] < SEQUENCE
    if short == "error" and is_short.any():
        place = int(is_short.argmax())
        raise UserError(
            f"sequence {place}: {rows['length'][place]} tokens, fewer than {SEQUENCE}; pass "
            "short='keep' for the features that it has, or 'drop' to leave it out"
        )
    return features_of_rows(rows[~is_short] if short == "drop" else rows, sources, tiers, chosen)


def features_of_rows(
    rows: np.ndarray, sources: Sources, tiers: Sequence[str], families: Sequence[str]
) -> pd.DataFrame:
    """Return the features of some rows, ``ROW`` [n]; as `features_of`, which checks its input.

    Raises a UserError if a row of the corpus, or the vocabulary of the reference, does not fit.
    """
    _check_reference(rows["tokens"], sources)
    if sources.corpus is not None and "corpus" in tiers:
        check_known(rows["row"][rows["length"] == SEQUENCE] != -1, sources.corpus)
    columns: dict[str, np.ndarray] = {}
    # Full sequences first, even if there are none: they have every column.
    for length in [SEQUENCE, *np.unique(rows["length"][rows["length"] % SEQUENCE > 0])]:
        own = rows["length"] == length
        for tier in tiers:
            names = [name for name in families if _tier(name, tiers) == tier]
            if length < SEQUENCE:
                full = [column for column in columns if least_tokens(column) <= length]
                names = [name for name in names if any(c.split(".")[0] == name for c in full)]
            if not names:
                continue
            found = compute_features(_inputs(rows[own], int(length), tier, sources), names)
            for column in found.columns[1:]:
                if length == SEQUENCE and feature_of(column).tier in tiers:
                    columns[column] = np.full(len(rows), np.nan)
                if column in columns and least_tokens(column) <= length:
                    columns[column][own] = found[column]
    ordered = sorted(columns, key=lambda column: families.index(column.split(".")[0]))
    return pd.DataFrame({"index": rows["index"]} | {name: columns[name] for name in ordered})


def _tier(family: str, tiers: Sequence[str]) -> str:
    """Return the lowest of some tiers that a family has a feature of."""
    own = {feature.tier for feature in FAMILIES[family].features}
    return min(own & set(tiers), key=TIERS.index)


def _inputs(rows: np.ndarray, length: int, tier: str, sources: Sources) -> Inputs:
    """Return what features of a tier are computed from, of rows of one length."""
    vocabulary, own = sources.vocabulary, rows["tokens"][:, :length]
    corpus, place = np.zeros((0, SEQUENCE), np.uint16), None
    known = np.full(len(rows), -1)
    pieces: list[bytes] = []
    if tier == "reference":
        tokens = own  # the model's own numbers
    elif tier == "text":
        tokens = vocabulary.numbers(own)
        if vocabulary.fits:
            pieces = vocabulary.pieces(np.arange(vocabulary.limit))
        else:  # only those that occur, numbered anew; 0 stays 0
            numbers = np.union1d(tokens, [END_OF_TEXT])
            tokens, pieces = np.searchsorted(numbers, tokens), vocabulary.pieces(numbers)
    else:
        assert sources.corpus is not None
        if sources.corpus_ids is None and not vocabulary.fits:
            raise UserError(
                f"a tokenizer of {vocabulary.size:,} tokens: pass corpus_ids, as "
                "memorization.features.own.corpus.read_corpus gives them"
            )
        corpus, place, known = sources.corpus, sources.corpus_place, rows["row"]
        tokens = _in_corpus(vocabulary.numbers(own), sources.corpus_ids)
        _check_corpus_rows(rows, tokens, corpus)
    return Inputs(
        index=np.arange(len(rows)),
        tokens=np.ascontiguousarray(tokens, np.int32),
        step=None,
        domain=np.full(len(rows), None, dtype=object),
        windows=corpus,
        rows=known,
        tokenizer=pieces,
        corpus_place=place,
        reference=sources.reference,
        batch=sources.batch,
    )


def _in_corpus(tokens: np.ndarray, ids: np.ndarray | None) -> np.ndarray:
    """Return the places of tokens among those of a corpus, [n, 64]; beyond them for all others.

    What the corpus lacks only its own sequence counts, so it is told apart within that alone.

    >>> _in_corpus(np.array([[9, 70_000, 9, 80_000]]), np.array([0, 70_000])).tolist()
    [[2, 1, 2, 4]]
    """
    if ids is None:
        return tokens
    place = np.minimum(np.searchsorted(ids, tokens), len(ids) - 1)
    # How many different tokens of the sequence are not larger.
    order = np.argsort(tokens, axis=1, kind="stable")
    ordered = np.take_along_axis(tokens, order, axis=1)
    rank = np.zeros_like(tokens)
    np.put_along_axis(rank, order, np.cumsum(np.diff(ordered, axis=1, prepend=-1) > 0, axis=1), 1)
    lacking = ids[place] != tokens
    return np.where(lacking, len(ids) + rank - 1, place)


def taken(tokens: np.ndarray, begin: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Return runs of tokens, int32 [n, 64], each of a length from where it begins; then 0.

    >>> taken(np.array([7, 8, 9]), np.array([0, 1]), np.array([1, 2]))[:, :3].tolist()
    [[7, 0, 0], [8, 9, 0]]
    """
    place = np.arange(SEQUENCE)
    held = place < length[:, None]
    found = np.zeros(held.shape, np.int32)
    found[held] = tokens[(begin[:, None] + place)[held]]
    return found


def _tokens(
    sequences: np.ndarray | Sequence[str] | Sequence[Sequence[int]], vocabulary: Vocabulary
) -> tuple[np.ndarray, np.ndarray]:
    """Return the own tokens of sequences, one after another, and how many each has, int64."""
    if isinstance(sequences, np.ndarray) and sequences.dtype.kind in "iu" and sequences.ndim == 2:
        return sequences.ravel(), np.full(len(sequences), sequences.shape[1])
    if not isinstance(sequences, str | np.ndarray):
        if all(isinstance(text, str) for text in sequences):
            return vocabulary.encode(list(sequences), first=True)  # type: ignore[arg-type]
        lists = [np.asarray(own) for own in sequences]
        if all(own.ndim == 1 and (own.dtype.kind in "iu" or not own.size) for own in lists):
            return np.concatenate(lists), np.array([len(own) for own in lists])
    raise UserError(
        "sequences: must be texts, lists of integers, tokens, or an array of integers [n, length]"
    )


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


def _check_reference(tokens: np.ndarray, sources: Sources) -> None:
    """Raise a UserError unless the reference, where there is one, knows all tokens."""
    limit = 0 if sources.reference is None else sources.reference.config.vocab_size
    if sources.reference is not None and tokens.size and tokens.max() >= limit:
        raise UserError(
            f"token {tokens.max()}: the reference knows tokens 0 to {limit - 1}; pass the "
            "reference of the model that these tokens are for (--reference), and its tokenizer"
        )


def _check_corpus_rows(rows: np.ndarray, tokens: np.ndarray, corpus: np.ndarray) -> None:
    """Raise a UserError unless each row of the corpus, where one is given, begins as it should."""
    wrong = (rows["row"] < -1) | (rows["row"] >= len(corpus))
    held = np.flatnonzero(~wrong & (rows["row"] >= 0))
    wrong[held] = (corpus[rows["row"][held], :SEQUENCE] != tokens[held]).any(axis=1)
    if wrong.any():
        place = int(wrong.argmax())
        raise UserError(
            f"index {rows['index'][place]}: corpus_row {rows['row'][place]}, but of the corpus's "
            f"{len(corpus):,} rows of {corpus.shape[1]:,} tokens, numbered from 0, that one does "
            "not begin with the sequence; pass the one that does, or -1 if none does"
        )
