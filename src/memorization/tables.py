"""The tables that pass between the stages: one schema each, checked where written and where read.

A table is a pandas data frame in memory and a Parquet file on disk. Lists of fixed length are Arrow
columns in both, so that a token matrix never becomes Python objects.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.parquet as parquet
from pandera.pandas import Check, Column, DataFrameSchema

from memorization.errors import UserError
from memorization.files import replacing
from memorization.params import SCHEDULES
from memorization.protocol import CONTINUATION, SEQUENCE, TIERS

TOKENS = pd.ArrowDtype(pa.list_(pa.int32(), SEQUENCE))
CURVES = pd.ArrowDtype(pa.list_(pa.float64()))
STEPS = pd.ArrowDtype(pa.list_(pa.int32()))
COLUMNS = "columns"
FINITE = Check(lambda x: ~np.isinf(x), error="finite")


def _key(**options: object) -> Column:
    return Column("int64", Check.ge(0), **options)  # type: ignore[arg-type]


def _table(
    name: str, columns: dict[str, Column], unique: list[str] | None = None
) -> DataFrameSchema:
    return DataFrameSchema(columns, name=name, unique=unique, strict=True, ordered=True)


SEQUENCES = _table(
    "sequences",
    {
        "index": _key(unique=True),
        "step": Column("int32", Check.ge(1)),
        "tokens": Column(TOKENS),
        "domain": Column(str, nullable=True),
        # In the sample because it is memorized at the end; false where all are studied.
        "case": Column(bool),
        "weight": Column("float64", [Check.ge(1), FINITE]),
        # Evaluated at every checkpoint, and how many sequences it stands for among those that are.
        "followed": Column(bool),
        "when_weight": Column("float64", [Check.ge(1), FINITE], nullable=True),
    },
)

LABELS = _table(
    "labels",
    {
        "index": _key(unique=True),
        "memorized": Column(bool),
        # -1: not memorized, by published labels, which do not say how far it got.
        "match_length": Column("int8", Check.in_range(-1, CONTINUATION)),
        "first_step": Column("Int32", nullable=True),
        "stable_step": Column("Int32", nullable=True),
        # Null, as all times, where a sequence is not followed.
        "entry": Column("Int32", Check.ge(0), nullable=True),
        "lower": Column("Int32", Check.ge(0), nullable=True),
        "upper": Column("Int32", nullable=True),
    },
)

# How narrowly each label of a scan is decided at the last checkpoint.
MARGINS = _table(
    "margins",
    {
        "index": _key(unique=True),
        "memorized": Column(bool),
        # Logit of the true token less the largest other, at the position where that is smallest;
        # -inf where the continuation holds a token that may not be generated.
        "margin": Column("float32"),
        # Whether the label is another in any of the precisions below.
        "fragile": Column(bool),
        # In the precision of the scan: in other batches.
        "float32": Column(bool),
        "bfloat16": Column(bool),
        "float16": Column(bool),
    },
)

# One float column a feature, named family.name; missing values are allowed where a feature
# documents what they mean, infinite ones, of which models would make nonsense, are not.
FEATURES = _table(
    "features",
    {
        "index": _key(unique=True),
        r"^[a-z_]+\.[\w.-]+$": Column("float64", FINITE, nullable=True, regex=True),
    },
)

# How often each sequence, and its continuation alone, has been met by each checkpoint, in its own
# row too; no rows where the training data are not all known.
EXPOSURES = _table(
    "exposures",
    {
        "index": _key(),
        "step": Column("int32", Check.ge(0)),
        "count": Column("int32", Check.ge(0)),
        "continuation_count": Column("int32", Check.ge(0)),
    },
    unique=["index", "step"],
)

SPLITS = _table(
    "splits",
    {
        "index": _key(unique=True),
        "cluster": Column("int64", Check.ge(0)),
        "fold": Column("int32", Check.ge(0)),
        # Weaker splits, kept to show what leakage buys; never used for a headline number.
        "fold_continuation": Column("int32", Check.ge(0)),
        "fold_random": Column("int32", Check.ge(0)),
        # Whether the row shares a run of tokens with one of another fold, after large clusters
        # were cut.
        "exposed": Column(bool),
    },
)

_PREDICTION = {
    "index": _key(),
    "model": Column(str),
    "tier": Column(str, Check.isin(TIERS)),
    "fold": Column("int32", Check.ge(0)),
}

WHETHER = _table(
    "predictions/whether",
    {
        **_PREDICTION,
        "probability": Column("float64", Check.in_range(0, 1)),
        # Whether it reaches the threshold that was chosen on the other folds.
        "positive": Column(bool),
    },
    unique=["index", "model", "tier"],
)

IMPORTANCE = _table(
    "predictions/importance",
    {
        "model": Column(str),
        "tier": Column(str, Check.isin(TIERS)),
        # A family's name, or family.name: permuted together.
        "feature": Column(str),
        # Average precision lost, and its interval.
        "importance": Column("float64"),
        "low": Column("float64", nullable=True),
        "high": Column("float64", nullable=True),
    },
    unique=["model", "tier", "feature"],
)

ASSOCIATION = _table(
    "predictions/association",
    {
        # family.name
        "feature": Column(str, unique=True),
        "family": Column(str),
        "tier": Column(str, Check.isin(TIERS)),
        # Declared direction, and the one that the interval of the AUROC shows; 0: neither.
        "expected": Column(str, Check.isin(("+", "-", "?"))),
        "auroc": Column("float64", Check.in_range(0, 1), nullable=True),
        "low": Column("float64", Check.in_range(0, 1), nullable=True),
        "high": Column("float64", Check.in_range(0, 1), nullable=True),
        "observed": Column(str, Check.isin(("+", "-", "0"))),
        "agreement": Column(
            str, Check.isin(("agrees", "contradicts", "open", "undecided", "constant"))
        ),
        # Share of the population whose value is missing.
        "missing": Column("float64", Check.in_range(0, 1)),
        # Share of the population, rows, and memorized ones, with another than the commonest value.
        "uncommon": Column("float64", Check.in_range(0, 1)),
        "n_uncommon": Column("int64", Check.ge(0)),
        "n_uncommon_cases": Column("int64", Check.ge(0)),
    },
)

CORRELATION = _table(
    "predictions/correlation",
    {
        "feature": Column(str),
        "other": Column(str),
        # Over the population; missing where one of them is constant.
        "spearman": Column("float64", Check.in_range(-1, 1), nullable=True),
    },
    unique=["feature", "other"],
)

WHEN = _table(
    "predictions/when",
    {
        **_PREDICTION,
        # Probability, at each checkpoint, of no onset so far, and of being memorized; null where a
        # model says nothing of what comes after the onset.
        "survival": Column(CURVES),
        "memorized": Column(CURVES, nullable=True),
    },
    unique=["index", "model", "tier"],
)

# What models of natural texts expect of the units of the randomised arm.
ARM_FORECASTS = _table(
    "predictions/arm",
    {
        "unit": _key(),
        "model": Column(str),
        "survival": Column(CURVES),
        "memorized": Column(CURVES),
    },
    unique=["unit", "model"],
)

_UNIT = {
    "unit": _key(unique=True),
    # Alike in domain and surprisal; numbered through the units of all seeds.
    "block": _key(),
    # The dose, for exact copies at random positions; else the schedule.
    "cell": Column(str),
    "dose": Column("int64", Check.ge(0)),
    "schedule": Column(str, Check.isin(("random", *SCHEDULES))),
    "tokens": Column(TOKENS),
    # The optimizer step of each copy, ascending; two may be of one step.
    "exposure_steps": Column(STEPS),
    "domain": Column(str),
    # The window of the corpus that begins with it, whatever the seed.
    "window": _key(unique=True),
    # Of the continuation under an n-gram model fitted without the arm, nats a token.
    "surprisal": Column("float64", Check.ge(0)),
}

ARM_UNITS = _table("suite/arm", _UNIT)

ARM = _table(
    "arm",
    {
        **_UNIT,
        # What ngram.surprisal would be of a natural text that occurs as often.
        "exposed_surprisal": Column("float64", Check.ge(0)),
        # Compressed size over size, as compressibility.zlib_ratio.
        "compressibility": Column("float64", Check.gt(0)),
        "memorized": Column(bool),
        "ever": Column(bool),
        "first_step": Column("Int32", nullable=True),
        "stable_step": Column("Int32", nullable=True),
        "match_length": Column("int8", Check.in_range(0, CONTINUATION)),
        # Of the continuation at the end of training, nats a token.
        "logprob": Column("float64", Check.le(0)),
    },
)


def empty_table(schema: DataFrameSchema) -> pd.DataFrame:
    """Return the table of a schema without rows: what a stage writes that had nothing to do.

    >>> list(empty_table(SPLITS).columns)[:2], len(empty_table(WHEN))
    (['index', 'cluster'], 0)
    """
    columns = {
        name: pd.Series([], dtype=column.dtype.type if column.dtype else object)
        for name, column in schema.columns.items()
    }
    return schema.validate(pd.DataFrame(columns))


def write_table(frame: pd.DataFrame, path: str | Path, schema: DataFrameSchema) -> None:
    """Write a table as Parquet, whole or not at all.

    Raises
    ------
    pandera.errors.SchemaError
        If the frame breaks the schema: a defect of the code that made it.
    """
    table = pa.Table.from_pandas(schema.validate(frame), preserve_index=False)
    # The names stand in the file once more: a schema does not know the features, and would not miss
    # one.
    names = {COLUMNS: "\n".join(table.column_names)}
    with replacing(Path(path)) as partial:
        parquet.write_table(table.replace_schema_metadata(names), partial, compression="zstd")


def read_table(path: str | Path, schema: DataFrameSchema) -> pd.DataFrame:
    """Return a table, checked against its schema.

    Raises
    ------
    UserError
        If the file is missing, is no Parquet file, breaks the schema, or has lost a column.
    """
    try:
        table = parquet.read_table(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such table; run `dvc repro` to make it") from None
    except (pa.ArrowInvalid, OSError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{path}: not a readable Parquet file ({reason}); run `dvc repro` to make it again"
        ) from None
    written = (table.schema.metadata or {}).get(COLUMNS.encode(), b"").decode().split("\n")
    lost = [name for name in written if name and name not in table.column_names]
    if lost:
        raise UserError(f"{path}: has lost the column {lost[0]}; run `dvc repro` to make it again")
    # Without pandas metadata, integers with nulls would come back as floats.
    nullable = {pa.int32(): pd.Int32Dtype()}
    nulls = {name for name, column in schema.columns.items() if str(column.dtype) == "Int32"}
    frame = table.to_pandas(types_mapper=_list_dtype)
    for name in nulls & set(table.column_names):
        frame[name] = pd.array(table[name].to_pandas(types_mapper=nullable.get))
    try:
        return schema.validate(frame)
    except (pandera.errors.SchemaError, pandera.errors.SchemaErrors) as error:
        # A column that is not of the schema is told with all else that is wrong, and with all of
        # the schema.
        first = getattr(error, "schema_errors", [error])[0]
        reason = str(first).splitlines()[0].partition(" {")[0]
        raise UserError(
            f"{path}: not a valid {schema.name} table: {reason}; run `dvc repro` to make it again"
        ) from None


def joined(sequences: pd.DataFrame, **tables: pd.DataFrame) -> pd.DataFrame:
    """Return tables about the same sequences side by side, in the order of ``sequences``.

    Parameters
    ----------
    sequences : n rows, with ``index``.
    tables : by the name of its file, each with ``index``, unique, and columns of its own.

    Raises
    ------
    UserError
        If a table is about other sequences, or more or fewer of them.

    >>> sequences = pd.DataFrame({"index": [4, 7], "weight": [1.0, 2.0]})
    >>> joined(sequences, splits=pd.DataFrame({"index": [7, 4], "fold": [0, 1]})).values.tolist()
    [[4.0, 1.0, 1.0], [7.0, 2.0, 0.0]]
    """
    index = sequences["index"].to_numpy()
    found = [sequences.reset_index(drop=True)]
    for name, table in tables.items():
        if not np.array_equal(np.sort(table["index"].to_numpy()), np.sort(index)):
            raise UserError(
                f"results/{name}.parquet: not about the sequences of "
                "results/sequences.parquet; run `dvc repro` to make all tables of one run"
            )
        found.append(table.set_index("index").loc[index].reset_index(drop=True))
    return pd.concat(found, axis="columns")


def _list_dtype(arrow_type: pa.DataType) -> pd.ArrowDtype | None:
    if pa.types.is_fixed_size_list(arrow_type):
        return TOKENS if arrow_type.list_size == SEQUENCE else None
    if pa.types.is_list(arrow_type):
        return STEPS if pa.types.is_integer(arrow_type.value_type) else CURVES
    return None


def token_column(tokens: np.ndarray) -> pd.Series:
    """Return an int [n, 64] matrix as a table's ``tokens`` column."""
    flat = pa.array(np.ascontiguousarray(tokens, dtype=np.int32).ravel())
    return pd.Series(pa.FixedSizeListArray.from_arrays(flat, SEQUENCE), dtype=TOKENS)


