"""The figures and the table of which features go with memorization."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from memorization.report.figures import correlation, univariate
from memorization.report.tables import univariate as table_module

FEATURES = ("duplication.sequence_count", "surprisal.mean", "surprisal.max", "repetition.distinct")


def score(tier, verdict, value, **more):
    found = {"value": value, "low": value - 0.1, "high": value + 0.1}
    estimates = ("auroc", "average_precision", "average_precision_added", "best_auroc")
    return {
        "tier": tier,
        "features": 3,
        "told_apart": 0,
        "verdict": verdict,
        "nearest": None,
        "nearest_spearman": None,
        **{name: dict(found) for name in estimates},
        **more,
    }


@pytest.fixture
def few():
    """Four features, of three families and every agreement; one interval is undefined."""
    table = pd.DataFrame({"feature": FEATURES})
    table["family"] = table["feature"].str.partition(".")[0]
    table["auroc"] = [0.9, 0.2, 0.3, 0.6]
    table["low"], table["high"] = [0.8, 0.1, np.nan, 0.4], [0.95, 0.35, np.nan, 0.7]
    table["agreement"] = ["agrees", "contradicts", "undecided", "open"]
    pairs = [
        (FEATURES[0], FEATURES[1], -0.85),
        (FEATURES[0], FEATURES[2], np.nan),
        (FEATURES[0], FEATURES[3], 0.1),
        (FEATURES[1], FEATURES[2], 0.95),
        (FEATURES[1], FEATURES[3], 0.25),
        (FEATURES[2], FEATURES[3], -0.25),
    ]
    families = {
        "repetition": score("text", "no signal", 0.5, best="repetition.distinct"),
        "surprisal": score(
            *("reference", "redundant", 0.7),
            best="surprisal.mean",
            nearest="duplication.sequence_count",
            nearest_spearman=-0.85,
        ),
        "duplication": score("corpus", "useful", 0.8, best="duplication.sequence_count"),
    }
    del families["repetition"]["average_precision_added"]
    return SimpleNamespace(
        association=table,
        correlation=pd.DataFrame(pairs, columns=["feature", "other", "spearman"]),
        metrics={"association": {"families": families}},
    )


def test_every_feature_and_family_is_drawn_where_it_belongs(few):
    axes = univariate.draw(few).axes[0]
    points = {}
    for line in axes.lines:
        for x, y in line.get_xydata():
            if line.get_linestyle() == "None" or len(line.get_xydata()) == 1:
                points[round(float(x), 6)] = y
    # AUROC from left to right, rows from top to bottom: the text tier first, then the families
    # above their features.
    assert sorted(points, key=points.__getitem__) == [0.5, 0.6, 0.8, 0.9, 0.7, 0.3, 0.2]
    spans = {
        tuple(np.round(path.vertices[:, 0], 6))
        for collection in axes.collections
        for path in collection.get_paths()
        if np.isfinite(path.vertices).all()
    }
    assert spans == {(0.8, 0.95), (0.1, 0.35), (0.4, 0.7)}
    labels = [text.get_text() for text in axes.texts]
    expected = ["text", "repetition", "+ corpus", "duplication", "+ reference", "surprisal"]
    assert labels == expected


def test_the_heat_map_shades_each_pair_once(few):
    """The area of a shade is the number of pairs in it; the diagonal is dark."""
    axes = correlation.draw(few).axes[0]
    areas = [area(patch.get_path()) for patch in axes.patches]
    # Together, from 0.2 by steps of 0.2: one pair, none, none, one and the diagonal. Apart: −0.25
    # and −0.85. What is below 0.2, or undefined, has no shade.
    assert areas == [1, 0, 0, 1 + 4, 1, 0, 0, 1]
    assert [text.get_text() for text in axes.texts] == ["duplication", "surprisal", "repetition"]


def area(path):
    corners = path.vertices.reshape(-1, 5, 2)
    return np.ptp(corners, axis=1).prod(axis=1).sum()


def test_cells_that_touch_are_one_rectangle():
    cells = np.array([[1, 1, 0, 1], [0, 0, 0, 0], [0, 1, 1, 1]], dtype=bool)
    path = correlation._squares(cells)
    corners = path.vertices.reshape(-1, 5, 2)
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    assert boxes.tolist() == [[0, 0, 2, 1], [3, 0, 4, 1], [1, 2, 4, 3]]


def test_negative_results_stay_and_say_why(few):
    lines = table_module.write(few).splitlines()[2:]
    assert [line.split("|")[2].strip() for line in lines] == [
        "repetition",
        "duplication",
        "surprisal",
    ]
    assert "no signal; of 3 features none are told from chance" in lines[0]
    assert "| — |" in lines[0]
    assert "its best goes with duplication: sequence count (−0.85)" in lines[2]
