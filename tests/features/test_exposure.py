from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from memorization.features.exposure import exposure_features, exposure_steps, exposure_table
from memorization.features.family import Inputs
from memorization.tables import EXPOSURES


@pytest.fixture
def ordered(inputs) -> Inputs:
    """The inputs, four rows a step: sequence 8 in steps 3, 3, 9 and 10, its continuation in 9."""
    windows = inputs.windows.copy()
    windows[[11, 32, 36], 10:74] = windows[8, :64]
    windows[35, :32] = windows[8, 32:64]
    return replace(inputs, windows=windows, tokens=windows[:12, :64].astype(np.int32))


def brute_steps(inputs: Inputs, sequence: int, start: int = 0) -> list[int]:
    """Steps of all exposures to the sequence from some token on, ascending."""
    part = inputs.tokens[sequence, start:].tolist()
    return [
        int(step)
        for row, step in zip(inputs.windows.tolist(), inputs.corpus_step, strict=True)
        for offset in range(len(row) - len(part) + 1)
        if row[offset : offset + len(part)] == part
    ]


def test_steps_and_summaries_equal_brute_force(ordered):
    sequence, step = exposure_steps(ordered)
    columns = exposure_features(sequence, step, last_step=10)
    for i in range(12):
        expected = brute_steps(ordered, i)
        assert step[sequence == i].tolist() == expected
        different = sorted(set(expected))
        gaps = np.diff(different) if len(different) > 1 else np.array([10])
        assert columns["hindsight_first_step"][i] == different[0]
        assert columns["hindsight_last_step"][i] == different[-1]
        assert columns["hindsight_mean_gap"][i] == gaps.mean()
        assert columns["hindsight_min_gap"][i] == gaps.min()
    assert brute_steps(ordered, 8) == [3, 3, 9, 10]
    assert columns["hindsight_mean_gap"][8] == 3.5
    assert columns["hindsight_min_gap"][8] == 1


def everyone(inputs):
    return np.ones(len(inputs.index), dtype=bool)


def test_the_table_is_of_those_that_are_followed(ordered):
    whole = exposure_table(ordered, [2, 9], everyone(ordered))
    followed = np.arange(12) % 5 == 3
    part = exposure_table(ordered, [2, 9], followed)
    expected = whole[whole["index"].isin(ordered.index[followed])].reset_index(drop=True)
    assert len(part) == 2 * followed.sum()
    assert part.equals(expected)


def test_the_table_counts_up_to_each_checkpoint(ordered):
    checkpoints = [0, 2, 3, 9]
    table = EXPOSURES.validate(exposure_table(ordered, checkpoints, everyone(ordered)))
    assert len(table) == 12 * 4
    for i, index in enumerate(ordered.index):
        own = table[table["index"] == index]
        assert own["step"].tolist() == checkpoints
        steps = brute_steps(ordered, i)
        assert own["count"].tolist() == [sum(s <= c for s in steps) for c in checkpoints]
        steps = brute_steps(ordered, i, start=32)
        assert own["continuation_count"].tolist() == [
            sum(s <= c for s in steps) for c in checkpoints
        ]
    eighth = table[table["index"] == 8]
    assert eighth["count"].tolist() == [0, 0, 2, 3]
    assert eighth["continuation_count"].tolist() == [0, 0, 2, 4]


def test_a_sequence_that_begins_no_row_is_met_in_its_own_step(ordered):
    ordered = replace(ordered, windows=ordered.windows[:, :64])
    whole = exposure_table(ordered, range(11), everyone(ordered))
    # Row 8 is replaced by other text; sequence 8 is met in step 3 all the same.
    windows = ordered.windows.copy()
    windows[8] = 1000 + np.arange(64)
    rows = np.where(ordered.rows == 8, -1, ordered.rows)
    elsewhere = replace(ordered, windows=windows, rows=rows)
    without = exposure_table(elsewhere, range(11), everyone(ordered))
    own = whole["index"] == 8
    assert without[own].equals(whole[own])


def test_rows_in_no_order_have_no_exposures(ordered):
    sample = replace(ordered, corpus_step=None)
    table = EXPOSURES.validate(exposure_table(sample, [1, 2], everyone(sample)))
    assert len(table) == 0
    for other in (sample, replace(ordered, step=None)):
        with pytest.raises(ValueError, match="need the step of every row"):
            exposure_steps(other)