def token_matrix(column: pd.Series) -> np.ndarray:
    """Return a table's ``tokens`` column as an int32 [n, 64] matrix."""
    return _flat(column).reshape(-1, SEQUENCE)


def curves_column(curves: np.ndarray) -> pd.Series:
    """Return a float [n, c] matrix as a table's column of lists; rows of NaN are null."""
    c = curves.shape[1]
    known = ~np.isnan(curves).any(axis=1)
    flat = pa.array(np.ascontiguousarray(curves[known], dtype=np.float64).ravel())
    offsets = np.append(0, np.cumsum(known) * c).astype(np.int32)
    mask = pa.array(~known) if not known.all() else None
    return pd.Series(pa.ListArray.from_arrays(pa.array(offsets), flat, mask=mask), dtype=CURVES)


def curves_matrix(column: pd.Series) -> np.ndarray:
    """Return a table's column of lists as a float64 [n, c] matrix; none of them is null."""
    return _flat(column).reshape(len(column), -1)


def steps_column(owner: np.ndarray, step: np.ndarray, n: int) -> pd.Series:
    """Return a table's ``exposure_steps`` column, n rows: the steps of each owner, ascending.

    >>> steps_column(np.array([2, 0, 2]), np.array([9, 5, 3]), 3).tolist()
    [[5], [], [3, 9]]
    """
    order = np.lexsort((step, owner))
    offsets = np.append(0, np.cumsum(np.bincount(owner, minlength=n)))
    flat = pa.array(step[order].astype(np.int32))
    return pd.Series(
        pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), flat), dtype=STEPS
    )


def _flat(column: pd.Series) -> np.ndarray:
    array = pa.array(column)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.flatten().to_numpy()
