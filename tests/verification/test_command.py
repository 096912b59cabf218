"""``memorization verify-checkpoints``: what it prints and writes, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml
from standin import Hub, connect
from typer.testing import CliRunner, Result
from verification.checkpoints import LARGE, SMALL, STEPS, suite

from memorization.cli import app
from memorization.labels.plan import excluded_steps
from memorization.params import load_params
from memorization.suite.declared.declaration import read_declaration
from memorization.suite.pythia.repositories import check_exclusions

EXCLUDED = {
    f"{LARGE}@step7000": "configuration, size, identical",
    f"{SMALL}@step3000": "identical",
    f"{SMALL}@step4000": "identical",
    f"{SMALL}@step6000": "missing",
    f"{SMALL}@step7000": "identical",
}


@pytest.fixture
def wrong(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with two steps of the end's weights, one missing, and one of the other model's."""
    own = suite()
    own[SMALL]["step3000"] = own[SMALL]["step4000"] = dict(own[SMALL]["main"])
    del own[SMALL]["step6000"]
    own[LARGE]["step7000"] = dict(own[SMALL]["step7000"])
    with Hub(own | {"someone/right": suite()[LARGE]}) as hub:
        connect(monkeypatch, hub.endpoint, folder / "home")
        yield hub


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["verify-checkpoints", *arguments])


def test_what_is_wrong_is_shown_in_a_table(wrong: Hub) -> None:
    found = run()
    assert found.exit_code == 1
    table, said = found.output.split("\n\nTo leave these out of a scan, in params.yaml:\n")
    head, *rows = table.splitlines()[-8:]
    assert head.split() == ["repository", "wrong", "branches", "what", "is", "wrong"]
    # The columns are those of the head.
    places = [0, *(head.index(f" {name}") + 1 for name in ("wrong", "branches", "what"))]
    cells = [
        [row[start:stop].strip() for start, stop in zip(places, [*places[1:], None], strict=True)]
        for row in rows
    ]
    safetensors_bytes, bin_bytes = cells[1][3], cells[2][3]
    assert bin_bytes.startswith("bin weights are")
    assert safetensors_bytes.startswith("safetensors weights are")
    assert cells == [
        [LARGE, "configuration", "step 7000", "hidden_size is 8, that of most steps 12"],
        [LARGE, "size", "step 7000", safetensors_bytes],
        [LARGE, "size", "step 7000", bin_bytes],
        [LARGE, "identical", "step 7000", f"identical to {SMALL}@step7000"],
        [SMALL, "missing", "step 6000", "no such branch"],
        [SMALL, "identical", "step 3000–4000", f"identical to step{STEPS[-1]}"],
        [SMALL, "identical", "step 7000", f"identical to {LARGE}@step7000"],
    ]
    lines, last = said.split("\n\n")
    assert last == "branches: 17; wrong or missing: 5\n"
    assert yaml.safe_load(lines) == {"labels": {"exclude": EXCLUDED}}


def test_what_it_says_to_exclude_can_be_put_into_params_yaml(wrong: Hub, folder: Path) -> None:
    run("--output", "found.json")
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["labels"]["exclude"] = json.loads((folder / "found.json").read_text())["exclude"]
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    loaded = load_params()
    check_exclusions(loaded.labels.exclude, read_declaration("pythia", loaded.pythia.facts))
    assert excluded_steps(loaded.labels.exclude, SMALL, STEPS) == {
        3000: "identical", 4000: "identical", 6000: "missing", 7000: "identical",
    }  # fmt: skip


