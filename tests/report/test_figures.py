"""The figures: the same bytes twice, all that there is to draw, and what they compute."""

import copy
import dataclasses
import itertools
import re

import matplotlib.style
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from report.conftest import BASELINES, write_study
from sklearn.metrics import precision_recall_curve

from memorization.files import read_json, write_metrics
from memorization.report.drawing import STYLE, apart, svg
from memorization.report.figures import ALT, FIGURES
from memorization.report.figures.calibration import EDGES, FLOOR
from memorization.report.figures.growth import states
from memorization.report.figures.precision_recall import precision_recall
from memorization.report.results import Results
from memorization.report.tables import TABLES
from memorization.report.variables import facts_of, variables
from memorization.report.wording import model_name
from memorization.strata import STRATA


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("target", ["large", "published"])
def test_figure_is_the_same_bytes_when_drawn_again(name, target, request):
    """Whatever is not known of the target: times, duplicates, domains; all, in the report's."""
    results = request.getfixturevalue(target)
    first = svg(lambda: FIGURES[name](results))
    # Without what was computed before.
    assert first == svg(lambda: FIGURES[name](dataclasses.replace(results)))
    assert first.startswith(b"<?xml")


@pytest.mark.parametrize("name", FIGURES)
def test_letters_are_large_enough_to_read_as_printed(name, results):
    """Figures are printed as wide as they are drawn."""
    with matplotlib.style.context(STYLE):
        figure = FIGURES[name](results)
    written = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    assert {text.get_text() for text in written if not 8 <= text.get_fontsize() <= 9} == set()


def test_every_picture_says_what_it_shows_in_a_sentence_or_two():
    assert set(ALT) == set(FIGURES)
    assert len(set(ALT.values())) == len(ALT)
    for alt in ALT.values():
        sentences = re.findall(r"[A-Z].*?[.](?= |$)", alt)
        assert " ".join(sentences) == alt
        assert 1 <= len(sentences) <= 2
        # Of any results, not of these: no numbers.
        assert not re.search(r"\d", alt)


def test_a_picture_holds_its_description_and_hundredths_of_a_point():
    def draw():
        figure = Figure(figsize=(1, 1))
        figure.add_subplot().plot([0, 1 / 3], [0, 2 / 3])
        return figure

    picture = svg(draw, "A line, <rising>.").decode()
    assert "<desc>A line, &lt;rising&gt;.</desc>" in picture
    paths = re.findall(r' d="([^"]*)"', picture)
    assert len(paths) > 5
    assert not any(re.search(r"\d\.\d{3}", path) for path in paths)
    assert "<desc>" not in svg(draw).decode()


@pytest.mark.parametrize("name", FIGURES)
def test_figure_of_the_smallest_target(name, smallest):
    """No reference, no sibling: figures show the tiers that there are."""
    figure = FIGURES[name](smallest)
    assert figure.get_size_inches()[0] == 6.5
    assert any(axes.has_data() for axes in figure.axes)
    assert FIGURES[name].__doc__


def test_seeds_of_another_study_are_not_shown(read_study, tmp_path):
    """A variant reads the numbers of five seeds that are committed, and they are not its own."""
    results = read_study(seed=3)
    assert results.seeds["seeds"] == [0, 1, 2, 3, 4]
    other = results.params.model_copy(update={"target": "micro-360k"})
    folder = write_study(tmp_path / "results", results.params)
    assert Results.read(folder, other).seeds is None
    seeds = copy.deepcopy(results.seeds)
    for name in ("ed50", "boosting_over_count"):
        part = seeds["headline" if name == "ed50" else "differences"][name]
        part |= {"values": [None] * 5, "value": None, "low": None, "high": None}
    undefined = dataclasses.replace(results, seeds=seeds)
    assert "| copies for one half | — | — | — |" in TABLES["seeds_levels"](undefined)
    assert FIGURES["seeds"](undefined).axes
    # Without a lottery, counts, or boosting, as params may have it, all else is told.
    del seeds["differences"]["without_text_over_count"]
    without = dataclasses.replace(results, seeds=seeds | {"arm": None, "memorized_in": None})
    assert "seeds 0 to 4" not in TABLES["arm"](without)
    assert not FIGURES["seeds"](without).axes
    assert variables(facts_of(without))["seeds"]["without_text_over_count"] == "—"
    # Nor are those of other code or another machine, by which this very run came out otherwise.
    arm = read_json(folder / "metrics/arm.json")
    arm["ed50"]["value"] += 1
    write_metrics(arm, folder / "metrics/arm.json")
    elsewhere = Results.read(folder, results.params)
    assert elsewhere.seeds is None
    assert elsewhere.experiment == arm
    (folder / "metrics/seeds.json").unlink()
    missing = Results.read(folder, results.params)
    assert missing.seeds is None
    assert "one seed" in TABLES["seeds_levels"](missing)
    assert not FIGURES["seeds"](missing).axes


