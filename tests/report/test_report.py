"""The results as they are read, the tables and variables of all targets, and the writing of all."""

import copy
import dataclasses
import itertools
import re

import numpy as np
import pytest
import yaml

from memorization.errors import UserError
from memorization.features import feature_table
from memorization.report.claims import judged, to_json
from memorization.report.drawing import svg
from memorization.report.figures import ALT, FIGURES
from memorization.report.results import Results
from memorization.report.tables import TABLES
from memorization.report.tables.pipe import pipe_table
from memorization.report.variables import facts_of, to_yaml, variables
from memorization.tables import LABELS, read_table, write_table


def cells(text):
    rows = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in text.splitlines()
    ]
    return [rows[0], *rows[2:]]


def numbers(cell):
    found = re.findall(r"−?[\d.]+", cell.replace(",\u00a0", " "))
    return [float(part.replace("−", "-")) for part in found]


def changed(results, change):
    """Return results with other metrics."""
    metrics = copy.deepcopy(results.metrics)
    change(metrics)
    return dataclasses.replace(results, metrics=metrics)


def test_rows_come_in_the_order_of_the_sequences(results):
    """Predictions and trajectories were written in other orders than the sequences."""
    sample, memorized = results.sample, results.memorized
    assert (results.trajectories.match_length[:, -1] == sample["match_length"].to_numpy()).all()
    # The risk that was made up is 0.3 higher for the memorized, but for noise.
    for risk in (
        results.probability("corpus", "boosting"),
        results.risk_by_end("corpus", "forest"),
    ):
        assert risk[memorized].min() >= 0.3 - 1e-6
        assert risk[~memorized].max() < 0.56


def test_missing_or_mixed_results_are_explained(params, write_study, tmp_path, results):
    with pytest.raises(UserError, match="run `dvc repro"):
        Results.read(tmp_path, params)
    folder = write_study(tmp_path / "results", params)
    labels = read_table(folder / "labels.parquet", LABELS)
    write_table(labels[1:], folder / "labels.parquet", LABELS)
    with pytest.raises(UserError, match=r"labels.parquet: not about the sequences"):
        Results.read(folder, params)
    write_table(labels, folder / "labels.parquet", LABELS)
    (folder / "metrics/when.json").rename(tmp_path / "when.json")
    with pytest.raises(UserError, match="run `dvc repro when`"):
        Results.read(folder, params)
    (folder / "metrics/when.json").write_text("{")
    with pytest.raises(UserError, match=r"when.json: not JSON .*; run `dvc repro when` to make it"):
        Results.read(folder, params)
    (tmp_path / "when.json").rename(folder / "metrics/when.json")
    with np.load(folder / "trajectories.npz") as found:
        arrays = dict(found)
    np.savez(folder / "trajectories.npz", **arrays | {"index": arrays["index"] + 1})
    with pytest.raises(UserError, match="different runs"):
        Results.read(folder, params)
    fewer = dataclasses.replace(results, whether=results.whether[1:])
    with pytest.raises(UserError, match=r"whether.parquet: not about the sequences"):
        fewer.probability(*results.whether.loc[results.whether.index[0], ["tier", "model"]])
    other = changed(results, lambda found: found["whether"]["text"].pop("boosting"))
    with pytest.raises(UserError, match="about other models"):
        other.models("whether", "text")


@pytest.mark.parametrize(
    ("question", "columns"),
    [
        ("whether", ("auroc", "average_precision", "precision", "recall", "f1")),
        ("when", ("concordance", "concordance_memorized", "brier_skill")),
    ],
)
def test_scores_are_those_of_the_metrics(question, columns, results):
    scores = results.metrics[question]
    rows = cells(TABLES[f"{question}_scores"](results))[1:]
    order = [(t, m) for t in results.tiers(question) for m in results.models(question, t)]
    assert len(rows) == len(order) == sum(len(scores[t]) for t in results.tiers(question))
    for row, (tier, model) in zip(rows, order, strict=True):
        for cell, metric in zip(row[2 : 2 + len(columns)], columns, strict=True):
            found = scores[tier][model][metric]
            expected = [x for x in (found["value"], found["low"], found["high"]) if x is not None]
            assert numbers(cell) == pytest.approx(expected, abs=0.00501)
    # A tier is named in its first row.
    assert [row[0] for row in rows if row[0]] == results.tiers(question)


def test_models_of_the_suite(results):
    rows = cells(TABLES["suite"](results))[1:]
    assert rows[-1] == ["micro-1100k (target)", "1,121,024", "3", "128", "4", "61", "1.52%"]
    assert [row[0] for row in rows] == ["micro-140k", "micro-360k", "micro-1100k (target)"]


def test_features_are_those_asked_for(results):
    few = results.params.features.model_copy(update={"families": ("duplication", "surprisal")})
    params = results.params.model_copy(update={"features": few})
    asked = dataclasses.replace(results, params=params)
    rows = cells(TABLES["features"](asked))[1:]
    table = feature_table(few.families)
    # Braces stand for their alternatives: every feature is there once, under its family.
    assert [row[0] for row in rows if row[0]] == list(few.families)
    names = [name for row in rows for name in alternatives(row[1])]
    assert sorted(names) == sorted(table["feature"].str.replace("_", " "))
    hypotheses = set(table["hypothesis"])
    assert all(row[4] in hypotheses for row in rows if "{" not in row[1])
    families = cells(TABLES["families"](asked))[1:]
    assert [row[0] for row in families] == list(few.families)
    assert [int(row[3]) for row in families] == [2, 1]  # as made up, of the many declared


