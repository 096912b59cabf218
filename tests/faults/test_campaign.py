"""The long campaign: its page is what it wrote, its rule is sound, and a few of its faults."""

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from faults import campaign
from faults.injected import tables
from faults.injected.kills import smaller_still
from faults.injected.params import wrong_params
from faults.injected.trial import Trial, Verdict, contents, judge

from memorization.errors import UserError
from memorization.params import load_params

PAGE = Path(__file__).parents[2] / "docs/faults.md"
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def rows():
    found = re.findall(r"^\| (.+?) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", PAGE.read_text(), re.M)
    return {kind: [int(number) for number in numbers] for kind, *numbers in found}


def test_nothing_was_wrong_and_nothing_silent():
    for kind, (tried, right, wrong, silent) in rows().items():
        assert (tried, wrong, silent) == (right, 0, 0), kind
        assert tried > 0


def test_the_page_is_as_the_campaign_writes_it():
    found = [
        Verdict(kind, "", outcome)
        for kind, (_, *counts) in rows().items()
        if kind != "all"
        for outcome, n in zip(campaign.OUTCOMES, counts, strict=True)
        for _ in range(n)
    ]
    said = " ".join(PAGE.read_text().split())
    planned, seed, cores, minutes, cpu = map(
        int,
        re.search(
            r"injects (\d+) .*?seed (\d+), on (\d+) .*?took (\d+) minutes, and (\d+)", said
        ).groups(),
    )
    left_out = re.search(r"left out: ([\w, ]+)\.", said)
    apart = left_out[1].split(", ") if left_out else []
    kinds = [kind for kind in campaign.KINDS if kind not in apart]
    written = campaign.page(found, planned, seed, cores, 60 * minutes, 60 * cpu, kinds)
    assert written == PAGE.read_text()


@pytest.mark.parametrize("wrong", wrong_params(smaller_still(), 80, np.random.default_rng(7)))
def test_wrong_params_are_refused_by_name(tmp_path, wrong):
    path = tmp_path / "params.yaml"
    path.write_text(wrong.text)
    with pytest.raises(UserError) as caught:
        load_params(path)
    said = str(caught.value).removeprefix(str(path))
    assert wrong.key in said, wrong.name
    assert "\n" not in said


@pytest.fixture(scope="module")
def predictions(tmp_path_factory):
    for library in ("memorization.harness", "memorization.features.own.writing"):
        importlib.import_module(library)
    return tables.of_users(tmp_path_factory.mktemp("user"), ["evaluate"])


def test_a_few_bad_tables_are_judged_right(predictions):
    trials = [trial for read in predictions for trial in read.trials()]
    for place in np.random.default_rng(7).choice(len(trials), 4, replace=False):
        verdict = judge(trials[place])
        assert verdict.outcome == "right", verdict


def refuse(message):
    """Return a command that refuses a file `bad`, and writes `out` where there is none."""

    def command():
        if Path("bad").exists():
            sys.exit(message)
        Path("out").write_text("whole")

    return command


def other_bytes():
    Path("out").write_text("other" if Path("bad").exists() else "whole")


def change_and_refuse():
    Path("good").write_text("lost")
    refuse("error: bad")()


def keep_what_is_there():
    """A command that trusts what a killed run has left."""
    if not Path("out").exists():
        Path("out").write_text("part")
        while Path("bad").exists():
            pass
        Path("out").write_text("whole")


@pytest.mark.parametrize(
    ("command", "kill_after", "outcome", "why"),
    [
        (refuse("error: bad: is no table"), None, "right", ""),
        (lambda: Path("out").write_text("whole"), None, "right", ""),
        (other_bytes, None, "silent", "out"),
        (refuse("bad: is no table"), None, "wrong", "not one line"),
        (refuse("error: is no table"), None, "wrong", "does not name"),
        (refuse("error: bad\nerror: bad"), None, "wrong", "not one line"),
        (lambda: {}["bad"], None, "wrong", "a traceback"),
        (change_and_refuse, None, "wrong", "changed ['good']"),
        (keep_what_is_there, 1.0, "silent", "out"),
    ],
)
def test_the_rule(tmp_path, command, kill_after, outcome, why):
    start = tmp_path / "start"
    start.mkdir()
    (start / "good").write_text("good")
    trial = Trial(
        "kind",
        "name",
        start,
        command,
        contents(start) | {"out": b"whole"},
        damage=lambda folder: (folder / "bad").write_text("bad"),
        kill_after=kill_after,
        words=("bad",),
    )
    verdict = judge(trial)
    assert verdict.outcome == outcome, verdict
    assert why in verdict.why
