"""How tests are dealt out to workers, where several run them."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# What takes longest, begun first, so that no worker is left alone with it at the end.
PUBLISHED = tuple(f"pipeline/test_{name}.py" for name in ("pythia", "polypythias", "hubble"))
FIRST = ("pipeline", *PUBLISHED, "validation", "report", "features", "structure")


def group_of(file: str) -> str:
    """Return whose worker runs a file's tests: a folder's, as they share what is made once.

    The pipelines for published suites share nothing that is dear; all doctests are one group.
    """
    path = Path(file)
    if path.parts[0] != TESTS.name:
        return path.parts[0]
    name = path.relative_to(TESTS.name)
    return name.as_posix() if name.as_posix() in FIRST else name.parts[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {group: place for place, group in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(group_of(item.nodeid.split("::")[0]), len(FIRST)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Deal out groups instead of single tests, in their order."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid.split("::")[0])

    config.option.loadscopereorder = False
    return ByGroup(config, log)