def test_what_no_scan_reads_is_not_among_what_is_to_be_put_there(wrong: Hub, folder: Path) -> None:
    """Of a repository that no suite declares, and of steps that are none of its own."""
    with Hub({"someone/wrong": suite()[LARGE], SMALL: suite()[SMALL]}) as hub:
        branches = hub.repositories
        wrong.repositories = branches
        for name in ("someone/wrong", SMALL):
            branches.branches(name)["step9000"] = branches.branches(name)["step4000"]
        found = run("--models", "someone/wrong", "70m", "--output", "found.json")
    assert found.exit_code == 1
    said = found.output.split("in params.yaml:\n")[1].split("\n\n")[0]
    mine = {f"{SMALL}@step4000": "identical"}
    assert yaml.safe_load(said) == {"labels": {"exclude": mine}}
    check_exclusions(mine, read_declaration("pythia", "facts.json"))
    every = json.loads((folder / "found.json").read_text())["exclude"]
    assert set(every) - set(mine) >= {"someone/wrong@step4000", f"{SMALL}@step9000"}


def test_a_fault_of_ours_is_no_finding(wrong: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memorization.verification.writing.summary", lambda verified: 1 / 0)
    found = run()
    assert (found.exit_code, "ZeroDivisionError" in found.output) == (2, True)


def test_it_is_written_as_json_parquet_and_markdown(wrong: Hub, folder: Path) -> None:
    for ending in ("json", "parquet", "md"):
        assert run("--output", f"out/found.{ending}").exit_code == 1
    found = json.loads((folder / "out" / "found.json").read_text())
    assert found["exclude"] == EXCLUDED
    assert {each["kind"] for each in found["findings"] if each["branch"] == "step6000"} == {
        "missing"
    }
    [end] = [each for each in found["branches"] if each["branch"] == "main"][:1]
    served = wrong.repositories.revision(SMALL, "main")
    assert end["commit"] == served.commit
    file = served.files["model.safetensors"]
    assert end["weights"] == {"model.safetensors": {"size": file.size, "digest": file.sha256}}
    table = pd.read_parquet(folder / "out" / "found.parquet")
    assert set(table.loc[table["wrong"].map(len) > 0, "branch"]) == {
        *("step3000", "step4000", "step6000", "step7000")
    }
    # A row for each file, and one for the step that is missing: in steps 3000 and 4000 the large
    # model has two shards; in step 7000 both have two formats.
    assert len(table) == 17 + 1 + 2 + 2
    lines = (folder / "out" / "found.md").read_text().splitlines()
    assert f"| {SMALL} | identical | step 3000–4000 | identical to step8000 |" in lines


def test_a_repository_and_steps_may_be_named(wrong: Hub) -> None:
    found = run("--models", "someone/right", "--steps", "3000", "4000", "--ranges")
    assert (found.exit_code, found.output.splitlines()[-1]) == (
        0,
        "branches: 3; nothing wrong was found",
    )
    assert run("--models", "160m", "--steps", "7000").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--models", "71m"), "--models: '71m' is none of 70m, 160m"),
        (("--models", "someone/absent"), "someone/absent: not found or not public (404)"),
        (("--releases", "v1"), "EleutherAI/pythia-70m: not found"),
        (("--steps", "1500"), "--steps: 1500 is no checkpoint of these models; near it are 1000,"),
        (("--output", "found.txt"), "--output=found.txt: must end in .json, .parquet, .md"),
        (("--output", "facts.json"), "facts.json: writing it would change facts.json"),
        (("--variants", "both"), "'both' is not one of 'duped'"),
    ],
)
def test_what_cannot_be_told_ends_with_status_2(
    wrong: Hub, folder: Path, arguments: tuple[str, ...], words: str
) -> None:
    before = sorted(folder.iterdir())
    found = run(*arguments)
    assert found.exit_code == 2
    assert words in " ".join(found.output.split())
    assert sorted(path for path in folder.iterdir() if path.name != "home") == [
        path for path in before if path.name != "home"
    ]


def test_no_hub_ends_with_status_2(wrong: Hub, folder: Path) -> None:
    wrong.stop()
    found = run()
    assert (found.exit_code, "cannot be reached" in found.output) == (2, True)
    (folder / "params.yaml").unlink()
    assert (run().exit_code, "params.yaml: not found" in run().output) == (2, True)
