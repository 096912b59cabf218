"""The figures: the same bytes twice, and what they compute."""

import copy
import itertools

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve

from memorization.report.calibration_groups import EDGES
from memorization.report.figures import FIGURES
from memorization.report.figures.calibration import FLOOR
from memorization.report.figures.growth import states
from memorization.report.figures.precision_recall import precision_recall
from memorization.report.results import Results
from memorization.report.style import _apart, svg


@pytest.fixture(scope="module")
def again(results):
    """The same results, read a second time."""
    return Results(results.folder, results.params)


@pytest.mark.parametrize("name", FIGURES)
def test_figure_is_the_same_bytes_when_drawn_again(name, paper, again):
    first = (paper / f"figures/{name}.svg").read_bytes()
    assert first == svg(lambda: FIGURES[name](again))
    assert first.startswith(b"<?xml")
    # Letters are outlines and nothing is fetched: the picture is the same in every viewer.
    assert b"<text" not in first
    assert b"<image" not in first
    assert b"<dc:date>" not in first


@pytest.mark.parametrize("name", FIGURES)
def test_figure_of_the_smallest_target(name, smallest):
    """No reference, no sibling: figures show the tiers that there are."""
    figure = FIGURES[name](smallest)
    assert figure.get_size_inches()[0] == 6.5
    assert any(axes.has_data() for axes in figure.axes)
    assert FIGURES[name].__doc__


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("target", ["large", "published"])
def test_figure_of_a_pythia_target_is_the_same_bytes_twice(name, target, request):
    """Whatever is not known of it: times, duplicates, domains."""
    results = request.getfixturevalue(target)
    first = svg(lambda: FIGURES[name](results))
    assert first == svg(lambda: FIGURES[name](Results(results.folder, results.params)))


@pytest.mark.parametrize("name", ["growth", "survival_by_count", "when_scores"])
def test_a_figure_that_cannot_be_drawn_says_why(name, large):
    figure = FIGURES[name](large)
    assert figure.axes == []
    (text,) = figure.texts
    said = " ".join(text.get_text().split())
    assert ("only the end" if name == "growth" else large.metrics["when"]["reason"]) in said


def test_growth_is_of_the_sequences_that_a_checkpoint_was_evaluated_on(published):
    observed, memorized = published.trajectories.observed, published.trajectories.memorized
    assert 0 < observed[:, 0].mean() < 1
    weight = published.sample["weight"].to_numpy()
    axes = FIGURES["growth"](published).axes[1]
    for at, height in enumerate(axes.lines[0].get_ydata()):
        rows = observed[:, at]
        expected = np.average(memorized[rows, at], weights=weight[rows])
        assert height == pytest.approx(100 * expected)


def test_every_interval_of_the_scores_is_drawn(results):
    figure = FIGURES["scores_by_tier"](results)
    scores = results.metrics["whether"]
    metric, gained = "average_precision", scores["gains"]["over_baseline"]
    own = [s[metric] for t in results.tiers("whether") for s in scores[t].values()]
    over = [s["continuation_count"][metric] for models in gained.values() for s in models.values()]
    assert len(over) == len(own) - 4
    for axes, found in zip(figure.axes, (own, over), strict=True):
        drawn = {tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2}
        assert {(estimate["low"], estimate["high"]) for estimate in found} <= drawn
        points = {float(line.get_xdata()[0]) for line in axes.lines if len(line.get_xdata()) == 1}
        assert points == {estimate["value"] for estimate in found}


def test_counts_are_in_order(results):
    """JSON sorts "100+" before "2-4"; the axis must not."""
    panels = FIGURES["memorized_by_count"](results).axes
    for axes, count in zip(panels, ("sequence_count", "continuation_count"), strict=True):
        labels = [text.get_text().splitlines() for text in axes.get_xticklabels()]
        assert [lines[0] for lines in labels] == ["1", "2–4", "5–19", "20–99", "≥100"]
        strata = results.metrics["whether"]["strata"][count]
        order = ("1", "2-4", "5-19", "20-99", "100+")
        assert [lines[2] for lines in labels] == [
            f"{strata[name]['cases']}/{strata[name]['n']}" for name in order
        ]
        heights = [float(line.get_ydata()[0]) for line in axes.lines if len(line.get_ydata()) == 1]
        expected = [100 * strata[name]["prevalence"]["value"] for name in order]
        assert heights == pytest.approx(expected)


