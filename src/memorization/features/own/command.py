"""Features of anybody's texts, from file to file: ``memorization features IN OUT``."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from memorization.errors import UserError
from memorization.features.lengths import least_tokens
from memorization.features.own.corpus import read_corpus
from memorization.features.own.reading import Source, open_source, readable, reason
from memorization.features.own.reference import load_reference
from memorization.features.own.writing import check_carried, told_apart, writing
from memorization.features.registry import FAMILIES, feature_of
from memorization.features.use import (
    NEEDS,
    ROW,
    Short,
    Sources,
    check_index,
    check_known,
    choose_families,
    features_of_rows,
    taken,
)
from memorization.features.vocabulary import Vocabulary, bytes_tokenizer
from memorization.progress import progress
from memorization.protocol import SEQUENCE, TIERS

TOKENIZER = Path("results/suite/tokenizer.json")
# Windows whose features are computed together: of 100 features they take about 50 MB, and a corpus
# is gone through once for them all.
ROWS = 65_536
# Texts after which the rate is told, where their number is not known.
STEP = 10_000
# A window of a text: which of the text's it is, and its first token there.
WINDOW = np.dtype([*ROW.descr, ("window", np.int64), ("start", np.int64)])
# Columns that are written of every window, besides those that are carried along and the features.
COLUMNS = ("index", "window", "start", "tokens", "short")


@dataclass(frozen=True)
class Options:
    """What features to compute, of what part of the texts.

    Attributes
    ----------
    tiers, families : as for `features_of`.
    carry : columns of the input to write, too.
    corpus, reference, tokenizer : where they are; tokenizer 'bytes': a token a byte; None: see
        `tokenizer_path`.
    first : only the first window of each text.
    stride : tokens from one window of a text to the next; its last is its last 64 tokens.
    short : what becomes of a text of fewer than 64 tokens.
    form : of the input, see `open_source`.
    batch, device : for the reference.
    rows : windows at once.
    """

    tiers: Sequence[str] = ("text",)
    families: Sequence[str] | None = None
    carry: Sequence[str] = ()
    corpus: Path | None = None
    reference: Path | None = None
    tokenizer: str | None = None
    first: bool = False
    stride: int = SEQUENCE
    short: Short = "keep"
    form: str | None = None
    batch: int = 256
    device: str = "cpu"
    rows: int = ROWS


@dataclass
class Seen:
    """What has been met so far: texts, windows, and windows of fewer than 64 tokens by length."""

    texts: int = 0
    windows: int = 0
    short: Counter[int] = field(default_factory=Counter)
    start: float = field(default_factory=time.perf_counter)


def write_features(path: str, output: str, options: Options) -> None:
    """Write the features of the texts of a file, a folder or standard input.

    A row is a window of 64 tokens: columns ``index`` (of the text), ``window``, ``start``,
    ``tokens`` (in the window), ``short`` (fewer than 64), those that are carried along, and one a
    feature, null where it is not defined. What is said goes to standard error.
    """
    read = files_read(path, options.tokenizer, options.corpus, options.reference)
    with writing(output, *read) as write, told_apart():
        check_carried(options.carry, COLUMNS)
        tokenizer = read_tokenizer(options.tokenizer, options.reference)
        source = open_source(path, options.carry, options.form)
        given = [need for need in NEEDS.values() if need and getattr(options, need) is not None]
        families = choose_families(options.tiers, options.families, given)
        sources = sources_of(
            tokenizer, options.corpus, options.reference, options.batch, options.device
        )
        seen = Seen()
        columns: list[str] = []
        with progress_of(source, "features") as advance:
            known, told = np.zeros(0, bool), 0
            for rows, more in windows_of(source, sources.vocabulary, options, seen):
                if sources.corpus is not None and "corpus" in options.tiers:
                    known = np.append(known, rows["row"][rows["length"] == SEQUENCE] != -1)
                    known = np.unique(known)
                    check_known(known, sources.corpus)
                seen.windows += len(rows)
                is_short = rows["length"] < SEQUENCE
                seen.short.update(rows["length"][is_short].tolist())
                found = features_of_rows(rows, sources, options.tiers, families)
                columns = found.columns[1:].tolist()
                write(_table(rows, more, pa.Table.from_pandas(found, preserve_index=False)))
                advance(seen.texts - told)
                told = seen.texts
        if not seen.texts:
            raise UserError(f"{path}: no texts in it")
        if not seen.windows:
            raise UserError(f"{path}: no text of {SEQUENCE} tokens or more in it")
        for line in summary(output, seen, columns, families, options):
            print(line)


def windows_of(
    source: Source,
    vocabulary: Vocabulary,
    options: Options,
    seen: Seen,
) -> Iterator[tuple[np.ndarray, pa.Table]]:
    """Yield the windows of a source's texts, ``WINDOW`` [≤ 2 ``rows``], and the carried columns.

    Raises a UserError if an index is negative or there twice, a token is not the tokenizer's, or a
    text is short and must not be.
    """
    waiting: list[np.ndarray] = []
    tables: list[pa.Table] = []
    indices: list[np.ndarray] = []
    carried = source.carried(options.carry)
    for batch in source:
        n, tokens, lengths = len(batch), batch.tokens, batch.lengths
        if batch.texts is not None:
            texts = [text or "" for text in batch.texts]
            tokens, lengths = vocabulary.encode(texts, options.first)
        else:
            vocabulary.check(tokens, f"{source.name}: ")
        index = np.arange(seen.texts, seen.texts + n)
        if "index" in source.names:
            index = source.integers(batch, "index")
            indices.append(index)
        held = np.full(n, -1)
        if "corpus_row" in source.names:
            held = source.integers(batch, "corpus_row", -1)
        seen.texts += n
        text, window, start = cut(lengths, options.stride, options.first)
        is_short = lengths[text] < SEQUENCE
        if options.short == "error" and is_short.any():
            bad = int(text[is_short.argmax()])
            raise UserError(
                f"{source.name}: index {index[bad]}: {lengths[bad]} tokens, fewer than {SEQUENCE}; "
                "--short keep gives it the features that it has, --short drop leaves it out"
            )
        if options.short == "drop":
            text, window, start = text[~is_short], window[~is_short], start[~is_short]
        begin = np.cumsum(lengths) - lengths
        for at in range(0, len(text), options.rows):
            own = slice(at, at + options.rows)
            rows = np.zeros(len(text[own]), WINDOW)
            rows["length"] = np.minimum(lengths[text[own]], SEQUENCE)
            rows["tokens"] = taken(tokens, begin[text[own]] + start[own], rows["length"])
            rows["index"], rows["window"], rows["start"] = index[text[own]], window[own], start[own]
            rows["row"] = np.where(window[own] == 0, held[text[own]], -1)
            waiting.append(rows)
            tables.append(batch.more.select(carried).take(text[own]) if carried else pa.table({}))
            if sum(map(len, waiting)) >= options.rows:
                yield _joined(waiting, tables, indices, source.name)
                waiting, tables = [], []
    if waiting:
        yield _joined(waiting, tables, indices, source.name)


def cut(
    lengths: np.ndarray, stride: int, first: bool = False, size: int = SEQUENCE
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the windows of texts: text, which of the text's, and its first token there, int64.

    The last window of a text is its last ``size`` tokens; a shorter text is one window, as it is.

    >>> [found.tolist() for found in cut(np.array([10, 64, 140]), 64)]
    [[0, 1, 2, 2, 2], [0, 0, 0, 1, 2], [0, 0, 0, 64, 76]]
    """
    beyond, stride = np.maximum(lengths - size, 0), min(stride, 2**62)  # int64 holds no more
    count = np.ones(len(lengths), np.int64) if first else 1 - (-beyond // stride)
    text = np.repeat(np.arange(len(lengths)), count)
    window = np.arange(len(text)) - np.repeat(np.cumsum(count) - count, count)
    return text, window, np.minimum(window * stride, beyond[text])


def _joined(
    waiting: list[np.ndarray], tables: list[pa.Table], indices: list[np.ndarray], name: str
) -> tuple[np.ndarray, pa.Table]:
    if indices:
        check_index(np.concatenate(indices), f"{name}: ")
    try:
        more = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise UserError(f"{name}: a column changes its type ({reason(error)})") from None
    return np.concatenate(waiting), more


def _table(rows: np.ndarray, more: pa.Table, features: pa.Table) -> pa.Table:
    """Return what is written of some windows."""
    columns = {
        "index": rows["index"],
        "window": rows["window"],
        "start": rows["start"],
        "tokens": rows["length"],
        "short": rows["length"] < SEQUENCE,
    }
    check_carried(more.column_names, features.column_names)
    for table in (more, features.drop_columns("index")):
        columns |= dict(zip(table.column_names, table.columns, strict=True))
    return pa.table(columns)


def summary(
    output: str, seen: Seen, columns: Sequence[str], families: Sequence[str], options: Options
) -> Iterator[str]:
    """Yield what was computed, a line each, and of what was not, why."""
    took = max(time.perf_counter() - seen.start, 1e-9)
    yield (
        f"{output}: {seen.windows:,} windows of {seen.texts:,} texts, {len(columns)} features; "
        f"{took:,.0f} s, {seen.windows / took:,.0f} windows/s"
    )
    if seen.short:
        empty = f", {seen.short[0]:,} of them empty or missing" if seen.short[0] else ""
        yield f"  {seen.short.total():,} have fewer than {SEQUENCE} tokens{empty}"
    for tier in TIERS:
        own = [column for column in columns if feature_of(column).tier == tier]
        if tier not in options.tiers:
            need = NEEDS.get(tier)
            how = f", --{need}" if need and getattr(options, need) is None else ""
            how = f"--tiers {tier}{how}" if tier in NEEDS else "only the pipeline can"
            yield f"  tier {tier}: not computed ({how})"
            continue
        yield f"  tier {tier}: {len(own)} features"
        for least in sorted({least_tokens(column) for column in own}):
            lacking = sum(n for length, n in seen.short.items() if length < least)
            names = [column for column in own if least_tokens(column) == least]
            if lacking:
                few = "no token" if least == 1 else f"fewer than {least} tokens"
                yield f"    null in {lacking:,} windows of {few}: {_some(names)}"
    never = [
        f"{name}.{feature.name}"
        for name in families
        for feature in FAMILIES[name].features
        if feature.tier in options.tiers
        and not any(feature_of(own) is feature for own in columns if own.startswith(f"{name}."))
    ]
    if never:
        yield f"  not computed, as only a suite or a corpus of documents tells: {_some(never)}"


def _some(names: Sequence[str], most: int = 6) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def progress_of(source: Source, job: str) -> AbstractContextManager[Callable[[int], None]]:
    """Return progress with time left where the number of texts is known, else with the rate."""
    if source.total:
        return progress(job, source.total, "texts")
    start, done = time.perf_counter(), 0

    def advance(n: int) -> None:
        nonlocal done
        before, done = done, done + n
        if done // STEP > before // STEP:
            rate = done / (time.perf_counter() - start)
            print(f"{job}: {done:,} texts, {rate:,.0f} texts/s", flush=True)

    return nullcontext(advance)


def sources_of(
    tokenizer: Tokenizer, corpus: Path | None, reference: Path | None, batch: int, device: str
) -> Sources:
    """Return what features are computed from, read from where it is.

    Raises
    ------
    UserError
        If there is no such corpus or model.
    """
    model = load_reference(reference, device) if reference else None
    if corpus is None:
        return Sources(tokenizer, None, model, batch)
    found = read_corpus(corpus, Vocabulary(tokenizer))
    n, length = found.windows.shape
    packed = "" if found.place is None else ", of documents one after another"
    print(f"{corpus}: {n:,} rows of {length:,} tokens{packed}")
    return Sources(tokenizer, found.windows, model, batch, found.place, found.ids)


def tokenizer_path(name: str | None, reference: Path | None = None) -> Path | None:
    """Return the file of a tokenizer; None: a token is a byte.

    It is what is named: a file, a folder with a ``tokenizer.json``, or 'bytes'. If nothing is, it
    is that of the reference, which was trained on its tokens, or else the suite's, where it is.
    """
    if name is None:
        own = [] if reference is None else [reference / "tokenizer.json"]
        return next((path for path in (*own, TOKENIZER) if path.is_file()), None)
    if name == "bytes":
        return None
    path = Path(name)
    return path / "tokenizer.json" if path.is_dir() else path


def read_tokenizer(name: str | None, reference: Path | None = None) -> Tokenizer:
    """Return a tokenizer, see `tokenizer_path`; bytes that nobody asked for are told."""
    path = tokenizer_path(name, reference)
    if path is None:
        if name is None:
            print(f"no {TOKENIZER} here: a token is a byte (--tokenizer names another)")
        return bytes_tokenizer()
    if not path.is_file():
        raise UserError(
            f"{path}: no such tokenizer; pass a tokenizer.json, its folder, or 'bytes' (a "
            "tokenizer's save_pretrained writes one)"
        )
    with readable(path, "tokenizer"):
        return Tokenizer.from_file(str(path))


def files_read(
    path: str, tokenizer: str | None, corpus: Path | None, reference: Path | None
) -> list[Path]:
    """Return what is read, that writing must leave as it is; a UserError if no texts are named."""
    if not path:  # as of a variable that the shell does not know; it would be the working folder
        raise UserError("no texts are named: pass a file, a folder, or - for standard input")
    own = tokenizer_path(tokenizer, reference)
    files = [] if own is None else [own]
    files += [] if path == "-" else [Path(path)]
    files += [] if corpus is None else [corpus]
    for kind in ("*.json", "*.safetensors"):
        files += [] if reference is None else reference.glob(kind)
    return files
