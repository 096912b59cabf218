"""The figures and the table of which features go with memorization."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from memorization.report.figures import correlation, univariate
from memorization.report.figures.univariate import AGREEMENT
from memorization.report.tables import TABLES
from memorization.report.tables.families import added, seldom

FEATURES = (
    *("duplication.sequence_count", "surprisal.mean", "surprisal.max"),
    "repetition.prompt_distinct",
)


NO_SIDE = {"value": 0.01, "low": -0.1, "high": 0.2}


def made_up(value):
    return {"value": value, "low": value - 0.1, "high": value + 0.1}


def score(tier, verdict, value, **more):
    found = made_up(value)
    estimates = ("auroc", "average_precision", "best_auroc")
    estimates += ("average_precision_added", "average_precision_added_to_duplication")
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
    """Four features, of three families and most agreements; one interval is undefined."""
    table = pd.DataFrame({"feature": FEATURES})
    table["family"] = table["feature"].str.partition(".")[0]
    table["auroc"] = [0.9, 0.2, 0.3, 0.6]
    table["low"], table["high"] = [0.8, 0.1, np.nan, 0.4], [0.95, 0.35, np.nan, 0.7]
    table["tier"] = ["corpus", "reference", "reference", "text"]
    table["expected"], table["observed"] = list("+--?"), list("++0+")
    table["agreement"] = ["agrees", "contradicts", "undecided", "open"]
    table["missing"], table["uncommon"] = 0.0, 0.9
    table["n_uncommon"], table["n_uncommon_cases"] = 90, 9
    pairs = [
        (FEATURES[0], FEATURES[1], -0.85),
        (FEATURES[0], FEATURES[2], np.nan),
        (FEATURES[0], FEATURES[3], 0.1),
        (FEATURES[1], FEATURES[2], 0.95),
        (FEATURES[1], FEATURES[3], 0.25),
        (FEATURES[2], FEATURES[3], -0.25),
    ]
    families = {
        "repetition": score("text", "no signal", 0.5, best="repetition.prompt_distinct"),
        "surprisal": score(
            *("reference", "redundant", 0.7),
            best="surprisal.mean",
            nearest="duplication.sequence_count",
            nearest_spearman=-0.85,
        ),
        "duplication": score("corpus", "useful", 0.8, best="duplication.sequence_count"),
    }
    del families["repetition"]["average_precision_added"]
    del families["duplication"]["average_precision_added_to_duplication"]
    whole = {"features": 1, "auroc": made_up(0.6), "average_precision": made_up(0.123)}
    beyond = {"average_precision_added_to_duplication": made_up(-0.3)}
    tiers = {
        "corpus": whole | {"features": 2} | beyond,
        "reference": whole | {"features": 4, "average_precision_added_to_duplication": NO_SIDE},
        "text": whole,
    }
    agreement = dict.fromkeys(("agrees", "contradicts", "open", "undecided"), 1)
    agreement |= {"constant": 0, "told_apart": 3, "undecided_open": 0}
    counts = {"n": 100, "cases": 10, "population": 1000.0, "agreement": agreement}
    return SimpleNamespace(
        association=table,
        correlation=pd.DataFrame(pairs, columns=["feature", "other", "spearman"]),
        metrics={"association": counts | {"families": families, "tiers": tiers, "kinds": {}}},
        params=SimpleNamespace(
            features=SimpleNamespace(families=("duplication", "exposure", "surprisal"))
        ),
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
    assert labels == [
        *("text", "prompt distinct 0.60", "repetition"),
        *("+ corpus", "sequence count 0.90", "duplication"),
        # The highest, the lowest.
        *("+ reference", "max 0.30", "mean 0.20", "surprisal"),
        "highest and lowest feature",
    ]
    legend = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    assert legend == ["all of a family", *(name for _, _, name in AGREEMENT.values() if name)]


def test_what_is_not_told_from_chance_is_drawn_as_such_whatever_was_expected(few):
    few.association["agreement"] = ["agrees", "undecided", "constant", "open"]
    axes = univariate.draw(few).axes[0]
    marks = {}
    for line in axes.lines:
        for x, _ in line.get_xydata():
            marks[round(float(x), 6)] = (line.get_marker(), line.get_color())
    grey = ("|", univariate.UNDECIDED)
    assert (marks[0.2], marks[0.3]) == (grey, grey)
    assert grey not in (marks[0.9], marks[0.6])


def test_the_heat_map_shades_each_pair_once(few):
    """The area of a shade is the number of pairs in it; the diagonal is dark."""
    axes = correlation.draw(few).axes[0]
    areas = [area(patch.get_path()) for patch in axes.patches]
    # Together, from 0.2 by steps of 0.2: one pair, none, none, one and the diagonal. Apart: −0.25
    # and −0.85. What is below 0.2, or undefined, has no shade.
    assert areas == [1, 0, 0, 1 + 4, 1, 0, 0, 1]
    # At both ends of a family's rows.
    names = ["duplication", "surprisal", "repetition"]
    assert [text.get_text() for text in axes.texts] == [name for name in names for _ in range(2)]


def area(path):
    corners = path.vertices.reshape(-1, 5, 2)
    return np.ptp(corners, axis=1).prod(axis=1).sum()


def test_cells_that_touch_are_one_rectangle():
    cells = np.array([[1, 1, 0, 1], [0, 0, 0, 0], [0, 1, 1, 1]], dtype=bool)
    path = correlation._squares(cells)
    corners = path.vertices.reshape(-1, 5, 2)
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    assert boxes.tolist() == [[0, 0, 2, 1], [3, 0, 4, 1], [1, 2, 4, 3]]


def cells(text):
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    return rows[2:]


def test_families_by_tier_with_what_they_add_and_to_what(few):
    rows = cells(TABLES["univariate"](few))
    assert [row[:2] for row in rows] == [
        *(["text", "repetition"], ["", "*all 1 features*"]),
        *(["corpus", "duplication"], ["", "*all 2 features*"]),
        *(["reference", "surprisal"], ["", "*all 4 features*"]),
    ]
    assert [row[7] for row in rows[::2]] == ["no signal", "useful", "redundant"]
    # Added to duplication, to all others; not to itself, nor where there are no others.
    assert (rows[0][6], rows[2][5]) == ("—", "—")
    assert rows[4][5] == "0.700 (0.600,\u00a00.800)"
    assert rows[3][4:6] == ["0.12 (0.02,\u00a00.22)", "−0.300 (−0.400,\u00a0−0.200)"]
    assert rows[1][5] == "—"


def test_negative_results_stay_and_say_why(few):
    rows = {row[0]: row[1:] for row in cells(TABLES["not_useful"](few))}
    assert list(rows) == ["surprisal", "repetition"]
    verdict, found = rows["surprisal"]
    assert verdict == "redundant"
    for said in (
        "reaches an average precision of 0.70 (0.60",
        "0 go as expected, 1 against expectation and 1 is not told from chance",
        "duplication: sequence count can replace its best, mean (ρ = −0.85)",
        "it adds to all others, 0.700 (0.600",
        "and adds to duplication alone",
    ):
        assert said in found
    assert "it has no all others" not in rows["repetition"][1]
    assert "it has nothing else to be added to, and" in rows["repetition"][1]


def test_only_what_correlates_beyond_the_limit_is_a_replacement(few):
    few.metrics["association"]["families"]["surprisal"]["nearest_spearman"] = -0.8
    assert "nothing replaces its best, mean (nearest: dup" in TABLES["not_useful"](few)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.01, 0.2, "adds to"),
        (-0.2, -0.0001, "lowers the average precision of"),
        (-0.2, 0.0099, "does not add to"),
        (-0.2, 0.01, "could not be shown to add to"),
        (0.0, 0.1, "could not be shown to add to"),
        (None, None, "cannot be compared with"),
    ],
)
def test_that_a_family_does_not_add_needs_a_narrow_interval(low, high, words):
    found = {"value": 0.0, "low": low, "high": high}
    assert added(found, "all others").startswith(f"{words} all others")


def test_detectors_that_hardly_ever_fire_are_the_reason(few):
    table = few.association.assign(family="template", uncommon=[0.05, 0.01, 0.0, 0.5])
    table["feature"] = [f"template.{n}" for n in ("progression", "counter", "repeating", "number")]
    table["auroc"], table["n_uncommon"] = [0.47, 0.48, 0.5, 0.41], [72, 56, 0, 900]
    said = seldom(table)
    assert "For 3 of its 4 features, more than 90% of the training sequences have" in said
    assert "AUROCs are 0.47 to 0.50" in said
    assert "progression, does so in 72 sampled sequences, 9 of them memorized" in said
    # No reason where they do tell, or where most features vary.
    assert seldom(table.assign(auroc=[0.7, 0.5, 0.5, 0.5])) == ""
    assert seldom(table.assign(uncommon=[0.05, 0.5, 0.5, 0.5])) == ""


def test_all_useful_leaves_a_whole_table(few):
    for found in few.metrics["association"]["families"].values():
        found["verdict"] = "useful"
    assert cells(TABLES["not_useful"](few)) == [["—"] * 3]


def test_features_one_by_one(few):
    few.association.loc[3, "agreement"] = "constant"
    rows = cells(TABLES["single_features"](few))
    assert rows == [
        ["duplication", "sequence count", "corpus", "0.900 (0.800,\u00a00.950)", "\\+", "\\+"],
        ["surprisal", "mean", "reference", "0.200 (0.100,\u00a00.350)", "−", "\\+"],
        ["", "max", "reference", "0.300", "−", "0"],
        ["repetition", "prompt distinct", "text", "—", "?", "constant"],
    ]
    few.association["missing"] = [0.0, 0.25, 0.0, 0.0]
    assert [row[6] for row in cells(TABLES["single_features"](few))] == ["0%", "25.0%", "0%", "0%"]


def test_pairs_of_families_with_features_that_say_the_same(few):
    """Within a family nothing is compared; the sign does not matter, −0.8 is not beyond 0.8."""
    more = [(FEATURES[1], "duplication.prompt_count", 0.9), (FEATURES[3], FEATURES[0], -0.8)]
    table = pd.DataFrame(more, columns=["feature", "other", "spearman"])
    few.correlation = pd.concat([few.correlation, table], ignore_index=True)
    rows = cells(TABLES["correlation"](few))
    # One pair of families, in whichever order its features come.
    assert rows == [["surprisal", "mean", "duplication", "prompt count", "0.90", "2"]]
    few.correlation["spearman"] = 0.1
    assert cells(TABLES["correlation"](few)) == [["—"] * 6]


def test_families_count_what_was_computed(few):
    rows = {row[0]: row for row in cells(TABLES["families"](few))}
    assert {name: row[3] for name, row in rows.items()} == {
        "duplication": "1",
        "exposure": "0",
        "surprisal": "2",
    }
    assert (rows["duplication"][4], rows["exposure"][4]) == ("the first pass over the corpus", "—")


def test_features_that_were_not_computed_are_marked(few):
    names = [row[1] for row in cells(TABLES["features"](few))]
    assert "sequence count" in names
    assert "published count †" in names
    assert "hindsight mean gap †" in names
