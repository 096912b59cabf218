from dataclasses import replace

import pytest
import yaml
from made_up_study import write_tables

from memorization.association.analyse import associate, n_steps
from memorization.errors import UserError
from memorization.stages import association as stage
from memorization.tables import ASSOCIATION, CORRELATION, read_table


@pytest.fixture(scope="module")
def found(study, bootstrap):
    steps = []
    found = associate(study, bootstrap, steps.append)
    assert sum(steps) == n_steps(study.features)
    return found


def test_families_get_the_verdict_that_they_deserve(found):
    families = found.metrics["families"]
    assert {name: family["verdict"] for name, family in families.items()} == {
        "repetition": "no signal",
        "duplication": "useful",
        "position": "no signal",
        "surprisal": "redundant",
    }
    surprisal = families["surprisal"]
    assert surprisal["best"] == "surprisal.mean"
    assert surprisal["nearest"] == "duplication.sequence_count"
    assert surprisal["nearest_spearman"] == pytest.approx(-1)
    assert surprisal["told_apart"] == 1
    # The best feature is the one furthest from chance, on either side.
    row = found.univariate.set_index("feature").loc["surprisal.mean"]
    assert list(surprisal["best_auroc"].values()) == row[["auroc", "low", "high"]].tolist()
    names = ("agrees", "contradicts", "open", "undecided", "constant")
    own = {"told_apart": 3, "undecided_open": 1}
    expected = dict(zip(names, (2, 0, 1, 3, 1), strict=True)) | own
    assert found.metrics["agreement"] == expected


def test_one_family_has_no_nearest(study, bootstrap):
    found = associate(study.only(["position.step"]), bootstrap.first(20))
    assert found.metrics["families"]["position"]["nearest"] is None


def test_nothing_to_tell_apart(study, bootstrap):
    with pytest.raises(UserError, match="nothing to tell apart"):
        associate(replace(study, truth=study.truth & False), bootstrap)


def test_stage(study, tmp_path, monkeypatch, request):
    """The stage writes tables that can be read back, the same bytes twice."""
    params = yaml.safe_load((request.config.rootpath / "params.yaml").read_text())
    params["bootstrap"]["replicates"] = 20
    params["threads"] = 1
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    results = tmp_path / "results"
    columns = ["repetition.longest_run", "surprisal.mean", "duplication.prompt_count"]
    write_tables(study.only(columns), results)
    monkeypatch.chdir(tmp_path)
    written = []
    for _ in range(2):
        stage.main()
        names = ("predictions/association.parquet", "predictions/correlation.parquet")
        files = [results / name for name in (*names, "metrics/association.json")]
        written.append([file.read_bytes() for file in files])
    assert written[0] == written[1]
    table = read_table(results / "predictions/association.parquet", ASSOCIATION)
    assert table["feature"].tolist() == columns
    # The rows were joined by index, in spite of their order.
    assert table.set_index("feature").loc["surprisal.mean", "auroc"] < 0.2
    assert len(read_table(results / "predictions/correlation.parquet", CORRELATION)) == 3
