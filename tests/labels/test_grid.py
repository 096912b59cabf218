import numpy as np
import pytest

from memorization.errors import UserError
from memorization.labels.grid import chosen_steps

PYTHIA = tuple(range(1000, 143_001, 1000))


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("all", PYTHIA),
        (1, (143_000,)),
        (2, (71_000, 143_000)),
        (143, PYTHIA),
        ("every-1", PYTHIA),
        ("every-60", (23_000, 83_000, 143_000)),
        ("every-143", (143_000,)),
        ("log-1", (143_000,)),
        ("log-2", (1000, 143_000)),
        ("log-143", PYTHIA),
    ],
)
def test_grids(spec, expected):
    assert chosen_steps(PYTHIA, spec) == expected


@pytest.mark.parametrize("n", [3, 8, 40, 100])
def test_so_many_distinct_ones_in_order_with_the_last(n):
    for spec in (n, f"log-{n}"):
        chosen = chosen_steps(PYTHIA, spec)
        assert len(set(chosen)) == n
        assert list(chosen) == sorted(chosen)
        assert chosen[-1] == PYTHIA[-1]
        assert set(chosen) <= set(PYTHIA)


def test_evenly_spaced_and_logarithmic_are_what_they_say():
    gaps = np.diff(chosen_steps(PYTHIA, 8))
    assert gaps.max() - gaps.min() <= 1000
    logs = np.log(chosen_steps(PYTHIA, "log-8"))
    # As near as the grid admits: each within half a grid step of its place.
    ideal = np.linspace(np.log(1000), np.log(143_000), 8)
    assert (np.abs(np.exp(logs) - np.exp(ideal)) <= 500.001).sum() >= 7


def test_a_grid_that_begins_before_training():
    assert chosen_steps((0, 1, 2, 4, 8, 1000), "log-3") == (0, 8, 1000)


@pytest.mark.parametrize("spec", [144, "every-144", "log-144", 0])
def test_more_than_there_are(spec):
    with pytest.raises(UserError, match=f"labels.checkpoints={spec}: the suite has 143 checkpoi"):
        chosen_steps(PYTHIA, spec)