def alternatives(cell):
    """Return the features that a cell stands for, whether they were computed or not."""
    cell = cell.removesuffix(" †")
    if "{model}" in cell or "{domain}" in cell:
        return [cell]
    pieces = re.split(r"\{(.*?)\}", cell)
    return ["".join(chosen) for chosen in itertools.product(*(p.split(", ") for p in pieces))]


def test_strata_are_those_of_the_metrics(results):
    rows = cells(TABLES["strata"](results))[1:]
    assert [row[0] for row in rows if row[0]] == ["sequence", "continuation"]
    strata = results.metrics["whether"]["strata"]["continuation_count"]
    assert (rows[6][2], rows[6][3], rows[6][5:]) == ("9.09%", "0 of 30", ["—"] * 3)
    best = strata["5-19"]["sibling"][results.best("whether", "sibling")]
    alone = strata["5-19"]["corpus"]["continuation_count"]["average_precision"]["value"]
    assert numbers(rows[8][5])[0] == pytest.approx(alone, abs=0.00501)
    gained = best["average_precision_gain"]["value"]
    assert numbers(rows[8][7])[0] == pytest.approx(gained, abs=0.00501)


@pytest.mark.parametrize("target", ["results", "smallest", "large", "published"])
def test_tables_and_variables_are_whole(target, request):
    results = request.getfixturevalue(target)
    texts = [write(results) for write in TABLES.values()]
    assert all(len({len(row) for row in cells(text)}) == 1 for text in texts)
    topics = variables(facts_of(results))
    assert yaml.safe_load(to_yaml(topics)) == topics
    # Nothing is written as a number is not.
    for text in (*texts, to_yaml(topics)):
        assert not re.search(r"\b(nan|None|inf)\b", text)


def test_a_ragged_table_is_a_defect():
    with pytest.raises(ValueError, match="another length"):
        pipe_table({"a": "<3", "b": "<3"}, [["1"]])


def test_variables_say_what_the_metrics_say(results):
    found, whether = variables(facts_of(results)), results.metrics["whether"]
    assert found["labels"]["sequences"] == f"{results.metrics['labels']['sequences']:,}"
    ever = results.trajectories.memorized.any(axis=1)
    lost = ever & ~results.memorized
    share = 100 * results.weight[lost].sum() / results.weight[ever].sum()
    value, low, high = numbers(found["labels"]["lost"].replace("%", " "))
    assert value == pytest.approx(share, abs=0.0501)
    assert low < value < high
    auroc = whether["corpus"]["continuation_count"]["auroc"]["value"]
    assert numbers(found["whether"]["count_auroc"])[0] == pytest.approx(auroc, abs=0.00501)
    gained = whether["gains"]["over_baseline"]["corpus"]["without_text"]["continuation_count"]
    difference = gained["average_precision"]
    assert numbers(found["whether"]["over_data_count"]) == pytest.approx(
        [difference[name] for name in ("value", "low", "high")], abs=0.00501
    )
    # Of all seeds where they were run.
    half = results.seeds["arm"]["ed50"]["value"]
    assert numbers(found["lottery"]["half_dose"])[0] == pytest.approx(half, abs=0.501)


def test_the_best_survival_model_is_that_which_ranks_the_memorized_best(results):
    scores = results.metrics["when"]["sibling"]
    fitted = results.fitted("when", "sibling")
    values = {model: scores[model]["concordance_memorized"]["value"] for model in fitted}
    assert results.best("when", "sibling") == max(values, key=values.get)


def test_what_the_smallest_target_lacks_is_a_dash(smallest):
    found = variables(facts_of(smallest))
    assert found["siblings"] == dict.fromkeys(("next", "compute", "precision", "recall"), "—")
    assert found["whether"]["sibling_gain"] == "—"
    assert found["suite"]["reference"] == "none"


def test_what_was_not_done_is_said_and_no_number_is_made_up(large):
    found = variables(facts_of(large))
    assert found["when"]["reason"] == large.metrics["when"]["reason"]
    assert set(found["when"].values()) == {"—", found["when"]["reason"]}
    assert found["labels"]["lost"] == found["lottery"]["half_dose"] == "—"
    (row,) = cells(TABLES["when_scores"](large))[1:]
    assert row[1] == "not answered: there is no GPU to scan with"
    assert set(row[2:]) == {"—"}


def test_report_is_whole_and_leaves_nothing_stale(results, paper):
    written = {str(p.relative_to(paper)) for p in paper.rglob("*") if p.is_file()}
    # The sources are no outputs.
    assert {"index.qmd", "_quarto.yml", "claims.lua", "references.bib"} <= written
    assert not written & {"figures/gone.svg", "tables/gone.md"}
    for name, draw in FIGURES.items():
        # Without what was computed before.
        drawn = svg(lambda d=draw: d(dataclasses.replace(results)), ALT[name])
        assert (paper / f"figures/{name}.svg").read_bytes() == drawn
        # Letters are outlines and nothing is fetched: the picture is the same in every viewer.
        assert not re.search(b"<text|<image|<dc:date>", drawn)
    for name, write in TABLES.items():
        assert (paper / f"tables/{name}.md").read_text(encoding="utf-8") == write(results)
    claims = to_json(*judged(facts_of(results)))
    assert (paper / "claims.json").read_text(encoding="utf-8") == claims
    text = to_yaml(variables(facts_of(results)))
    assert (paper / "_variables.yml").read_text(encoding="utf-8") == text
