"""What collecting cases and controls leaves in them is told; what does not differ is not."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

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
    assert artefacts(plain, TRUTH, {"length": 0.6}) == []


def test_a_trait_of_a_few_texts_is_none():
    few = ["  x" if row < 10 else "x" for row in range(200)]
    assert artefacts(few, TRUTH, {}) == []


def test_a_length_that_differs_is_told_with_its_auroc():
    rng = np.random.default_rng(1)
    length = rng.normal(size=200) - 2 * TRUTH
    area = column_auroc(length, TRUTH, FOLD)
    assert area == pytest.approx(1 - roc_auc_score(TRUTH, length))
    found = artefacts(["x"] * 200, TRUTH, {"length": area})
    assert found == [{"trait": "length", "memorized": None, "others": None, "auroc": area}]


def test_a_source_says_what_other_folds_say_of_it():
    source = np.where(TRUTH, "dump", "pile").astype(object)
    assert column_auroc(source, TRUTH, FOLD) == pytest.approx(1.0)
    # A word of its own for each row says nothing, nor does one for all.
    assert column_auroc(np.arange(200).astype(str), TRUTH, FOLD) == pytest.approx(0.5)
    assert column_auroc(np.full(200, "all"), TRUTH, FOLD) == pytest.approx(0.5)
    rng = np.random.default_rng(2)
    assert column_auroc(rng.choice(["a", "b"], 200), TRUTH, FOLD) < 0.65


def test_missing_values_of_a_column_are_left_out():
    values = np.where(np.arange(200) % 2, np.nan, TRUTH)
    assert column_auroc(values, TRUTH, FOLD) == 1.0
    assert column_auroc(np.full(200, np.nan), TRUTH, FOLD) == 0.5