def test_what_is_never_memorized_lies_hollow_on_the_axis(results):
    found = copy.deepcopy(results.metrics)
    found["whether"]["strata"]["continuation_count"]["1"]["prevalence"] = dict.fromkeys(
        ("value", "low", "high"), 0.0
    )
    again = Results(results.folder, results.params)
    again.__dict__["metrics"] = found
    axes = FIGURES["memorized_by_count"](again).axes[1]
    point = next(line for line in axes.lines if len(line.get_ydata()) == 1)
    assert point.get_ydata()[0] == axes.get_ylim()[0]
    assert point.get_markerfacecolor() == "white"


def test_sizes_are_exact_shares_of_the_population(results):
    axes = FIGURES["memorized_by_size"](results).axes[0]
    points = [line.get_xydata()[0] for line in axes.lines if len(line.get_xdata()) == 1]
    expected = [(143_200, 100 * 12 / 4000), (362_000, 100 * 30 / 4000), (1_121_024, 6100 / 4000)]
    np.testing.assert_allclose(points, expected)


def test_survival_starts_whole_and_is_that_of_the_table(results):
    axes = FIGURES["survival_by_count"](results).axes[0]
    assert len(axes.lines) == 5
    for line, (_, curve) in zip(
        axes.lines, results.kaplan_meier.groupby("stratum", sort=False), strict=True
    ):
        assert line.get_xydata()[0].tolist() == [0, 100]
        np.testing.assert_allclose(line.get_ydata()[1:], 100 * curve["survival"])


def test_precision_recall_equals_scikit_learn(rng):
    truth = rng.random(300) < 0.2
    score = np.round(truth * 0.3 + rng.random(300), 1)
    weight = rng.integers(1, 9, 300)
    recall, precision = precision_recall(truth, score, weight)
    their_precision, their_recall, _ = precision_recall_curve(truth, score, sample_weight=weight)
    # Theirs ascends by threshold and ends with a point at recall 0.
    np.testing.assert_allclose(recall, their_recall[-2::-1])
    np.testing.assert_allclose(precision, their_precision[-2::-1])


def test_growth_equals_a_slow_count(rng):
    state = rng.random((40, 9)) < 0.5
    found = states(state)
    for row in range(40):
        memorized = state[row].tolist()
        for c in range(9):
            assert found["now"][row, c] == memorized[c]
            assert found["ever"][row, c] == any(memorized[: c + 1])
            assert found["for good"][row, c] == all(memorized[c:])


def test_calibration_equals_a_slow_count(results):
    """Of each model a panel; the points of one of them by hand."""
    axes = FIGURES["calibration"](results).axes[1]
    assert axes.get_title() == "whether: boosted trees"
    probability = results.probability("sibling", "boosting")
    sample, bounds = results.sample, [0, *EDGES, 1.1]
    expected = []
    for low, high in itertools.pairwise(bounds):
        rows = (probability >= low) & (probability < high)
        if rows.any():
            weight, memorized = sample["weight"][rows], sample["memorized"][rows]
            observed = np.average(memorized, weights=weight)
            expected.append((np.average(probability[rows], weights=weight), max(observed, FLOOR)))
    assert len(expected) >= 2
    points = [xy for line in axes.lines if line.get_marker() == "o" for xy in line.get_xydata()]
    np.testing.assert_allclose(sorted(map(tuple, points)), sorted(expected))


def test_labels_move_apart_as_little_as_they_must():
    assert _apart([0.0, 50.0], 10) == [0.0, 50.0]
    assert _apart([20.0, 20.0, 50.0], 10) == [15.0, 25.0, 50.0]
    places = _apart([1.0, 2.0, 3.0, 14.0, 90.0], 10)
    assert np.diff(places).min() >= 10 - 1e-9
    assert places[-1] == 90.0
