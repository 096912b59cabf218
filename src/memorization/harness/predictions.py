"""Tables of predictions: read, checked, looked up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.csv
import pyarrow.parquet

from memorization.errors import UserError

ALLOWED = "`index` and one of `predicted` (true or false) and `score` (a number)"


@dataclass(frozen=True)
class Predictions:
    """What a predictor says of some sequences.

    Attributes
    ----------
    index : int64 [n], ascending, each once.
    value : bool [n], memorized or not; or float64 [n], a score, the higher the likelier.
    """

    index: np.ndarray
    value: np.ndarray

    @property
    def is_score(self) -> bool:
        """Whether the values are scores, which need a threshold to decide."""
        return self.value.dtype != np.bool_

    def covers(self, index: np.ndarray) -> np.ndarray:
        """Return whether there is a prediction for each sequence, bool [n]."""
        if not len(self.index):
            return np.zeros(len(index), bool)
        places = np.minimum(np.searchsorted(self.index, index), len(self.index) - 1)
        return self.index[places] == index

    def of(self, index: np.ndarray) -> np.ndarray:
        """Return the values of some sequences [n]; False, or -inf, for those not listed."""
        found = self.covers(index)
        unlisted = -np.inf if self.is_score else False
        value = np.full(len(index), unlisted, self.value.dtype)
        value[found] = self.value[np.searchsorted(self.index, index[found])]
        return value


def read_predictions(path: str | Path, population: int) -> Predictions:
    """Return the predictions in a Parquet or CSV file, whatever the order of its rows.

    Columns: ``index``, and either ``predicted`` or ``score``; others are not read. The table is in
    memory as a whole, some 60 bytes a row at the peak.

    Parameters
    ----------
    path : ending in ``.csv``, else Parquet.
    population : indices are below this.

    Raises
    ------
    UserError
        One line: what is wrong with the file, and what is allowed.
    """
    path = Path(path)
    table = _read(path)
    if not table.num_rows:
        raise UserError(f"{path}: no rows; a table with {ALLOWED} is needed")
    index = _index(path, table["index"], population)
    value = _value(path, table)
    if not (index[1:] > index[:-1]).all():
        order = np.argsort(index, kind="stable")
        index, value = index[order], value[order]
        repeated = index[1:][index[1:] == index[:-1]]
        if len(repeated):
            raise UserError(
                f"{path}: {len(np.unique(repeated)):,} sequences are listed more than once (the "
                f"first: index {repeated[0]}); one row a sequence is needed"
            )
    return Predictions(index, value)


def _read(path: Path) -> pa.Table:
    """Return the columns that are needed, after a look at which there are."""
    is_csv = path.suffix.lower() == ".csv"
    try:
        if is_csv:
            with pyarrow.csv.open_csv(path) as reader:
                found = reader.schema.names
        else:
            found = pyarrow.parquet.read_schema(path).names
        columns = _chosen(path, found)
        if is_csv:
            options = pyarrow.csv.ConvertOptions(include_columns=columns)
            return pyarrow.csv.read_csv(path, convert_options=options)
        return pyarrow.parquet.read_table(path, columns=columns)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
        kind = "CSV" if is_csv else "Parquet"
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: not a readable {kind} file ({reason})") from None


def _chosen(path: Path, found: list[str]) -> list[str]:
    answers = [name for name in ("predicted", "score") if name in found]
    if "index" not in found or len(answers) != 1 or len(set(found)) < len(found):
        listed = ", ".join(f"`{name}`" for name in found) or "none"
        raise UserError(f"{path}: the columns are {listed}; needed are {ALLOWED}")
    return ["index", *answers]


def _index(path: Path, column: pa.ChunkedArray, population: int) -> np.ndarray:
    if not pa.types.is_integer(column.type) or column.null_count:
        kind = "with missing values" if column.null_count else f"of type {column.type}"
        raise UserError(f"{path}: `index` is {kind}; whole numbers are needed, none missing")
    index = column.to_numpy().astype(np.int64, copy=False)
    unknown = (index < 0) | (index >= population)
    if unknown.any():
        raise UserError(
            f"{path}: {int(unknown.sum()):,} indices are of no sequence (the first: "
            f"{index[unknown][0]}); the population has indices 0 to {population - 1:,}"
        )
    return index


def _value(path: Path, table: pa.Table) -> np.ndarray:
    name = table.column_names[-1]
    column = table[name]
    if column.null_count:
        raise UserError(f"{path}: `{name}` is missing in {column.null_count:,} rows; fill them in")
    if name == "score":
        return _scores(path, column)
    if pa.types.is_boolean(column.type):
        return column.to_numpy().astype(bool, copy=False)
    # Zeros and ones are what many tools write for a boolean.
    if pa.types.is_integer(column.type) and compute.min_max(column).as_py() in _BITS:
        return column.to_numpy().astype(bool, copy=False)
    raise UserError(
        f"{path}: `predicted` is of type {column.type}; true and false (or 0 and 1) are allowed; "
        "numbers to rank by belong into a column `score`"
    )


_BITS = ({"min": 0, "max": 0}, {"min": 0, "max": 1}, {"min": 1, "max": 1})


def _scores(path: Path, column: pa.ChunkedArray) -> np.ndarray:
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise UserError(
            f"{path}: `score` is of type {column.type}; numbers are needed; true and false belong "
            "into a column `predicted`"
        )
    scores = column.to_numpy().astype(np.float64, copy=False)
    undefined = np.isnan(scores)
    if undefined.any():
        raise UserError(
            f"{path}: `score` is not a number (NaN) in {int(undefined.sum()):,} rows; give each "
            "sequence a score, a low one where nothing is known"
        )
    return scores