def test_transitions_of_few_events_have_no_rates(results):
    """Too few onsets to tell a rate leave the axes empty; none at all are no trajectories."""
    states = np.zeros_like(results.histories.memorized)
    states[:3, -1] = True
    for memorized in (states, np.zeros_like(states)):
        histories = dataclasses.replace(results.histories, memorized=memorized)
        few = dataclasses.replace(results, histories=histories)
        drawn = FIGURES["onset_and_loss"](few)
        assert not any(axes.lines for axes in drawn.axes)
        svg(lambda few=few: FIGURES["trajectories"](few))
    assert not FIGURES["trajectories"](few).axes


@pytest.fixture(scope="module")
def many(read_study):
    """Results of more models than there are colours, markers or dashes, and of more strata."""
    results = read_study()
    params = results.params
    baselines = tuple(BASELINES["when"])
    models = tuple(f"model_{k}" for k in range(19))
    return read_study(
        whether=params.whether.model_copy(update={"models": models}),
        when=params.when.model_copy(update={"models": (*baselines, *models)}),
    )


def look(line):
    return line.get_color(), line.get_marker(), line.get_linestyle(), line._dash_pattern[1]


def test_of_many_models_each_is_drawn_and_looks_its_own(many):
    names = {model_name(model) for model in many.params.whether.models}
    assert len(names) == 19
    # Curves, with their values behind the names.
    for axes in FIGURES["precision_recall"](many).axes:
        curves = {line.get_label().partition(" (")[0]: line for line in axes.lines}
        looks = {str(look(curves[name])) for name in names}
        assert len(looks) == 19
    figure = FIGURES["importance"](many)
    assert {text.get_text() for text in figure.legends[0].get_texts()} == names
    for axes in figure.axes:
        points = [line for line in axes.lines if len(line.get_xdata()) == 1]
        assert len({look(line)[:2] for line in points}) == 19
        assert len(points) == 19 * len(axes.get_yticklabels())
    titles = {axes.get_title() for axes in FIGURES["calibration"](many).axes if axes.get_visible()}
    assert titles == {f"{question}: {name}" for question in ("whether", "when") for name in names}
    for name in ("scores_by_tier", "leakage"):
        labels = [text.get_text() for text in FIGURES[name](many).axes[0].get_yticklabels()]
        # What leakage buys is asked at the lowest tier and at the highest.
        tiers = 2 if name == "leakage" else 4
        assert all(labels.count(model) == tiers for model in names)


@pytest.mark.parametrize("name", ["growth"])
def test_a_figure_that_cannot_be_drawn_says_why(name, large):
    figure = FIGURES[name](large)
    assert figure.axes == []
    (text,) = figure.texts
    said = " ".join(text.get_text().split())
    assert ("only the end" if name == "growth" else large.metrics["when"]["reason"]) in said


def test_growth_is_of_the_sequences_that_a_checkpoint_was_evaluated_on(published):
    observed, memorized = published.trajectories.observed, published.trajectories.memorized
    assert 0 < observed[:, 0].mean() < 1
    axes = FIGURES["growth"](published).axes[1]
    for at, height in enumerate(axes.lines[0].get_ydata()):
        rows = observed[:, at]
        expected = np.average(memorized[rows, at], weights=published.weight[rows])
        assert height == pytest.approx(100 * expected)


