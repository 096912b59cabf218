import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from memorization.errors import UserError
from memorization.harness import predictions as module
from memorization.harness.predictions import Asked, Predictions, read_predictions

INDEX = np.array([3, 1, 8, 200])


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(module, "BATCH", 3)


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


def test_texts_of_several_lines_may_stand_beside_scores(tmp_path):
    """Beyond a megabyte, which is how much pyarrow parses at once."""
    columns = {"index": range(4000), "note": ["a\n1,2\n" * 60] * 4000, "score": np.arange(4000.0)}
    found = read_predictions(write(tmp_path, "csv", columns), 4000)
    assert found.value.tolist() == list(range(4000))


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


def test_the_positions_of_the_arm_are_of_no_sequence(tmp_path):
    natural = np.array([0, 1, 3, 6])
    path = write(tmp_path, "csv", {"index": [6, 3], "score": [1.0, 2.0]})
    assert read_predictions(path, 4, natural).index.tolist() == [3, 6]
    path = write(tmp_path, "csv", {"index": [6, 2, 7], "score": [1.0, 2.0, 3.0]})
    with pytest.raises(UserError, match=r"2 indices .*first: 2\); .* --population.* up to 6"):
        read_predictions(path, 4, natural)


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
        ("twice.csv", b"index,score,score\n1,2,3\n", "multiple columns named score"),
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


ONE = {1: True, 8: True}
TABLE = np.arange(300).reshape(100, 3).astype(np.uint16)


@pytest.mark.parametrize(
    ("predictor", "expected"),
    [
        (lambda index: index > 2, [True, False, True, True]),
        (lambda index: (index > 2).tolist(), [True, False, True, True]),
        (lambda index: index * 0.5, [1.5, 0.5, 4.0, 100.0]),
        (lambda index: np.sqrt(index.astype(np.float32)) > 2, [False, False, True, True]),
        # Of one index: no hash, no list index, no truth of an array, a single answer.
        (lambda index: ONE.get(index, False), [False, True, True, False]),
        (lambda index: index in {1, 200}, [False, True, False, True]),
        (lambda index: list(range(201))[index], [3.0, 1.0, 8.0, 200.0]),
        (lambda index: 1.5 if index > 2 else -1.0, [1.5, -1.0, 1.5, 1.5]),
        (lambda index: True, [True] * 4),
        (lambda index: int(str(index)), [3.0, 1.0, 8.0, 200.0]),
    ],
)
def test_of_many_or_of_one(predictor, expected):
    asked = Asked(predictor)
    answer = asked(INDEX)
    assert answer.tolist() == expected
    assert answer.dtype == np.float64
    assert asked.is_score is (not isinstance(expected[0], bool))


def test_bytes_of_many_rows_are_not_taken_for_those_of_one():
    """`tokens[index].tobytes()` works for an array as well, and then is of all rows at once."""
    index = np.array([7, 30, 31])
    answer = Asked(lambda i: int.from_bytes(TABLE[i].tobytes()[:2], "little"))(index)
    assert answer.tolist() == [21.0, 90.0, 93.0]


def test_a_predictor_gets_a_copy_and_plain_integers():
    def spoils(index):
        index += 1
        return index > 0

    index = INDEX.copy()
    Asked(spoils)(index)
    np.testing.assert_array_equal(index, INDEX)
    kinds = []
    Asked(lambda i: [kinds.append(type(i)), i][1] if isinstance(i, int) else 0)(INDEX)
    assert set(kinds) == {int}


def test_it_may_not_change_its_mind_from_call_to_call():
    asked = Asked(lambda index: index > 3 if index[0] == 2 else index / 2)
    assert len(asked(np.array([], int))) == 0
    assert asked.is_score is None
    asked(np.array([2]))
    with pytest.raises(UserError, match="sometimes with true or false"):
        asked(np.array([5]))


@pytest.mark.parametrize(
    ("predictor", "message"),
    [
        (lambda index: index[:2], r"asked of 3 sequences and returned an array of shape \(2,\)"),
        (lambda index: np.ones((len(index), 2)), r"shape \(3, 2\)"),
        (lambda index: ["yes"] * len(index), "values of type"),
        (lambda index: [None] * len(index), "values of type object"),
        (lambda index: np.where(index == 8, np.nan, 1.0), r"NaN \(the first: index 8\)"),
        (lambda index: index > 2 if len(index) > 1 else index / 2, "sometimes"),
    ],
)
def test_useless_answers(predictor, message):
    with pytest.raises(UserError, match=message):
        Asked(predictor)(INDEX)


def test_a_mistake_in_the_predictor_is_shown_as_it_is():
    with pytest.raises(ZeroDivisionError):
        Asked(lambda index: 1 / 0)(INDEX)
    with pytest.raises(TypeError, match="NoneType"):
        Asked(lambda index: None + index)(INDEX)
