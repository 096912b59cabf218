"""The margins table and its statistics, computed by hand."""

import numpy as np
import pandas as pd

from memorization.labels.margins import BANDS, margin_statistics, margins_table
from memorization.tables import MARGINS

MARGIN = np.array([-np.inf, -1, -0.05, 0, 0.05, 0.5, 1, 9], np.float32)
MEMORIZED = MARGIN >= 0
LABELS = pd.DataFrame({"index": np.arange(8) * 3, "memorized": MEMORIZED})


def rows(*true):
    return np.isin(np.arange(8), true)


def found(memorized=MEMORIZED):
    return {
        "margin": MARGIN,
        "memorized": memorized,
        "precision": np.array("float16"),
        "float32": rows(2),
        "bfloat16": rows(2, 4, 5),
        "float16": rows(3),
    }


def test_what_any_precision_flips_is_fragile():
    table = MARGINS.validate(margins_table(LABELS, found()))
    assert np.flatnonzero(table["fragile"]).tolist() == [2, 3, 4, 5]
    np.testing.assert_array_equal(table["margin"], MARGIN)


def test_a_label_that_another_scan_found_otherwise_is_flipped_by_other_batches():
    table = margins_table(LABELS, found(MEMORIZED ^ rows(4)))
    assert np.flatnonzero(table["float16"]).tolist() == [3, 4]
    # The label that was examined flips in it; so it is the one that stands.
    assert np.flatnonzero(table["bfloat16"]).tolist() == [2, 5]
    np.testing.assert_array_equal(table["memorized"], MEMORIZED)


def test_statistics_by_hand():
    about = margin_statistics(margins_table(LABELS, found()), MEMORIZED ^ rows(2, 5), found())
    bands = about.pop("bands")
    assert about == {
        "n": 8,
        "precision": "float16",
        "fragile": 4,
        "flips": {"other_batches": 1, "float32": 1, "bfloat16": 3},
    }
    assert tuple(bands) == BANDS
    columns = ("sequences", "memorized", "fragile", "agreement")
    assert [tuple(bands[band][name] for name in columns) for band in BANDS] == [
        (1, 0, 0, 1.0),
        (1, 0, 0, 1.0),
        (1, 0, 1, 0.0),
        (2, 2, 2, 1.0),
        (1, 1, 1, 0.0),
        (2, 2, 0, 1.0),
    ]


def test_where_nothing_is_in_a_band_nothing_agrees_or_does_not():
    one = {name: value[:1] if value.ndim else value for name, value in found().items()}
    about = margin_statistics(margins_table(LABELS[:1], one), MEMORIZED[:1], one)
    assert about["bands"]["below -1"]["agreement"] == 1
    assert about["bands"]["0 to 0.1"] == {
        "sequences": 0, "memorized": 0, "fragile": 0, "agreement": None,
    }  # fmt: skip


def test_nothing_scanned():
    table = margins_table(LABELS, None)
    assert list(table.columns) == list(MARGINS.columns)
    assert len(table) == 0
    assert margin_statistics(table, rows(), None) is None
