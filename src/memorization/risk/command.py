"""``memorization score``: from anybody's texts to their risk, a table and a page."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import expit, logit

from memorization.counting.runs import occurrence_counts
from memorization.errors import UserError
from memorization.features.own.command import (
    cut,
    files_read,
    progress_of,
    read_tokenizer,
    sources_of,
    tokenizer_path,
)
from memorization.features.own.reading import Batch, Source, open_source, reason
from memorization.features.own.writing import (
    check_carried,
    check_columns,
    check_destination,
    schema_of,
    told_apart,
    writing,
)
from memorization.features.use import ROW, Sources, features_of_rows, taken
from memorization.features.vocabulary import well_formed
from memorization.files import replacing
from memorization.protocol import PROMPT, SEQUENCE
from memorization.risk.dose import Dose, band_of, bands, own_experiment
from memorization.risk.model import CARD, REASONS, WEIGHTS, Scored, TextModel, plain
from memorization.risk.page import Found, page

# Characters whose windows are scored together.
CHARACTERS = 2**24
# Tokens of the corpus that are hashed at once.
COUNTED = 2**22
# Rows of the table that are ranked and written at once.
ROWS = 65_536
# Columns of a band's rate, by the parts of an estimate.
RATES = {"band_rate": "value", "band_rate_low": "low", "band_rate_high": "high"}
UNKNOWN = dict.fromkeys(RATES.values(), np.nan)
NO_CORPUS = "no corpus: how often a text occurs in the training data decides most, and is not known"


@dataclass(frozen=True)
class Options:
    """How texts are scored.

    Attributes
    ----------
    model : folder of the text model; see `memorization.risk.model`.
    results : folder of this study's results, whose experiment tells what copies do.
    carry : columns of the input to write, too.
    corpus, reference, tokenizer, stride, form, batch, device : as for the features command; without
        a corpus, a reference and a tokenizer a window is of characters, as many as the texts that
        the model was fitted to have.
    prevalence : share of such texts that are memorized; None: not known, and no probability.
    parameters, training_tokens : of the model that is trained on the corpus; None: any.
    by : a row for each text, that of its riskiest window, or for each window.
    """

    model: Path
    results: Path = Path("results")
    carry: Sequence[str] = ()
    corpus: Path | None = None
    reference: Path | None = None
    tokenizer: str | None = None
    prevalence: float | None = None
    parameters: float | None = None
    training_tokens: float | None = None
    stride: int | None = None
    by: Literal["text", "window"] = "text"
    form: str | None = None
    batch: int = 256
    device: str = "cpu"

    @property
    def by_tokens(self) -> bool:
        """Whether windows are of tokens, rather than of characters."""
        return any(own is not None for own in (self.corpus, self.reference, self.tokenizer))


@dataclass
class Seen:
    """What has been met so far."""

    texts: int = 0
    windows: int = 0
    empty: int = 0
    uncounted: int = 0
    skipped: list[str] = field(default_factory=list)
    warnings: Counter[str] = field(default_factory=Counter)
    start: float = field(default_factory=time.perf_counter)

    def told(self) -> list[str]:
        """Return what could not be scored, or with care only, in lines."""
        empty = [f"empty or missing, not scored: {self.empty:,}"] if self.empty else []
        short = f"fewer than {SEQUENCE} tokens, copies not counted: {self.uncounted:,}"
        warned = [f"{text}: {n:,}" for text, n in self.warnings.most_common()]
        return [*self.skipped, *empty, *([short] if self.uncounted else []), *warned]


@dataclass(frozen=True)
class Windows:
    """The windows of some texts: of which text, which of its, where it begins, and what it says.

    Attributes
    ----------
    text, window, start : int64 [n]; the start in characters of the plain text, or in tokens.
    said : of each, the prompt and the continuation; windows of characters are all prompt.
    rows : ``ROW`` [n] of tokens; None where windows are of characters.
    """

    text: np.ndarray
    window: np.ndarray
    start: np.ndarray
    said: list[tuple[str, str]]
    rows: np.ndarray | None


def score_texts(path: str, output: str, report: Path | None, options: Options) -> None:
    """Write the risk of the texts of a file, a folder or standard input, the riskiest ranked 1.

    Raises
    ------
    UserError
        If the texts, an option, a source or a destination is not as it must be.
    """
    read = files_read(path, options.tokenizer, options.corpus, options.reference)
    read += [options.model / name for name in (WEIGHTS, CARD)]
    read += [] if options.corpus is None else [options.results / "metrics"]
    if report is not None and check_destination(report, *read) == Path(output).resolve():
        raise UserError(f"{report}: both --output and --report; name another file for one of them")
    with (
        writing(output, *read) as write,
        told_apart(),
        tempfile.TemporaryDirectory() as folder,
    ):
        scorer = Scorer.of(options)
        seen = Seen()
        source = open_source(path, options.carry, options.form, seen.skipped.append)
        found = _scored(source, scorer, Path(folder, "scored.parquet"), output, seen)
        if not sum(map(len, found.keys)):
            raise UserError(f"{path}: no text in it that can be scored")
        for table in _ranked(found, Path(folder, "scored.parquet")):
            write(table)
        took = max(time.perf_counter() - seen.start, 1e-9)
        print(
            f"{output}: {seen.windows:,} windows of {seen.texts:,} texts; {took:,.0f} s, "
            f"{seen.windows / took:,.0f} windows/s"
        )
        for line in (*scorer.said(), *seen.told()):
            print(f"  {line}")
        if report is not None:
            with replacing(report) as partial:
                partial.write_text(page(path, found, scorer.said(), seen, options.by), "utf-8")


@dataclass(frozen=True)
class Scorer:
    """All that scores a window.

    Attributes
    ----------
    model : of the text.
    sources : of tokens and counts; None where windows are of characters.
    dose : what copies do; None without a corpus.
    rates : stratum of a count -> share memorized in this study.
    """

    options: Options
    model: TextModel
    sources: Sources | None
    dose: Dose | None
    rates: dict[str, Any]

    @classmethod
    def of(cls, options: Options) -> Scorer:
        """Return the scorer of some options; read the model, the corpus and the reference."""
        given = options.prevalence
        if given is not None and not 0 < given < 1:
            raise UserError(f"--prevalence {given}: must be between 0 and 1, such as 0.01")
        sizes = (options.parameters, options.training_tokens)
        if options.corpus is None and sizes != (None, None):
            raise UserError("--parameters, --training-tokens: say what copies do; add --corpus")
        dose, rates = None, {}
        if options.corpus is not None:
            dose, rates = Dose.of(own_experiment(options.results), *sizes), bands(options.results)
        model = TextModel.load(options.model)
        sources = None
        if options.by_tokens:
            tokenizer = read_tokenizer(options.tokenizer, options.reference)
            sources = sources_of(
                tokenizer, options.corpus, options.reference, options.batch, options.device
            )
        return cls(options, model, sources, dose, rates)

    @property
    def card(self) -> dict[str, Any]:
        """What is told of the text model."""
        return self.model.card

    @property
    def size(self) -> int:
        """Tokens in a window, or characters."""
        return SEQUENCE if self.sources else int(self.card["texts"]["characters"]["median"])

    @property
    def stride(self) -> int:
        """Tokens, or characters, from one window of a text to the next."""
        return self.options.stride or self.size

    def windows(self, batch: Batch) -> Windows:
        """Return the windows of some texts, an empty one has none."""
        if self.sources is None:
            if batch.texts is None:
                raise UserError("tokens, and not text: name their tokenizer (--tokenizer)")
            texts = [plain(well_formed(text or "")) for text in batch.texts]
            lengths = np.array([len(text) for text in texts], np.int64)
            text, window, start = cut(lengths, self.stride, size=self.size)
            kept = lengths[text] > 0
            text, window, start = text[kept], window[kept], start[kept]
            said = [
                (texts[own][at : at + self.size], "")
                for own, at in zip(text.tolist(), start.tolist(), strict=True)
            ]
            return Windows(text, window, start, said, None)
        vocabulary, tokens, lengths = self.sources.vocabulary, batch.tokens, batch.lengths
        if batch.texts is not None:
            tokens, lengths = vocabulary.encode([text or "" for text in batch.texts])
        else:
            vocabulary.check(tokens)
        text, window, start = cut(lengths, self.stride)
        kept = lengths[text] > 0
        text, window, start = text[kept], window[kept], start[kept]
        begin, length = np.cumsum(lengths) - lengths, np.minimum(lengths, SEQUENCE)
        rows = np.zeros(len(text), ROW)
        rows["length"], rows["index"], rows["row"] = length[text], np.arange(len(text)), -1
        rows["tokens"] = taken(tokens, begin[text] + start, rows["length"])
        flat = rows["tokens"][np.arange(SEQUENCE) < rows["length"][:, None]]
        pieces, end = vocabulary.pieces(vocabulary.numbers(flat)), np.cumsum(rows["length"])
        first = end - rows["length"]
        half = np.minimum(first + PROMPT, end)
        said = [
            (_text(pieces[at:middle]), _text(pieces[middle:to]))
            for at, middle, to in zip(first.tolist(), half.tolist(), end.tolist(), strict=True)
        ]
        return Windows(text, window, start, said, rows)

    def table(self, own: Windows) -> tuple[dict[str, np.ndarray], np.ndarray, Scored]:
        """Return what is written of each window, but for the reasons, and what ranks it."""
        scored = self.model.scored([prompt + continuation for prompt, continuation in own.said])
        columns: dict[str, np.ndarray] = {"text_score": scored.log_odds}
        if self.options.prevalence is not None:
            trained = logit(self.card["prevalence"])
            columns["text_risk"] = expit(scored.log_odds + logit(self.options.prevalence) - trained)
        warnings = [said or None for said in self.model.unlike(scored)]
        # What the text model cannot judge ranks after what it can.
        key = (expit(scored.log_odds) + [said is None for said in warnings]) / 4
        if self.dose is not None:
            counts = self._counts(own)
            low, value, high = self.dose.risk(counts["copies"])
            band = band_of(counts["copies"])
            columns = {
                **counts,
                "risk_low": low,
                **({"risk": value} if self.dose.is_measured else {}),
                "risk_high": high,
                "band": band,
                **{
                    column: np.array(
                        [self.rates.get(name, UNKNOWN)[part] for name in band], np.float64
                    )
                    for column, part in RATES.items()
                },
                **columns,
            }
            # What occurs more often is riskier; the text decides among equals.
            key += np.nan_to_num(counts["copies"], nan=-1)
        if self.options.reference is not None:
            columns["surprisal"] = self._surprisal(own)
        columns["warning"] = np.array([*warnings, None], dtype=object)[:-1]
        return columns, key, scored

    def _counts(self, own: Windows) -> dict[str, np.ndarray]:
        assert self.sources is not None
        assert own.rows is not None
        full = own.rows["length"] == SEQUENCE
        ids = self.sources.corpus_ids
        tokens = self.sources.vocabulary.numbers(own.rows["tokens"][full])
        if ids is not None:
            # The corpus has places among its own tokens; what it lacks has one that it lacks.
            place = np.minimum(np.searchsorted(ids, tokens), len(ids) - 1)
            tokens = np.where(ids[place] == tokens, place, len(ids))
        columns = {}
        for name, runs in (("copies", tokens[:, PROMPT:]), ("whole_copies", tokens)):
            columns[name] = np.full(len(full), np.nan)
            if full.any():
                parts = _parts(self.sources, runs.shape[1])
                columns[name][full] = sum(occurrence_counts(part, runs) for part in parts)
        return columns

    def _surprisal(self, own: Windows) -> np.ndarray:
        assert self.sources is not None
        assert own.rows is not None
        found = features_of_rows(own.rows, self.sources, ("reference",), ("surprisal",))
        return found["surprisal.mean"].to_numpy()

    def reasons(self, columns: dict[str, Any], scored: Scored, row: int) -> list[str]:
        """Return up to three reasons of a row in words, the one that decides most first."""
        said = []
        if self.dose is not None and not np.isnan(columns["copies"][row]):
            times, whole = int(columns["copies"][row]), int(columns["whole_copies"][row])
            said.append(f"its last 32 tokens occur {_times(times)} in the corpus")
            said.append(f"all of its 64 tokens occur {_times(whole)}")
        return (said + self.model.named(scored, row))[:REASONS]

    def said(self) -> list[str]:
        """Return what must be known of the scores, in sentences."""
        card, area = self.card, self.card["auroc"]
        lines = [
            f"text: fitted to {card['about']} ({card['cases']:,} memorized of {card['n']:,}); "
            f"AUROC {area['value']:.3f} ({area['low']:.3f}, {area['high']:.3f}) on texts that it "
            f"had not seen, white space collapsed. Never tested on: {card['untested']}"
        ]
        if self.options.prevalence is None:
            lines.append("text scores rank; they are no probabilities without --prevalence")
        if self.options.reference is not None:
            lines.append(
                "surprisal: nats a token of the continuation; no labels with a reference are at "
                "hand, so it is told and moves no rank"
            )
        if self.dose is None:
            return [*lines, NO_CORPUS]
        names = "; ".join(
            f"{one.source}: half are memorized at {one.low:,.0f} to {one.high:,.0f} copies in "
            f"models of {_span(one.parameters)} parameters and {_span(one.tokens)} tokens"
            for one in self.dose.experiments
        )
        lines.append(f"copies: {names}. How steep the curve is, only this study tells")
        if not self.dose.is_measured:
            lines.append(
                "a range and no probability: what copies do depends on the sizes of model and "
                "training data (--parameters, --training-tokens), and was measured for few"
                if self.options.parameters is None
                else "a range and no probability: for these sizes no experiment gives one number"
            )
        if tokenizer_path(self.options.tokenizer, self.options.reference) is None:
            lines.append("a token is a byte here: runs of 32 are short, and counts are too high")
        return lines


def _parts(sources: Sources, length: int) -> Iterator[np.ndarray]:
    """Yield rows of tokens in which each run of a length in the corpus is once, a part at a time.

    Documents that are packed one after another go on in the next row, and so do its runs.
    """
    rows = sources.corpus
    assert rows is not None
    if sources.corpus_place is not None and len(rows) > 1:
        width = rows.shape[1]
        yield rows[-1:]
        rows = sliding_window_view(rows.reshape(-1), width + length - 1)[::width]
    parts = range(0, len(rows), max(1, COUNTED // rows.shape[1]))
    yield from (rows[start : start + parts.step] for start in parts)


def _text(pieces: list[bytes]) -> str:
    return b"".join(pieces).decode("utf-8", "ignore")


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n:,} times"


def _span(values: tuple[float, float]) -> str:
    low, high = (f"{value:.2g}".replace("e+0", "e").replace("e+", "e") for value in values)
    return low if low == high else f"{low} to {high}"


def _batches(source: Source, most: float) -> Iterator[Batch]:
    """Yield the rows of a source, ``most`` characters together: a corpus is gone through seldom."""
    waiting: list[Batch] = []
    size = 0
    for batch in source:
        waiting.append(batch)
        size += len(batch.tokens) * 4
        size += sum(len(text or "") for text in batch.texts or ())
        if size >= most:
            yield _joined(waiting)
            waiting, size = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(waiting: list[Batch]) -> Batch:
    texts = None
    if waiting[0].texts is not None:
        texts = [text for batch in waiting for text in batch.texts or ()]
    return Batch(
        texts,
        np.concatenate([batch.tokens for batch in waiting]),
        np.concatenate([batch.lengths for batch in waiting]),
        pa.concat_tables([batch.more for batch in waiting], promote_options="permissive"),
    )


def _scored(source: Source, scorer: Scorer, place: Path, output: str, seen: Seen) -> Found:
    """Score all texts into a file, in their order; return what the page tells of them."""
    found = Found()
    writer: parquet.ParquetWriter | None = None
    carried = source.carried(scorer.options.carry)
    try:
        with progress_of(source, "score") as advance, ExitStack() as stack:
            for batch in _batches(source, CHARACTERS * min(1, scorer.stride / scorer.size)):
                table, key, said = _rows(batch, scorer, carried, source, seen)
                if writer is None:
                    check_columns(output, table)
                    kept = parquet.ParquetWriter(place, schema_of(table))
                    writer = stack.enter_context(kept)
                writer.write_table(table.cast(writer.schema))
                found.add(table, key, said, carried)
                advance(len(batch))
    except pa.ArrowException as error:
        raise UserError(f"{source.name}: a column changes its type ({reason(error)})") from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(
            f"{place.parent}: scores cannot be kept there until they are ranked ({reason(error)}); "
            "make room, or name another folder by TMPDIR"
        ) from None
    return found


def _rows(
    batch: Batch, scorer: Scorer, carried: list[str], source: Source, seen: Seen
) -> tuple[pa.Table, np.ndarray, list[tuple[str, str]]]:
    """Return the rows of some texts, what ranks them, and what the window of each says."""
    own = scorer.windows(batch)
    columns, key, scored = scorer.table(own)
    index = np.arange(seen.texts, seen.texts + len(batch))
    if "index" in source.names:
        index = source.integers(batch, "index")
    kept = np.arange(len(own.text)) if scorer.options.by == "window" else ranked_first(own, key)
    reasons = [scorer.reasons(columns, scored, row) for row in kept.tolist()]
    seen.warnings.update(text for text in columns["warning"][kept].tolist() if text)
    table: dict[str, Any] = {
        "windows": np.bincount(own.text, minlength=len(batch))[own.text[kept]],
        "window": own.window[kept],
        "start": own.start[kept],
    }
    for name, values in columns.items():
        if values.dtype == object:
            table[name] = pa.array(values[kept].tolist(), pa.string())
        elif name.endswith("copies"):
            whole = np.nan_to_num(values[kept]).astype(np.int64)
            table[name] = pa.array(whole, mask=np.isnan(values[kept]))
        else:
            table[name] = pa.array(values[kept], mask=np.isnan(values[kept]))
    for place in range(REASONS):
        words = [own[place] if place < len(own) else None for own in reasons]
        table[f"reason_{place + 1}"] = pa.array(words, pa.string())
    check_carried(carried, ("index", "rank", *table))
    first: dict[str, Any] = {"index": index[own.text[kept]]}
    first |= {name: batch.more[name].take(own.text[kept]) for name in carried}
    seen.texts += len(batch)
    seen.windows += len(own.text)
    seen.empty += len(batch) - len(np.unique(own.text))
    if "copies" in columns:
        seen.uncounted += int(np.isnan(columns["copies"][kept]).sum())
    return pa.table(first | table), key[kept], [own.said[row] for row in kept.tolist()]


def ranked_first(own: Windows, key: np.ndarray) -> np.ndarray:
    """Return of each text the window that is ranked first, of equals the first; int64."""
    order = np.lexsort((own.window, -key, own.text))
    return order[np.diff(own.text[order], prepend=-1) > 0]


def _ranked(found: Found, place: Path) -> Iterator[pa.Table]:
    """Yield the scored rows with their rank: 1 is the riskiest, and equals share the best."""
    keys = np.concatenate(found.keys)
    ordered = np.sort(-keys)
    done = 0
    for batch in parquet.ParquetFile(place).iter_batches(ROWS):
        rank = 1 + np.searchsorted(ordered, -keys[done : done + len(batch)], "left")
        table = pa.Table.from_batches([batch])
        at = table.column_names.index("windows")
        yield table.add_column(at, "rank", pa.array(rank))
        done += len(batch)
