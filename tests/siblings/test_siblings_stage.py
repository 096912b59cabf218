"""The stage on a results folder, and what the report makes of its file."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from miniature_study import MEMORIZED, MODELS, PER_STEP, POPULATION, TARGET, write_study
from siblings_made_up import sibling_metrics

from memorization.errors import UserError
from memorization.report.figures import siblings as figure
from memorization.report.names import METRICS
from memorization.report.tables import siblings as table
from memorization.siblings import published
from memorization.stages import siblings as stage
from memorization.tables import SPLITS, read_table, write_table

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A study in the working folder, with params."""
    write_study(tmp_path / "results")
    params = yaml.safe_load((ROOT / "tests" / "pipeline" / "params.yaml").read_text())
    shape = {"hidden": 16, "layers": 1, "heads": 2}
    params |= {"target": TARGET}
    params["suite"]["models"] = dict.fromkeys(MODELS, shape)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_stage_counts_sets_of_the_whole_population(folder):
    stage.main()
    first = Path("results/metrics/siblings.json").read_bytes()
    stage.main()
    assert Path("results/metrics/siblings.json").read_bytes() == first
    found = json.loads(first)
    truth, said = set(MEMORIZED[TARGET].tolist()), set(MEMORIZED["micro-b"].tolist())
    pair = found["pairs"][TARGET]["micro-b"]
    assert pair["true_positive"] == len(truth & said)
    assert pair["false_positive"] == len(said - truth)
    assert pair["true_negative"] == POPULATION - len(truth | said)
    assert pair["recall"] == pytest.approx(len(truth & said) / len(truth), rel=1e-5)
    assert found["pairs"][TARGET]["micro-a"]["precision"] is None
    assert set(found["pairs"]) == {"micro-b", "micro-c"}
    tokens = 100 * PER_STEP * 64
    assert found["compute"] == {name: 6 * size * tokens for name, size in MODELS.items()}


def test_checkpoints_are_weighted_and_compared_on_what_all_were_evaluated_on(folder):
    stage.main()
    own = json.loads(Path("results/metrics/siblings.json").read_text())["checkpoints"]
    assert own["step"] == [25, 50, 75]
    assert own["relative_compute"] == [0.25, 0.5, 0.75]
    with np.load("results/trajectories.npz") as file:
        index, memorized = file["index"], file["memorized"]
    truth = np.isin(index, MEMORIZED[TARGET])
    assert own["evaluated_fraction"] < 0.5
    positives = truth & (index < 100)
    for place in range(3):
        # All positives stand for equally many.
        expected = (memorized[:, place] & positives).sum() / positives.sum()
        assert own["evaluated"]["recall"][place] == pytest.approx(expected, rel=1e-5)
        expected = (memorized[:, place] & truth).sum() / truth.sum()
        assert own["population"]["recall"][place] == pytest.approx(expected, rel=1e-5)


def test_tables_of_two_runs_are_not_mixed(folder):
    other = write_study(folder / "other")
    with np.load(other / "trajectories.npz") as file:
        arrays = dict(file)
    arrays["index"] = arrays["index"] + 1
    np.savez("results/trajectories.npz", **arrays)
    with pytest.raises(UserError, match="different runs"):
        stage.main()
    shutil.rmtree("results/suite")
    with pytest.raises(UserError, match="dvc repro suite"):
        stage.main()


def test_sequences_that_a_table_lacks_are_not_dropped(folder):
    splits = read_table("results/splits.parquet", SPLITS)
    write_table(splits[1:], "results/splits.parquet", SPLITS)
    with pytest.raises(UserError, match=r"results/splits.parquet: not about the sequences"):
        stage.main()


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
    assert published.CITATION not in table.write(results("6.9b", PYTHIA[:-1], POSITIVES))


def test_nothing_to_compare_with():
    nothing = results("m1", ["m1"], {"m1": 3}, steps=())
    texts = [text.get_text() for axes in figure.draw(nothing).axes for text in axes.texts]
    assert texts == ["nothing to compare with"] * 2
    assert len(table.write(nothing).splitlines()) == 2


def cells(text):
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    return [rows[0], *rows[2:]]


def test_the_table_lists_every_pair_the_target_first(micro):
    header, *rows = cells(table.write(micro))
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
    assert [row[0] for row in cells(table.write(few))[1:]] == ["m2", "m3", ""]


def test_the_table_of_12b_stands_beside_the_published_one():
    header, *rows = cells(table.write(results(published.TARGET, PYTHIA, POSITIVES)))
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
    assert cells(table.write(seen))[7][-2] == expected
