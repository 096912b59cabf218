from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from memorization.errors import UserError
from memorization.params import load_params

ROOT = Path(__file__).parents[1]


@pytest.fixture
def changed(tmp_path):
    """Load the shipped parameters with one of them changed."""

    def load(key, value):
        raw = yaml.safe_load((ROOT / "params.yaml").read_text())
        *path, last = key.split(".")
        section = raw
        for part in path:
            section = section[part]
        if value is None:
            del section[last]
        else:
            section[last] = value
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw))
        return load_params(tmp_path / "params.yaml")

    return load


def test_the_shipped_parameters_are_valid_and_cannot_be_changed():
    params = load_params(ROOT / "params.yaml")
    assert params.target in params.suite.models
    with pytest.raises(ValidationError):
        params.seed = 1


@pytest.mark.parametrize(("target", "is_pythia"), [("micro-360k", False), ("1.4b", True)])
def test_the_name_of_the_target_decides_the_suite(changed, target, is_pythia):
    params = changed("target", target)
    assert params.is_pythia is is_pythia


def test_target_is_the_first_key():
    assert next(iter(yaml.safe_load((ROOT / "params.yaml").read_text()))) == "target"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("target", "micro-9b", "target='micro-9b': must be a name from suite.models: micro-"),
        ("split.largest_cluster", 1.7, "split.largest_cluster=1.7: .*less than or equal to 1"),
        ("split.folds", 2, "split: folds=2: must be at least 3; .* is fitted to the rest"),
        ("split.folds", 21, "split.folds=21: .*less than or equal to 20"),
        ("suite.checkpoints", 99999, "suite: checkpoints=99999: must be at most .*steps=2288"),
        ("suite.models.micro-140k.heads", 3, "hidden=32 and heads=3: heads must divide"),
        ("pythia.sequences.cases", "some", "pythia.sequences.cases='some'"),
        ("sequences.followed", {"1": 9}, "sequences: followed=.*a number for each of 1, 2-4, 5-19"),
        ("sequences.census", 1, "sequences.census=1: .*greater than or equal to 2"),
        ("seed", -1, "seed=-1: .*greater than or equal to 0"),
        ("whether.models", [], r"whether.models=\[\]"),
        ("when.event", "last", "when.event='last': .*'first' or 'stable'"),
        ("suite.vocabulary", "big", "suite.vocabulary='big': .*integer"),
        ("target", "13b", "or a Pythia model: 70m, 160m, .*12b"),
        ("pythia.reference", "1k", "pythia.reference='1k': must be one of 70m"),
        ("pythia.models", "v2", "pythia.models='v2': .*'v0' or 'v1'"),
        ("pythia.revisions", {"a/b": "main"}, "pythia.revisions.a/b='main'"),
        ("variant", "dedup", "variant='dedup': .*'duped' or 'deduped'"),
        ("labels.checkpoints", "some", "labels.checkpoints='some'"),
        ("labels.checkpoints", 0, "labels.checkpoints=0"),
        ("arm.doses", [0, 8, 4, 96], r"arm: doses=\[0, 8, 4, 96\]: must ascend"),
        ("arm.doses", [0, 7, 96, 99], "arm: doses: 7 is odd; a window holds two copies"),
        ("arm.doses", [0, 8, 16], r"contrast_dose=96: must be one of the doses \[0, 8, 16\]"),
        ("arm.doses", [0, 96], "contrast_dose=96: is the largest dose, which not all blocks have"),
        ("arm.blocks", 3, "arm: blocks_of_largest_dose=4: must be at most blocks=3"),
        ("arm.blocks", 60, "arm: takes 25,352 of 36,608 training windows, and may take half"),
        ("suite.window", 64, "must hold two copies, suite.window=128, not 64"),
        ("sede", 1, "no key 'sede'; do you mean 'seed'"),
        ("seed", None, "seed: missing"),
    ],
)
def test_a_mistake_is_one_line_that_names_key_value_and_what_is_allowed(
    changed, key, value, message
):
    with pytest.raises(UserError, match=message) as caught:
        changed(key, value)
    assert "\n" not in str(caught.value)


def test_the_arm_takes_windows_only_where_it_is_on(changed):
    assert changed("seed", 0).arm.n_windows == 3824
    assert changed("arm.enabled", False).arm.n_windows == 0
    # Of Pythia there is no arm, so its windows need not fit it.
    assert changed("target", "1.4b").arm.enabled


def test_a_file_that_is_missing_or_no_mapping(tmp_path):
    with pytest.raises(UserError, match="not found"):
        load_params(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("a: [")
    with pytest.raises(UserError, match="not valid YAML"):
        load_params(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("- a")
    with pytest.raises(UserError, match="must be a mapping"):
        load_params(tmp_path / "params.yaml")
