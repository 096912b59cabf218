import numpy as np
import pytest

from memorization.errors import UserError
from memorization.labels.plan import chosen_steps, scan_cost, source_of_times

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
    # As near as the grid admits: each within half a grid step of its place.
    ideal = np.geomspace(1000, 143_000, 8)
    assert (np.abs(np.array(chosen_steps(PYTHIA, "log-8")) - ideal) <= 500.001).sum() >= 7


def test_a_grid_that_begins_before_training():
    assert chosen_steps((0, 1, 2, 4, 8, 1000), "log-3") == (0, 8, 1000)


@pytest.mark.parametrize("spec", [144, "every-144", "log-144", 0])
def test_more_than_there_are(spec):
    with pytest.raises(UserError, match=f"labels.checkpoints={spec}: the suite has 143 checkpoi"):
        chosen_steps(PYTHIA, spec)


COST = scan_cost(1_414_647_808, 60_000, 143, 2_930_000_000)


def source(times, checkpoints, evaluations, on_disk, device):
    return source_of_times(times, checkpoints, "1.4b", evaluations, on_disk, device, COST)


@pytest.mark.parametrize(
    ("checkpoints", "evaluations", "on_disk", "device", "expected"),
    [
        # micro: on disk
        ("all", 1, True, "cpu", "scan"),
        (8, 1, True, "cpu", "scan"),
        # 12b: published, unless a grid is asked for
        ("all", 7, False, "cpu", "published"),
        ("all", 7, False, "cuda", "published"),
        (8, 7, False, "cpu", "scan"),
        # the others: a GPU, or a grid on purpose
        ("all", 1, False, "cpu", "none"),
        ("all", 1, False, "cuda", "scan"),
        ("log-8", 1, False, "cpu", "scan"),
    ],
)
def test_auto(checkpoints, evaluations, on_disk, device, expected):
    assert source("auto", checkpoints, evaluations, on_disk, device)[0] == expected


@pytest.mark.parametrize(
    ("asked", "evaluations"), [("scan", 1), ("scan", 7), ("none", 1), ("none", 7), ("published", 7)]
)
def test_what_is_asked_for_is_done(asked, evaluations):
    assert source(asked, "all", evaluations, False, "cpu")[0] == asked


def test_published_times_that_there_are_not():
    with pytest.raises(UserError, match=r"of 1\.4b were published \(those of 12b were\); use scan"):
        source("published", "all", 1, False, "cpu")
    with pytest.raises(UserError, match=r"labels\.checkpoints=8: .* must be all, or use"):
        source("published", 8, 7, False, "cpu")


def test_none_says_what_a_scan_costs_and_how_to_get_one():
    reason = source("auto", "all", 1, False, "cpu")[1]
    for part in ("143 checkpoints", "419 GB", "1.5e+18 FLOP", "4.2 h", "device=auto", "=8 scans 8"):
        assert part in reason
    assert "\n" not in reason


def test_the_arithmetic_of_the_cost():
    assert COST["flops"] == pytest.approx(2 * 1_414_647_808 * 63 * 60_000 * 143)
    assert COST["gigabytes"] == pytest.approx(143 * 2.93)
    assert COST["gpu_hours"]["A100"] == pytest.approx(COST["flops"] / 100e12 / 3600)
    assert scan_cost(1000, 10, 8, 0)["gigabytes"] == 0
