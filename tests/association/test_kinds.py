from dataclasses import replace

import numpy as np
import pytest
from made_up_study import make_study

from memorization.association.kinds import kinds
from memorization.evaluation.bootstrap import Bootstrap

FEATURES = {
    "duplication.continuation_count": [9, 6, 5, 1, 1, 1],
    "template.repeating": [0, 1, 1, 0, 0, 0],
    "template.incrementing": [0, 0, 0, 1, 0, 0],
}
STUDY = make_study(FEATURES, [1, 0, 1, 1, 0, 0], weight=[1, 2, 1, 3, 10, 13])
SAME = Bootstrap(np.ones((4, 6), dtype=np.uint8), np.arange(6), 0.95)


def test_classes_are_counted_and_weighted():
    found = kinds(STUDY, SAME)
    assert [(of["n"], of["cases"]) for of in found.values()] == [(2, 1), (2, 2), (2, 0)]
    values = {name: [of[k]["value"] for k in list(of)[2:]] for name, of in found.items()}
    assert list(found["recitation"])[2:] == ["share", "memorized", "of_memorized"]
    assert values["recitation"] == pytest.approx([3 / 30, 1 / 3, 1 / 5])
    assert values["reconstruction"] == pytest.approx([4 / 30, 1, 4 / 5])
    assert values["recollection"] == pytest.approx([23 / 30, 0, 0])
    assert found["recitation"]["share"]["low"] == found["recitation"]["share"]["high"]


def test_a_class_without_a_sequence_has_no_rate():
    features = STUDY.features.assign(**{"duplication.continuation_count": 9})
    empty = kinds(replace(STUDY, features=features), SAME)["recollection"]
    assert empty["n"] == empty["cases"] == 0
    assert empty["share"]["value"] == 0
    assert np.isnan(empty["memorized"]["value"])


def test_without_the_features_that_decide_there_are_no_classes():
    assert kinds(STUDY.only(["template.repeating"]), SAME) == {}
