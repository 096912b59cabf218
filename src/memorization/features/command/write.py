"""From a table of sequences to the table of their features, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet

from memorization.errors import UserError
from memorization.features.command.files import check_destination, partial_of, reason
from memorization.features.command.rows import Table, read_rows
from memorization.features.tokenize import Encoder
from memorization.features.use import (
    Short,
    Sources,
    check_known,
    choose_families,
    features_of_tokens,
    too_short,
)
from memorization.protocol import SEQUENCE

# Rows whose features are computed together: of 100 features they take about 50 MB, and a corpus is
# gone through once for them all.
ROWS = 65_536


def check_request(
    source: Path,
    destination: Path,
    tiers: Sequence[str],
    families: Sequence[str] | None,
    given: Collection[str],
    others: Sequence[Path] = (),
) -> tuple[Path, Table, list[str]]:
    """Return the file to write, the table to read and the families to compute.

    All that can be known to be wrong without work is: nothing is created, and of the table only the
    indices are read.

    Parameters
    ----------
    source, destination, tiers, families : as of `write_features`.
    given : what there is of that which tiers need, as of `choose_families`.
    others : further files and folders that are read, which writing must leave as they are.

    Raises
    ------
    UserError
        If the destination cannot be written or must not be, or the rest as of `write_features`.
    """
    real = check_destination(destination, source, *others)
    table = Table.open(source)
    chosen = choose_families(tiers, families, given)
    table.check_index()
    return real, table, chosen


def write_features(
    source: Path,
    destination: Path,
    sources: Sources,
    tiers: Sequence[str] = ("text",),
    families: Sequence[str] | None = None,
    short: Short = "error",
    rows: int = ROWS,
    advance: Callable[[int], object] = lambda done: None,
) -> int:
    """Write the features of a table's sequences as Parquet, whole or not at all.

    Memory is bounded by ``rows``, and 8 bytes a row of the table where its indices do not ascend.

    Parameters
    ----------
    source : Parquet file with a column ``tokens`` (lists of integers) or ``text``; and, if it has
        them, ``index`` and ``corpus_row`` (integers).
    destination : as ``results/features.parquet``: ``index`` and one float64 column a feature.
    sources, tiers, families, short : as of `memorization.features.features_of`.
    rows : sequences that are worked on at once.
    advance : told how many more rows of the table are done.

    Returns
    -------
    How many sequences were written.

    Raises
    ------
    UserError
        As `features_of` does, or if the table cannot be read, there is no sequence in it, or the
        destination cannot be written.
    """
    real, table, chosen = check_request(source, destination, tiers, families, sources.given)
    parts = _parts(table, sources, tiers, chosen, short, rows, advance)
    first = next(parts, None)
    if first is None:
        raise UserError(f"{source}: no sequence of {SEQUENCE} tokens or more in it")
    schema = pa.Schema.from_pandas(first, preserve_index=False).remove_metadata()
    partial = partial_of(real)
    n = 0
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        try:
            with parquet.ParquetWriter(partial, schema, compression="zstd") as writer:
                for part in chain([first], parts):
                    writer.write_table(pa.Table.from_pandas(part, schema, preserve_index=False))
                    n += len(part)
            partial.replace(real)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{destination}: cannot be written ({reason(error)})") from None
    return n


def _parts(
    table: Table,
    sources: Sources,
    tiers: Sequence[str],
    families: Sequence[str],
    short: Short,
    rows: int,
    advance: Callable[[int], object],
) -> Iterator[pd.DataFrame]:
    """Yield the features of a table's rows, ``rows`` of them at a time."""
    done = 0
    is_known = np.zeros(0, bool)
    for found in read_rows(table, Encoder(sources.tokenizer), rows):
        is_short = found.length < SEQUENCE
        if short == "error" and is_short.any():
            place = int(is_short.argmax())
            raise too_short(done + place, int(found.length[place]))
        kept = ~is_short
        is_known = np.unique(np.append(is_known, found.corpus_row[kept] != -1))
        if sources.corpus is not None and "corpus" in tiers:
            check_known(is_known, sources.corpus)
        part = features_of_tokens(
            found.tokens[kept], found.index[kept], found.corpus_row[kept], sources, tiers, families
        )
        if short == "null":
            part = part.set_index("index").reindex(found.index).rename_axis("index").reset_index()
        if len(part):
            yield part
        done += len(found)
        advance(len(found))
