"""Labelled texts in a file: Parquet, JSON Lines or CSV, the last two perhaps compressed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
import pyarrow.types as types

from memorization.errors import UserError
from memorization.features.own.reading import (
    BLOCK,
    CSV,
    FORMATS,
    check_once,
    check_text,
    form_of,
    is_index,
    kind_of,
    reason,
    texts_of,
)

READERS: dict[str, Callable[[Path], pa.Table]] = {
    "parquet": pyarrow.parquet.read_table,
    "jsonl": lambda path: pyarrow.json.read_json(path, pyarrow.json.ReadOptions(block_size=BLOCK)),
    "csv": lambda path: pyarrow.csv.read_csv(
        path,
        pyarrow.csv.ReadOptions(block_size=BLOCK),
        CSV,
        pyarrow.csv.ConvertOptions(column_types={"text": pa.string()}),
    ),
}
# Names that pandas gives to a column of row numbers, in CSV.
ROW_NUMBERS = ("", "Unnamed: 0")
# A column of words is a source, rather than a text or a name, if so few rows have a word each.
ROWS_A_WORD = 5


@dataclass(frozen=True)
class Labelled:
    """n labelled texts.

    Attributes
    ----------
    texts : of each row.
    truth : bool [n], memorized.
    given : column -> float [n], NaN where missing, or words [n]: those that may be scored alone.
    """

    texts: list[str]
    truth: np.ndarray
    given: dict[str, np.ndarray]


def read_labelled(path: Path) -> Labelled:
    """Return the labelled texts of a file with the columns ``text`` and ``memorized``.

    Raises
    ------
    UserError
        If there is no such file or column, a text or label is missing, or a label is not true,
        false, 1 or 0.
    """
    form = form_of(path)
    if form is None:
        raise UserError(
            f"{path}: must end in {', '.join(FORMATS)}, by which it is read (.csv.gz and the like "
            "are compressed)"
        )
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        if form != "parquet":
            with pa.input_stream(str(path)) as file:
                check_text(path, file.read(4096))
        table = READERS[form](path)
        names = table.column_names  # which may be no UTF-8
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise UserError(f"{path}: not readable as {form} ({reason(error)})") from None
    for name in ("text", "memorized"):
        if names.count(name) != 1:
            near = get_close_matches(name, names, 1)
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            raise UserError(
                f"{path}: must have one column '{name}'{hint}; it has: {', '.join(names)}"
            )
        if table[name].null_count:
            row = int(np.argmax(compute.is_null(table[name]).to_numpy()))
            raise UserError(f"{path}: row {row}: column '{name}' is missing; leave such rows out")
    if kind_of(table["text"].type) != "strings":
        raise UserError(f"{path}: column 'text' is {table['text'].type}; must be strings")
    texts = [text or "" for text in texts_of(table["text"])]
    if not any(texts):
        raise UserError(f"{path}: column 'text' is empty in all rows")
    if form == "csv" and "" in texts:
        # There an empty text and none at all look alike.
        row = texts.index("")
        raise UserError(f"{path}: row {row}: column 'text' is empty; leave such rows out")
    left_out = {"text", "memorized", *ROW_NUMBERS}
    others = [name for name in names if name not in left_out and not is_index(name)]
    check_once(path, others, names)
    given = {name: _given(table[name]) for name in others}
    return Labelled(
        texts,
        _truth(path, table["memorized"]),
        {name: values for name, values in given.items() if values is not None},
    )


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    is_coded = types.is_dictionary(column.type) or types.is_string_view(column.type)
    return column.cast(pa.string()) if is_coded else column


def _truth(path: Path, column: pa.ChunkedArray) -> np.ndarray:
    is_whole = types.is_boolean(column.type) or types.is_integer(column.type)
    if types.is_floating(column.type):  # as pandas keeps 1 and 0 where some were missing
        values = column.to_numpy()
        is_whole = bool(np.isin(values, (0, 1)).all())
    if not is_whole:
        raise UserError(f"{path}: column 'memorized' is {column.type}; must be true/false or 1/0")
    values = column.cast(pa.float64(), safe=False).to_numpy()
    wrong = (values != 0) & (values != 1)
    if wrong.any():
        row = int(wrong.argmax())
        raise UserError(f"{path}: row {row}: memorized is {column[row]}; must be 1 or 0")
    if values.all() or not values.any():
        raise UserError(f"{path}: column 'memorized' is {column[0]} in all rows; both are needed")
    return np.asarray(values, dtype=bool)


def _given(column: pa.ChunkedArray) -> np.ndarray | None:
    """Return a column that may be scored alone: numbers, or words that many rows share."""
    column = _plain(column)
    if types.is_integer(column.type) or types.is_floating(column.type):
        # An identifier may be larger than the integers that floats hold.
        return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    if kind_of(column.type) != "strings":
        return None
    words = np.array(compute.fill_null(column, "").to_pylist(), dtype=object)
    return words if ROWS_A_WORD * len(compute.unique(column)) <= len(words) else None
