import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """As in the stage: on tables of this size, several threads mostly wait for each other."""
    with threadpool_limits(1):
        yield