def test_every_interval_of_the_scores_is_drawn(results):
    figure = FIGURES["scores_by_tier"](results)
    scores = results.metrics["whether"]
    metric, gained = "average_precision", scores["gains"]["over_baseline"]
    own = [s[metric] for t in results.tiers("whether") for s in scores[t].values()]
    scored = [(tier, model) for tier, model, _ in results.scored("whether")]
    over = [s["continuation_count"][metric] for models in gained.values() for s in models.values()]
    assert len(over) == len(own) - sum(results.is_baseline("whether", *key) for key in scored)
    for axes, found in zip(figure.axes, (own, over), strict=True):
        drawn = {tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2}
        assert {(estimate["low"], estimate["high"]) for estimate in found} <= drawn
        points = {float(line.get_xdata()[0]) for line in axes.lines if len(line.get_xdata()) == 1}
        assert points == {estimate["value"] for estimate in found}


def test_counts_are_in_order_and_what_is_never_memorized_lies_hollow_on_the_axis(results):
    """JSON sorts "100+" before "2-4"; the axis must not."""
    metrics = copy.deepcopy(results.metrics)
    never = dict.fromkeys(("value", "low", "high"), 0.0)
    metrics["whether"]["strata"]["continuation_count"]["1"]["prevalence"] = never
    panels = FIGURES["memorized_by_count"](dataclasses.replace(results, metrics=metrics)).axes
    for axes, count in zip(panels, ("sequence_count", "continuation_count"), strict=True):
        strata = metrics["whether"]["strata"][count]
        labels = [text.get_text().splitlines() for text in axes.get_xticklabels()]
        assert [lines[0] for lines in labels] == ["1", "2–4", "5–19", "20–49", "50–99", "≥100"]
        cases = [[str(strata[name]["cases"]), str(strata[name]["n"])] for name in STRATA]
        assert [lines[2:] for lines in labels] == cases
        points = [line for line in axes.lines if len(line.get_ydata()) == 1]
        heights = [100 * strata[name]["prevalence"]["value"] for name in STRATA]
        assert [point.get_ydata()[0] for point in points[1:]] == pytest.approx(heights[1:])
    assert points[0].get_ydata()[0] == axes.get_ylim()[0]
    assert points[0].get_markerfacecolor() == "white"


def test_sizes_are_exact_shares_of_the_population(results):
    axes = FIGURES["memorized_by_size"](results).axes[0]
    points = [line.get_xydata()[0] for line in axes.lines if len(line.get_xdata()) == 1]
    expected = [(143_200, 100 * 12 / 4000), (362_000, 100 * 30 / 4000), (1_121_024, 6100 / 4000)]
    np.testing.assert_allclose(points, expected)


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
    for row, c in itertools.product(range(40), range(9)):
        memorized = state[row].tolist()
        assert found["now"][row, c] == memorized[c]
        assert found["ever"][row, c] == any(memorized[: c + 1])
        assert found["for good"][row, c] == all(memorized[c:])


def test_calibration_equals_a_slow_count(results):
    """Of each model a panel; the points of one of them by hand."""
    axes = FIGURES["calibration"](results).axes[1]
    assert axes.get_title() == "whether: boosted trees"
    probability = results.probability("sibling", "boosting")
    expected = []
    for low, high in itertools.pairwise([0, *EDGES, 1.1]):
        rows = (probability >= low) & (probability < high)
        if rows.any():
            observed, predicted = (
                np.average(values[rows], weights=results.weight[rows])
                for values in (results.memorized, probability)
            )
            expected.append((predicted, max(observed, FLOOR)))
    assert len(expected) >= 2
    points = [xy for line in axes.lines if line.get_marker() == "o" for xy in line.get_xydata()]
    np.testing.assert_allclose(sorted(map(tuple, points)), sorted(expected))


def test_labels_move_apart_as_little_as_they_must():
    assert apart([0.0, 50.0], 10) == [0.0, 50.0]
    places = apart([1.0, 2.0, 3.0, 14.0, 90.0], 10)
    assert np.diff(places).min() >= 10 - 1e-9
    assert places[-1] == 90.0
