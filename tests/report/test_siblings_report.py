"""What the report makes of the metrics of the siblings stage."""

from types import SimpleNamespace

import numpy as np
import pytest
from siblings_made_up import sibling_metrics

from memorization.report.figures import siblings as figure
from memorization.report.tables import TABLES
from memorization.report.wording import METRICS
from memorization.siblings import published

PYTHIA = [*published.SMALLER_MODELS, published.TARGET]
POSITIVES = {name: 100 * (place + 1) for place, name in enumerate(PYTHIA)}


def results(target, models, positives, **options):
    metrics = sibling_metrics(target, models, 10_000, positives, **options)
    return SimpleNamespace(metrics={"siblings": metrics})


@pytest.fixture
def micro():
    return results("m3", ["m1", "m2", "m3"], {"m1": 0, "m2": 20, "m3": 70})


def points(axes, label):
    (line,) = [line for line in axes.lines if line.get_label() == label]
    return line.get_xydata()


def test_the_figure_shows_the_metrics_against_compute(micro):
    precision, recall = figure.draw(micro).axes
    pairs = micro.metrics["siblings"]["pairs"]["m3"]
    # m1 said yes to nothing: no precision.
    np.testing.assert_allclose(
        points(precision, "smaller model"), [[0.1, pairs["m2"]["precision"]]]
    )
    np.testing.assert_allclose(
        points(recall, "smaller model"), [[0.01, 0], [0.1, pairs["m2"]["recall"]]]
    )
    own = micro.metrics["siblings"]["checkpoints"]
    for axes, metric in ((precision, "precision"), (recall, "recall")):
        expected = np.stack([own["relative_compute"], own["population"][metric]], axis=1)
        label = "its own checkpoint (upper reference)"
        np.testing.assert_allclose(points(axes, label), expected)
        low, high = axes.get_xlim()
        assert low < 0.01
        assert high > 1


def test_the_figure_of_12b_shows_what_is_published():
    whole = results(published.TARGET, PYTHIA, POSITIVES, evaluated=True)
    whole.metrics["siblings"]["checkpoints"]["population"] = None
    axes = figure.draw(whole).axes
    for panel, column in zip(axes, (0, 1), strict=True):
        heights = points(panel, published.CITATION)[:, 1]
        expected = [*published.SMALLER_MODELS.values(), *published.CHECKPOINTS.values()]
        assert heights.tolist() == [pair[column] for pair in expected]


def test_of_another_target_nothing_published_is_shown():
    figures = figure.draw(results("6.9b", PYTHIA[:-1], POSITIVES))
    assert published.CITATION not in [
        line.get_label() for axes in figures.axes for line in axes.lines
    ]
    assert published.CITATION not in TABLES["siblings"](results("6.9b", PYTHIA[:-1], POSITIVES))


def test_nothing_to_compare_with():
    nothing = results("m1", ["m1"], {"m1": 3}, steps=())
    texts = [text.get_text() for axes in figure.draw(nothing).axes for text in axes.texts]
    assert texts == ["nothing to compare with"] * 2
    assert len(TABLES["siblings"](nothing).splitlines()) == 2


def cells(text):
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    return [rows[0], *rows[2:]]


def test_the_table_lists_every_pair_the_target_first(micro):
    header, *rows = cells(TABLES["siblings"](micro))
    assert header[3:6] == [METRICS[name] for name in ("precision", "recall", "f1")]
    assert [row[:3] for row in rows] == [
        ["m3", "m1", "1.00%"],
        ["", "m2", "10.0%"],
        ["m2", "m1", "10.0%"],
    ]
    assert rows[0][3:] == ["—", "0.000", "0.000", "0.9930", "0.9930"]
    # 19 of 20 are right, of 70: F1 38/90, and 52 mistakes in 10,000.
    assert rows[1][3:] == ["0.950", "0.271", "0.422", "0.9948", "0.9930"]
    few = results("m2", ["m1", "m2", "m3"], {"m1": 0, "m2": 20, "m3": 70})
    assert [row[0] for row in cells(TABLES["siblings"](few))[1:]] == ["m2", "m3", ""]


def test_the_table_of_12b_stands_beside_the_published_one():
    header, *rows = cells(TABLES["siblings"](results(published.TARGET, PYTHIA, POSITIVES)))
    assert header[-1].endswith(published.CITATION)
    assert len(rows) == 28
    assert [row[-1] for row in rows[:7]] == [
        f"{p:.3f}, {r:.3f}" for p, r in published.SMALLER_MODELS.values()
    ]
    assert {row[-1] for row in rows[7:]} == {""}
    # Without earlier evaluations there is no range that is the published one's.
    assert {row[-2] for row in rows} == {""}
    seen = results(published.TARGET, PYTHIA, POSITIVES, evaluated=True)
    own = seen.metrics["siblings"]["evaluated_pairs"]["6.9b"]
    expected = f"{own['precision']:.3f}, {own['recall']:.3f}"
    assert cells(TABLES["siblings"](seen))[7][-2] == expected
