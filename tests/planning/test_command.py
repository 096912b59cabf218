"""``memorization plan``: what it prints, refuses and takes from params.yaml, and the page on it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from memorization.cli import app
from memorization.errors import UserError
from memorization.planning.cards import card_named
from memorization.planning.command import bytes_a_second
from memorization.planning.plan import Machine, scan_plan
from memorization.suite.declared.declaration import read_declaration

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/pythia.md").read_text("utf-8")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the params of the repository."""
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["plan", *arguments])


def printed(*arguments: str) -> dict:
    return json.loads(run(*arguments, "--json").output)


SHOWN = re.findall(r"```\n\$ memorization plan (.*)\n((?:.*\n)+?)```", PAGE)


@pytest.mark.parametrize(("options", "output"), SHOWN, ids=[options for options, _ in SHOWN])
def test_the_page_shows_what_the_command_prints(options: str, output: str) -> None:
    assert run(*shlex.split(options)).output == output


def test_the_page_shows_both_models() -> None:
    assert [options.split()[1] for options, _ in SHOWN] == ["12b", "1.4b"]


def test_the_table_on_the_page_is_that_of_the_command() -> None:
    rows = re.findall(r"^\| (\S+) \| .* \| (\S+) \| (\S+) \| (\S+) \|$", PAGE, re.MULTILINE)
    table = {
        name: cells for name, *cells in rows if name in {m.name for m in read_declaration().models}
    }
    machine = Machine(card_named("a100"), 1, 125e6, 1e9)
    for model in read_declaration().models:
        plan = scan_plan(model, 60_000, 143, machine)
        values = [plan.downloaded, plan.disk, plan.compute_hours]
        for value, cell in zip(values, table[model.name], strict=True):
            decimals = len(cell.partition(".")[2])
            # 3,410 has three digits that count.
            assert float(cell.replace(",", "")) == pytest.approx(round(value, decimals), rel=1e-3)


def test_what_is_not_given_is_that_of_the_params(folder: Path) -> None:
    assert printed("--target", "12b")["scan"]["sequences"] == 60_000
    params = yaml.safe_load((folder / "params.yaml").read_text("utf-8"))
    params["pythia"]["sequences"] = {"cases": "all", "cohort": 7}
    params["labels"]["checkpoints"] = "every-10"
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    scan = printed("--target", "12b")["scan"]
    assert (scan["sequences"], scan["checkpoints"]) == (2_382_326 + 7, 15)
    scan = printed("--target", "12b", "--sequences", "5", "--checkpoints", "log-3")["scan"]
    assert (scan["sequences"], scan["checkpoints"]) == (5, 3)


def test_the_json_says_what_it_rests_on() -> None:
    found = printed("--target", "1.4b", "--card", "100", "--gpus", "4", "--bandwidth", "80Mbit")
    assert found["machine"] | {"card": None} == {
        "card": None,
        "gpus": 4,
        "bandwidth": 1e7,
        "disk": 1e9,
    }
    assert found["machine"]["card"]["sustained"] == 100
    assert found["scan"]["bottleneck"] == "download"
    assert found["cascade"]["sequences"] == 146_432_000


def test_of_a_suite_whose_training_data_are_not_declared_the_scan_alone_is_planned() -> None:
    found = printed("--target", "hubble-8b-500b-perturbed")
    assert found["runs"] == {
        "hubble-8b-500b-standard": 239,
        "hubble-8b-500b-perturbed": 239,
    }
    assert (found["scan"]["checkpoints"], found["cascade"]) == (478, None)
    assert "cascade" not in run("--target", "hubble-1b-100b-standard").output


