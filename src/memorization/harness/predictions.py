"""What a predictor says: read from a table, or asked of a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.csv
import pyarrow.dataset as dataset

from memorization.errors import UserError
from memorization.features.own.reading import BLOCK, CSV, check_text, renamed

ALLOWED = "`index` and one of `predicted` (true or false) and `score` (a number)"

# A column beside those that are needed may hold texts.
TEXTS = dataset.CsvFileFormat(CSV, read_options=pyarrow.csv.ReadOptions(block_size=BLOCK))
# ``index -> bool`` or ``index -> score`` (the higher the likelier), of an int64 array or one int.
Predictor = Callable[[Any], Any]

# Sequences that a predictor is asked of in one call.
BATCH = 2**16


@dataclass
class Asked:
    """A predictor, asked of many sequences at once where it can, else one by one.

    It is called with an int64 array and should return as many values. One that takes a single index
    is accepted as well: when a call with an array fails or gives a single value, it is called once
    a sequence with an ``int``.

    Attributes
    ----------
    is_score : whether it gives scores, not true and false; None before it was asked.

    >>> Asked(lambda index: index > 3)(np.array([2, 5])).tolist()
    [0.0, 1.0]
    >>> Asked(lambda index: len("x" * index))(np.array([2, 5])).tolist()
    [2.0, 5.0]
    """

    predictor: Predictor
    is_score: bool | None = None

    def __call__(self, index: np.ndarray) -> np.ndarray:
        """Return the answers, float64 [n]; true is 1 and false is 0.

        Raises
        ------
        UserError
            If they are of no use: another number, another type than before, NaN.
        """
        batches = (index[start : start + BATCH] for start in range(0, len(index), BATCH))
        answers = [self._checked(self._call(batch), batch) for batch in batches]
        return np.concatenate([np.empty(0), *answers])

    def _call(self, index: np.ndarray) -> np.ndarray:
        try:
            answer = np.asarray(self.predictor(index.copy()))
            if answer.ndim:
                return answer
        except (TypeError, ValueError):
            # What Python raises where one number was meant: arrays have no hash, are no list index
            # and have no single truth. If the mistake is another, the calls below raise it again.
            pass
        return np.array([self.predictor(one) for one in index.tolist()])

    def _checked(self, answer: np.ndarray, index: np.ndarray) -> np.ndarray:
        if answer.shape != index.shape:
            raise UserError(
                f"the predictor was asked of {len(index):,} sequences and returned an array of "
                f"shape {answer.shape}; one value a sequence is needed"
            )
        if answer.dtype.kind not in "biuf":
            raise UserError(
                f"the predictor returned values of type {answer.dtype}; true or false, or a score "
                "(the higher the likelier), is needed"
            )
        is_score = answer.dtype != np.bool_
        if self.is_score not in (None, is_score):
            raise UserError(
                "the predictor answers sometimes with true or false, sometimes with scores"
            )
        self.is_score = is_score
        scores = answer.astype(np.float64)
        if np.isnan(scores).any():
            first = index[np.isnan(scores)][0]
            raise UserError(
                f"the predictor returned NaN (the first: index {first}); return a number"
            )
        return scores


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

    def covers(self, index: np.ndarray) -> np.ndarray:
        """Return whether there is a prediction for each sequence, bool [n]."""
        places = np.searchsorted(self.index, index)
        found = places < len(self.index)
        found[found] = self.index[places[found]] == index[found]
        return found

    def of(self, index: np.ndarray) -> np.ndarray:
        """Return the values of some sequences [n]; False, or -inf, for those not listed."""
        found = self.covers(index)
        unlisted = False if self.value.dtype == np.bool_ else -np.inf
        value = np.full(len(index), unlisted, self.value.dtype)
        value[found] = self.value[np.searchsorted(self.index, index[found])]
        return value


def read_predictions(
    path: str | Path, population: int, index_of: np.ndarray | None = None
) -> Predictions:
    """Return the predictions in a file, ``.csv`` or else Parquet, whatever the order of its rows.

    Columns: ``index``, of the population, and either ``predicted`` or ``score``; others are not
    read. The table is in memory as a whole, some 60 bytes a row at the peak.

    Parameters
    ----------
    population : its size.
    index_of : the ``index`` of the population, ascending; None: 0, 1, 2, …

    Raises
    ------
    UserError
        One line: what is wrong with the file, and what is allowed.
    """
    path = Path(path)
    table = _read(path)
    if not table.num_rows:
        raise UserError(f"{path}: no rows; a table with {ALLOWED} is needed")
    index = _index(path, table["index"], population, index_of)
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
    kind = "CSV" if path.suffix.lower() == ".csv" else "Parquet"
    try:
        if kind == "CSV":
            with path.open("rb") as file:
                check_text(path, file.read(4096))
        data = dataset.dataset(path, format=TEXTS if kind == "CSV" else "parquet")
        found = data.schema.names
        answers = [name for name in ("predicted", "score") if name in found]
        if "index" in found and len(answers) == 1 and len(set(found)) == len(found):
            return data.to_table(columns=["index", *answers])
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (pa.ArrowException, OSError, UnicodeError) as error:
        reason = str(error).splitlines()[0].rpartition(f"{path.name}': ")[2]
        raise UserError(f"{path}: not a readable {kind} file ({reason})") from None
    listed = ", ".join(f"`{name}`" for name in found) or "none"
    raise UserError(f"{path}: the columns are {listed}; needed are {ALLOWED}{renamed(found)}")


def _index(
    path: Path, column: pa.ChunkedArray, population: int, index_of: np.ndarray | None
) -> np.ndarray:
    if not pa.types.is_integer(column.type) or column.null_count:
        kind = "with missing values" if column.null_count else f"of type {column.type}"
        raise UserError(f"{path}: `index` is {kind}; whole numbers are needed, none missing")
    index = column.to_numpy().astype(np.int64, copy=False)
    if index_of is None:
        unknown = (index < 0) | (index >= population)
        known = f"0 to {population - 1:,}"
    else:  # the copies of the randomised arm, which are of no sequence, lie between
        unknown = ~np.isin(index, index_of)
        known = f"as `memorization sequences --population` writes them, up to {index_of[-1]:,}"
    if unknown.any():
        raise UserError(
            f"{path}: {int(unknown.sum()):,} indices are of no sequence (the first: "
            f"{index[unknown][0]}); the population has indices {known}"
        )
    return index


def _value(path: Path, table: pa.Table) -> np.ndarray:
    name = table.column_names[-1]
    column = table[name]
    if column.null_count:
        raise UserError(f"{path}: `{name}` is missing in {column.null_count:,} rows; fill them in")
    whole = pa.types.is_integer(column.type)
    if name == "predicted":
        # Zeros and ones are what many tools write for a boolean.
        bits = whole and set(compute.min_max(column).as_py().values()) <= {0, 1}
        if not (pa.types.is_boolean(column.type) or bits):
            raise UserError(
                f"{path}: `predicted` is of type {column.type}; true and false (or 0 and 1) are "
                "allowed; numbers to rank by belong into a column `score`"
            )
        return column.to_numpy().astype(bool, copy=False)
    if not (pa.types.is_floating(column.type) or whole):
        raise UserError(
            f"{path}: `score` is of type {column.type}; numbers are needed; true and false belong "
            "into a column `predicted`"
        )
    scores = column.to_numpy().astype(np.float64, copy=False)
    undefined = int(np.isnan(scores).sum())
    if undefined:
        raise UserError(
            f"{path}: `score` is not a number (NaN) in {undefined:,} rows; give each sequence a "
            "score, a low one where nothing is known"
        )
    return scores
