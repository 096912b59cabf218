import pytest
from miniature_study import write_study

from memorization.suite.read import read_suite


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """A results folder; nothing writes into it."""
    return write_study(tmp_path_factory.mktemp("harness") / "results")


@pytest.fixture(scope="session")
def suite(study):
    return read_suite(study / "suite")
