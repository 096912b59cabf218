import pytest
from made_up_study import one_thread, survival_study  # noqa: F401


@pytest.fixture(scope="session")
def simulated():
    """A study, and the survival that its times were drawn from."""
    return survival_study(400, seed=0)


@pytest.fixture(scope="session")
def study(simulated):
    return simulated[0]
