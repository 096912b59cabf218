"""From a table of sequences to the table of their features, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet

from memorization.errors import UserError
from memorization.features.command.rows import read_rows
from memorization.features.tokenize import Encoder
from memorization.features.use import (
    Short,
    Sources,
    choose_families,
    features_of_tokens,
    too_short,
)
from memorization.protocol import SEQUENCE

# Rows whose features are computed together: of 100 features they take about 50 MB, and a corpus is
# gone through once for them all.
ROWS = 65_536


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

    Memory is bounded by ``rows``, whatever the table's size.

    Parameters
    ----------
    source : Parquet file as `memorization.features.command.rows.read_rows` takes it.
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
        As `features_of` and `read_rows` do, or if there is no sequence to write.
    """
    chosen = choose_families(tiers, families, sources)
    tables = _tables(source, sources, tiers, chosen, short, rows, advance)
    first = next(tables, None)
    if first is None:
        raise UserError(f"{source}: no sequence of {SEQUENCE} tokens or more in it")
    schema = pa.Schema.from_pandas(first, preserve_index=False).remove_metadata()
    partial = destination.with_name(destination.name + ".partial")
    destination.parent.mkdir(parents=True, exist_ok=True)
    n = 0
    try:
        with parquet.ParquetWriter(partial, schema, compression="zstd") as writer:
            for table in chain([first], tables):
                writer.write_table(pa.Table.from_pandas(table, schema, preserve_index=False))
                n += len(table)
        partial.replace(destination)
    finally:
        partial.unlink(missing_ok=True)
    return n


def _tables(
    source: Path,
    sources: Sources,
    tiers: Sequence[str],
    families: Sequence[str],
    short: Short,
    rows: int,
    advance: Callable[[int], object],
) -> Iterator[pd.DataFrame]:
    """Yield the features of a table's rows, ``rows`` of them at a time."""
    done = 0
    for found in read_rows(source, Encoder(sources.tokenizer), rows):
        is_short = found.length < SEQUENCE
        if short == "error" and is_short.any():
            place = int(is_short.argmax())
            raise too_short(done + place, int(found.length[place]))
        kept = ~is_short
        table = features_of_tokens(
            found.tokens[kept], found.index[kept], found.corpus_row[kept], sources, tiers, families
        )
        if short == "null":
            table = table.set_index("index").reindex(found.index).rename_axis("index").reset_index()
        if len(table):
            yield table
        done += len(found)
        advance(len(found))
