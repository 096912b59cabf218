import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from memorization.errors import UserError
from memorization.harness import read_predictions
from memorization.harness.predictions import Predictions


def write(folder, kind, columns):
    path = folder / f"table.{kind}"
    frame = pd.DataFrame(columns)
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path, index=False)
    return path


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("predicted", [True, False, True], [True, True, False]),
        ("predicted", [1, 0, 1], [True, True, False]),
        ("predicted", [0, 0, 0], [False, False, False]),
        ("score", [0.5, -1.0, 7.0], [7.0, 0.5, -1.0]),
        ("score", [5, 1, 7], [7.0, 5.0, 1.0]),
        ("score", [5, -np.inf, np.inf], [np.inf, 5.0, -np.inf]),
    ],
)
def test_whatever_the_order_of_rows_and_columns(kind, column, values, expected, tmp_path):
    columns = {"note": ["a", "b", "c"], column: values, "index": [4, 9, 2]}
    found = read_predictions(write(tmp_path, kind, columns), 10)
    assert found.index.tolist() == [2, 4, 9]
    assert found.value.tolist() == expected
    assert found.value.dtype == (np.bool_ if column == "predicted" else np.float64)
    assert found.is_score is (column == "score")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"index": [1], "label": [True]}, "columns are `index`, `label`; needed are `index` and"),
        ({"score": [1.0]}, "columns are `score`; needed"),
        ({"index": [1], "score": [1.0], "predicted": [True]}, "one of `predicted`"),
        ({"index": [1.5, 2.0], "score": [1.0, 2.0]}, "`index` is of type double"),
        ({"index": ["a", "b"], "score": [1.0, 2.0]}, "`index` is of type"),
        ({"index": pd.array([1, None], dtype="Int64"), "score": [1.0, 2.0]}, "missing values"),
        (
            {"index": [3, 10, 12], "score": [1.0, 2.0, 3.0]},
            r"2 indices are of no sequence \(the first: 10",
        ),
        ({"index": [-1, 3], "score": [1.0, 2.0]}, "first: -1"),
        ({"index": [3, 5, 3], "score": [1.0, 2.0, 3.0]}, "1 sequences .* index 3"),
        ({"index": [3], "score": ["high"]}, "`score` is of type"),
        ({"index": [3], "score": [True]}, "belong into a column `predicted`"),
        ({"index": [3], "predicted": [0.7]}, "column `score`"),
        ({"index": [3, 4], "predicted": [1, 2]}, "column `score`"),
        ({"index": [3], "predicted": ["maybe"]}, "true and false"),
    ],
)
def test_mistakes(kind, columns, message, tmp_path):
    with pytest.raises(UserError, match=message) as caught:
        read_predictions(write(tmp_path, kind, columns), 10)
    assert "\n" not in str(caught.value)


def test_undefined_scores(tmp_path):
    path = tmp_path / "table.parquet"
    scores = pa.array([1.0, float("nan"), 3.0])
    parquet.write_table(pa.table({"index": [1, 2, 3], "score": scores}), path)
    with pytest.raises(UserError, match=r"NaN\) in 1 rows"):
        read_predictions(path, 10)
    parquet.write_table(pa.table({"index": [1, 2], "score": pa.array([1.0, None])}), path)
    with pytest.raises(UserError, match="`score` is missing in 1 rows"):
        read_predictions(path, 10)
    (tmp_path / "table.csv").write_text("index,predicted\n1,true\n2,\n")
    with pytest.raises(UserError, match="`predicted` is missing in 1 rows"):
        read_predictions(tmp_path / "table.csv", 10)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.parquet", None, "no such file"),
        ("none.csv", None, "no such file"),
        ("torn.parquet", b"PAR1 and no more", "not a readable Parquet"),
        ("empty.csv", b"", "not a readable CSV"),
        ("ragged.csv", b"index,score\n1,2\n3\n", "not a readable CSV"),
        ("twice.csv", b"index,score,score\n1,2,3\n", "columns are"),
        ("head.csv", b"index,score\n", "no rows"),
    ],
)
def test_files_that_are_none(name, content, message, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_predictions(tmp_path / name, 10)
    assert str(tmp_path / name) in str(caught.value)


def test_what_is_not_listed_is_negative():
    decided = Predictions(np.array([2, 5]), np.array([True, False]))
    assert decided.of(np.array([5, 2, 7, 0])).tolist() == [False, True, False, False]
    scored = Predictions(np.array([2, 5]), np.array([-1.0, 3.0]))
    assert scored.of(np.array([5, 2, 7])).tolist() == [3.0, -1.0, -np.inf]
    assert scored.covers(np.array([5, 6])).tolist() == [True, False]
    nothing = Predictions(np.array([], int), np.array([], bool))
    assert nothing.of(np.array([1, 2])).tolist() == [False, False]
