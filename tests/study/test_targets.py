import numpy as np
import pandas as pd
import pytest

from memorization.errors import UserError
from memorization.study.targets import targets_of

STEPS = np.array([10, 20, 30, 40])


def labels(first, stable, entry):
    return pd.DataFrame(
        {
            "first_step": pd.array(first, "Int32"),
            "stable_step": pd.array(stable, "Int32"),
            "entry": np.array(entry, dtype=np.int32),
        }
    )


def test_both_events_by_hand():
    # Memorized at once; forgotten again; memorized anew; never; and seen only after step 20.
    table = labels([10, 20, 20, None, 40], [10, None, 40, None, 40], [0, 0, 0, 0, 20])
    first, stable = targets_of(table, STEPS, "first"), targets_of(table, STEPS, "stable")
    assert first.time.tolist() == [1, 2, 2, 4, 4]
    assert first.event.tolist() == [True, True, True, False, True]
    assert stable.time.tolist() == [1, 4, 4, 4, 4]
    assert stable.event.tolist() == [True, False, True, False, True]
    # Nothing is truncated: whoever comes late was looked at then, whatever was seen.
    assert first.first_evaluation.tolist() == [1, 1, 1, 1, 2]
    assert not first.left_censored.any()
    assert first.n_times == 4


def test_memorized_at_a_late_first_evaluation_is_left_censored():
    # At the first evaluation, 20; later than it; at the first of all, which bounds it below.
    table = labels([20, 30, 10], [30, 30, 10], [20, 20, 0])
    first, stable = targets_of(table, STEPS, "first"), targets_of(table, STEPS, "stable")
    assert first.left_censored.tolist() == [True, False, False]
    assert stable.left_censored.tolist() == [False, False, False]


def test_labels_of_another_suite_are_refused():
    for first, entry, reason in (
        (25, 0, "first_step 25 is not one of the 4 checkpoints"),
        (20, 15, "entry 15 is not one of"),
        (10, 20, "first_step is before entry"),
    ):
        with pytest.raises(UserError, match=reason):
            targets_of(labels([first], [None], [entry]), STEPS, "first")
