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


def test_the_arm_takes_windows_only_where_it_is_on(changed):
    assert changed("seed", 0).arm.n_windows == 3824
    assert changed("arm.enabled", False).arm.n_windows == 0
    # Of Pythia there is no arm, so its windows need not fit it.
    assert changed("target", "1.4b").arm.enabled


def test_a_file_or_a_key_that_is_missing(tmp_path, changed):
    with pytest.raises(UserError, match="not found"):
        load_params(tmp_path / "params.yaml")
    with pytest.raises(UserError, match="seed: missing"):
        changed("seed", None)
