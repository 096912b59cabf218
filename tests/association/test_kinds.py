from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from memorization.association.kinds import kinds

FEATURES = pd.DataFrame(
    {
        "duplication.continuation_count": [9, 6, 5, 1, 1, 1],
        "template.repeating": [0, 1, 1, 0, 0, 0],
        "template.incrementing": [0, 0, 0, 1, 0, 0],
    }
)
TRUTH = np.array([True, False, True, True, False, False])
WEIGHT = np.array([1.0, 2.0, 1.0, 3.0, 10.0, 13.0])
DRAWN = np.ones((4, 6), dtype=np.uint8)


def test_classes_are_counted_and_weighted():
    found = kinds(FEATURES, TRUTH, WEIGHT, DRAWN, 0.95)
    assert [(of["n"], of["cases"]) for of in found.values()] == [(2, 1), (2, 2), (2, 0)]
    values = {name: {k: of[k]["value"] for k in list(of)[2:]} for name, of in found.items()}
    assert values["recitation"] == pytest.approx(
        {"share": 3 / 30, "memorized": 1 / 3, "of_memorized": 1 / 5}
    )
    assert values["reconstruction"] == pytest.approx(
        {"share": 4 / 30, "memorized": 1, "of_memorized": 4 / 5}
    )
    assert values["recollection"] == pytest.approx(
        {"share": 23 / 30, "memorized": 0, "of_memorized": 0}
    )
    assert found["recitation"]["share"]["low"] == found["recitation"]["share"]["high"]


def test_a_class_without_a_sequence_has_no_rate():
    features = FEATURES.assign(**{"duplication.continuation_count": 9})
    empty = kinds(features, TRUTH, WEIGHT, DRAWN, 0.95)["recollection"]
    assert empty["n"] == empty["cases"] == 0
    assert empty["share"]["value"] == 0
    assert np.isnan(empty["memorized"]["value"])


def test_without_the_features_that_decide_there_are_no_classes():
    assert kinds(FEATURES[["template.repeating"]], TRUTH, WEIGHT, DRAWN, 0.95) == {}
