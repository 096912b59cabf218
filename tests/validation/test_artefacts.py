"""What collecting cases and controls leaves in them is told; what does not differ is not."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from memorization.evaluation.bootstrap import Bootstrap
from memorization.validation.artefacts import artefacts, column_auroc

TRUTH = np.arange(200) < 100
FOLD = np.arange(200) % 5


def texts(of_cases, of_others):
    return [(of_cases if case else of_others).format(row) for row, case in enumerate(TRUTH)]


@pytest.mark.parametrize(
    ("of_cases", "of_others", "trait"),
    [
        ("number  {}", "number {}", "two spaces in a row"),
        ("number {}\n", "number {}", "white space at the end"),
        (" number {}", "number {}", "white space at the start"),
        ("number\t{}", "number {}", "a tab"),
        ("a <b>number</b> {}", "a number {}", "a tag"),
        ("number {} é", "number {} e", "a character that is not ASCII"),
    ],
)
def test_a_trait_of_one_kind_alone_is_told(of_cases, of_others, trait):
    found = artefacts(texts(of_cases, of_others), TRUTH, {})
    own = next(one for one in found if one["trait"] == trait)
    assert own == {"trait": trait, "memorized": 1.0, "others": 0.0, "auroc": 1.0}
    # The other way round it is the same.
    assert trait in [one["trait"] for one in artefacts(texts(of_others, of_cases), TRUTH, {})]


def test_texts_of_one_draw_have_no_artefact():
    rng = np.random.default_rng(0)
    plain = [f"number {row}" + "  " * int(rng.random() < 0.5) for row in range(200)]
    length = {"value": 0.6, "low": 0.55, "high": 0.65}
    assert artefacts(plain, TRUTH, {"length": length}) == []


def test_a_trait_of_a_few_texts_is_none():
    few = ["  x" if row < 10 else "x" for row in range(200)]
    assert artefacts(few, TRUTH, {}) == []


BOOTSTRAP = Bootstrap.of(np.arange(200), 100, 0.95, np.random.default_rng(0))


def alone(values, fold=FOLD):
    return column_auroc(values, TRUTH, fold, BOOTSTRAP)


def test_a_length_that_differs_is_told_with_its_auroc():
    rng = np.random.default_rng(1)
    length = rng.normal(size=200) - 2 * TRUTH
    area = alone(length)
    assert area["value"] == pytest.approx(1 - roc_auc_score(TRUTH, length))
    assert 0.8 < area["low"] < area["value"] < area["high"] < 1
    found = artefacts(["x"] * 200, TRUTH, {"length": area})
    assert found == [{"trait": "length", "memorized": None, "others": None, "auroc": area["value"]}]


def test_a_difference_that_chance_makes_is_not_told():
    given = {
        "noise": {"value": 0.65, "low": 0.48, "high": 0.8},
        "source": {"value": 0.65, "low": 0.52, "high": 0.78},
        "of one text": {"value": 0.65, "low": np.nan, "high": np.nan},
    }
    found = artefacts(["x"] * 200, TRUTH, given)
    assert [one["trait"] for one in found] == ["source", "of one text"]


def test_a_source_says_what_other_folds_say_of_it():
    source = np.where(TRUTH, "dump", "pile").astype(object)
    assert alone(source)["value"] == pytest.approx(1.0)
    # A word of its own for each row says nothing, nor does one for all.
    assert alone(np.arange(200).astype(str))["value"] == pytest.approx(0.5)
    assert alone(np.full(200, "all"))["value"] == pytest.approx(0.5)
    rng = np.random.default_rng(2)
    noise = alone(rng.choice(["a", "b"], 200))
    assert noise["low"] < 0.5 < noise["high"]


def test_missing_values_of_a_column_are_left_out():
    values = np.where(np.arange(200) % 2, np.nan, TRUTH)
    assert alone(values)["value"] == 1.0
    assert alone(np.full(200, np.nan)) == {"value": 0.5, "low": 0.5, "high": 0.5}


def test_an_interval_is_wider_where_rows_are_copies():
    rng = np.random.default_rng(3)
    length = np.repeat(rng.normal(size=20), 10) - TRUTH
    copies = Bootstrap.of(np.arange(200) // 10, 100, 0.95, np.random.default_rng(0))
    own, other = alone(length), column_auroc(length, TRUTH, FOLD, copies)
    assert own["value"] == other["value"]
    assert other["high"] - other["low"] > own["high"] - own["low"]