def test_all_runs_of_a_size_are_planned_as_all_are_scanned(folder: Path) -> None:
    """Without the checkpoints that are declared to be wrong, and those of ``labels.exclude``."""
    seeds = [f"410m-seed{seed}" for seed in range(10)]
    own = {"410m-seed2": 142, "410m-seed6": 142, "410m-seed9": 142}
    found, one = printed("--target", "410m-seed3"), printed("--target", "410m")
    assert found["runs"] == dict.fromkeys(seeds, 143) | own
    assert one["runs"] == {"410m": 143}
    assert (found["scan"]["checkpoints"], one["scan"]["checkpoints"]) == (1427, 143)
    for what in ("downloaded", "flops", "download_hours", "disk_hours", "compute_hours"):
        assert found["scan"][what] == pytest.approx(one["scan"][what] * 1427 / 143)
    assert found["scan"]["disk"] == one["scan"]["disk"]
    said = "and the 9 other runs of its size: 60,000 sequences at 1,427 checkpoints in all"
    assert f"\nscan of 410m-seed3 {said}\n" in run("--target", "410m-seed3").output
    # A grid is laid over what is left of each run.
    few = printed("--target", "410m-seed3", "--checkpoints", "8")
    assert few["runs"] == dict.fromkeys(seeds, 8)
    params = yaml.safe_load((folder / "params.yaml").read_text("utf-8"))
    params["labels"]["exclude"] = {
        "EleutherAI/pythia-410m-seed2@step1000": "jump",
        "EleutherAI/pythia-410m-v0@step1000": "jump",
    }
    params["pythia"]["sequences"]["cases"] = "all"
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    assert printed("--target", "410m-seed3")["runs"] == found["runs"] | {"410m-seed2": 141}
    assert printed("--target", "410m")["runs"] == {"410m": 142}
    # Of 14m no labels were published; those of 70m choose what is studied.
    assert printed("--target", "14m-seed3")["scan"]["sequences"] == 463_953 + 50_000
    params["labels"]["exclude"] = {"EleutherAI/pythia-410m@step1500": "jump"}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    assert "labels.exclude: 'EleutherAI/pythia-410m@step1500' is no" in run("--target", "1b").output


def test_this_machine_may_be_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memorization.planning.measured.this_machine", lambda *_: card_named("50"))
    assert printed("--target", "70m", "--card", "here")["machine"]["card"]["sustained"] == 50


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--target", "13b"), "--target: '13b' is none of 70m, 160m, 410m, 1b, 1.4b, 2.8b, 6.9b,"),
        (("--target", "micro-1100k"), "--target: 'micro-1100k' is none of 70m"),
        (
            ("--target", "12b", "--bandwidth", "fast"),
            "--bandwidth=fast: must be a number above 0 a",
        ),
        (("--target", "12b", "--disk-speed", "0GB"), "--disk-speed=0GB: must be a number above 0"),
        (("--target", "12b", "--card", "abacus"), "--card: 'abacus' is none of t4,"),
        (("--target", "12b", "--card", "v100", "--gpus", "0"), "Invalid value for '--gpus'"),
        (("--target", "12b", "--checkpoints", "0"), "--checkpoints=0: must be all, a number fro"),
        (("--target", "12b", "--checkpoints", "144"), "the suite has 143 checkpoints"),
        ((), "Missing option '--target'"),
    ],
)
def test_a_mistake_is_told(arguments: tuple[str, ...], words: str) -> None:
    found = run(*arguments)
    assert found.exit_code != 0
    assert words in " ".join(found.output.split())
    if words.startswith("--"):
        assert (found.exit_code, found.output.count("\n")) == (1, 1)


def test_no_params_no_plan(folder: Path) -> None:
    (folder / "params.yaml").unlink()
    assert "params.yaml: not found" in run("--target", "12b").output


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("1Gbit", 125e6),
        ("1 Gbit/s", 125e6),
        ("100Mbit", 12.5e6),
        ("56Kbit", 7000),
        ("2.5GB/s", 2.5e9),
        ("10MB", 1e7),
    ],
)
def test_rates_as_people_write_them(text: str, rate: float) -> None:
    assert bytes_a_second(text, "--bandwidth") == rate


# Mb is a bit to some and a byte to others.
@pytest.mark.parametrize("text", ["", "1", "Gbit", "1Mb", "-1Gbit", "1e3Mbit", "1Tbit", "1Gbit/h"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(UserError, match=r"Kbit, Mbit, Gbit, KB, MB or GB \(a second\), such as 1G"):
        bytes_a_second(text, "--bandwidth")
