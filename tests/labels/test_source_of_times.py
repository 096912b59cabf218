import pytest

from memorization.errors import UserError
from memorization.labels.cost import scan_cost
from memorization.labels.times import source_of_times

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
    assert source("auto", checkpoints, evaluations, on_disk, device).source == expected


@pytest.mark.parametrize("asked", ["scan", "none"])
@pytest.mark.parametrize("evaluations", [1, 7])
def test_what_is_asked_for_is_done(asked, evaluations):
    assert source(asked, "all", evaluations, False, "cpu").source == asked


def test_published_where_they_are():
    assert source("published", "all", 7, True, "cuda").source == "published"


def test_published_where_they_are_not():
    with pytest.raises(UserError, match=r"of 1\.4b were published \(those of 12b were\); use scan"):
        source("published", "all", 1, False, "cpu")


def test_published_at_other_steps():
    with pytest.raises(UserError, match=r"labels\.checkpoints=8: .* must be all, or use"):
        source("published", 8, 7, False, "cpu")


def test_none_says_what_a_scan_costs_and_how_to_get_one():
    reason = source("auto", "all", 1, False, "cpu").reason
    for part in ("143 checkpoints", "419 GB", "1.5e+18 FLOP", "4.2 h", "device=auto", "=8 scans 8"):
        assert part in reason
    assert "\n" not in reason


def test_the_arithmetic_of_the_cost():
    told = COST.metrics()
    assert told["flops"] == pytest.approx(2 * 1_414_647_808 * 63 * 60_000 * 143)
    assert told["gigabytes"] == pytest.approx(143 * 2.93)
    assert told["gpu_hours"]["A100"] == pytest.approx(told["flops"] / 100e12 / 3600)
    assert scan_cost(1000, 10, 8).bytes == 0
