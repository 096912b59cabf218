import numpy as np
import pytest

from memorization.errors import UserError
from memorization.harness import predictor as module
from memorization.harness.predictor import ask

INDEX = np.array([3, 1, 8, 200])


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(module, "BATCH", 3)


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
    answer = ask(predictor, INDEX)
    assert answer.tolist() == expected
    assert answer.dtype == (np.bool_ if isinstance(expected[0], bool) else np.float64)


def test_bytes_of_many_rows_are_not_taken_for_those_of_one():
    """`tokens[index].tobytes()` works for an array as well, and then is of all rows at once."""
    index = np.array([7, 30, 31])
    answer = ask(lambda i: int.from_bytes(TABLE[i].tobytes()[:2], "little"), index)
    assert answer.tolist() == [21.0, 90.0, 93.0]


def test_a_predictor_gets_a_copy_and_plain_integers():
    def spoils(index):
        index += 1
        return index > 0

    index = INDEX.copy()
    ask(spoils, index)
    np.testing.assert_array_equal(index, INDEX)
    kinds = []
    ask(lambda index: [kinds.append(type(index)), index][1] if isinstance(index, int) else 0, INDEX)
    assert set(kinds) == {int}


def test_progress_and_no_sequences():
    done = []
    ask(lambda index: index, INDEX, done.append)
    assert done == [3, 1]
    assert len(ask(lambda index: index, np.array([], int))) == 0


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
        ask(predictor, INDEX)


def test_a_mistake_in_the_predictor_is_shown_as_it_is():
    with pytest.raises(ZeroDivisionError):
        ask(lambda index: 1 / 0, INDEX)
    with pytest.raises(TypeError, match="NoneType"):
        ask(lambda index: None + index, INDEX)
