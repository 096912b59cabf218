"""Parts of a file from a stand-in for the hub."""

from __future__ import annotations

import numpy as np
import pytest
from hub.small_hub import CONTENT, HASTY, LABELS, fails
from hypothesis import given
from hypothesis import strategies as st
from standin import Fault, Hub

from memorization.suite.hub import Repository, download, read_ranges
from memorization.suite.hub.ranges import GAP, SPAN, spans

SHARD = "data/duped.70m-00000-of-00002-0123abc.parquet"
BYTES = "*/raw/*"


@pytest.fixture
def labels(hub: Hub) -> Repository:
    return Repository("dataset", "EleutherAI/evals", hub.commit(LABELS))


@pytest.fixture
def asked(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """The hub, where parts more than 100 bytes apart are asked for one by one."""
    monkeypatch.setattr("memorization.suite.hub.ranges.GAP", 100)
    return hub


def test_rows_in_the_order_asked_for(asked: Hub, labels: Repository) -> None:
    starts = np.random.default_rng(1).integers(0, len(CONTENT) - 4098, 300)
    starts[:3] = [len(CONTENT) - 4098, 0, 0]
    rows = read_ranges(labels, SHARD, starts, 4098, patience=HASTY)
    assert rows.dtype == np.uint8
    assert [row.tobytes() for row in rows] == [CONTENT[s : s + 4098] for s in starts]
    assert len([r for r in asked.requests if "/resolve/" in r.path]) == 1


def test_parts_of_different_sizes(asked: Hub, labels: Repository) -> None:
    starts, sizes = np.array([5000, 10, 0, 299_999, 20]), np.array([1, 0, 7, 1, 5000])
    parts = read_ranges(labels, SHARD, starts, sizes, patience=HASTY)
    assert parts == [
        CONTENT[start : start + size] for start, size in zip(starts, sizes, strict=True)
    ]


def test_neighbours_share_a_request(asked: Hub, labels: Repository) -> None:
    read_ranges(labels, SHARD, np.array([50, 9000, 0, 110, 9100]), 10, patience=HASTY)
    assert sorted(r.range for r in asked.requests if r.range) == [
        "bytes=0-119",
        "bytes=9000-9109",
    ]


def test_nothing(hub: Hub, labels: Repository) -> None:
    assert read_ranges(labels, SHARD, np.array([], int), 10, patience=HASTY).shape == (0, 10)
    assert read_ranges(labels, SHARD, np.array([], int), np.array([], int)) == []


def test_the_whole_file_and_a_small_one(hub: Hub, labels: Repository) -> None:
    [row] = read_ranges(labels, SHARD, np.array([0]), len(CONTENT), patience=HASTY)
    assert row.tobytes() == CONTENT
    [row] = read_ranges(labels, "README.md", np.array([2]), 6, patience=HASTY)
    assert row.tobytes() == b"Labels"


def test_a_cached_file_is_read_there(hub: Hub, labels: Repository) -> None:
    download(labels, SHARD, patience=HASTY)
    hub.stop()
    [row] = read_ranges(labels, SHARD, np.array([1000]), 10, patience=HASTY)
    assert row.tobytes() == CONTENT[1000:1010]


@pytest.mark.parametrize("start", [-1, len(CONTENT) - 9])
def test_outside_of_the_file(hub: Hub, labels: Repository, start: int) -> None:
    with pytest.raises(ValueError, match="within its 300,000 bytes"):
        read_ranges(labels, SHARD, np.array([start]), 10, patience=HASTY)


def test_passing_faults_pass(asked: Hub, labels: Repository) -> None:
    asked.fail(
        Fault("status", BYTES, status=500, times=3),
        Fault("cut", BYTES, after=5, times=3),
        Fault("expired", BYTES, times=3),
    )
    starts = np.arange(0, 20_000, 1000)
    rows = read_ranges(labels, SHARD, starts, 100, patience=HASTY)
    assert [row.tobytes() for row in rows] == [CONTENT[s : s + 100] for s in starts]


def test_a_host_that_knows_no_ranges(asked: Hub, labels: Repository) -> None:
    asked.fail(Fault("whole", BYTES))
    with fails(SHARD, "sends the whole file"):
        read_ranges(labels, SHARD, np.array([0, 1000]), 10, patience=HASTY)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("silent", BYTES), "does not answer"),
        (Fault("status", BYTES, status=502), "error 502"),
        (Fault("cut", BYTES, after=3), "breaks off"),
        (Fault("short", BYTES, after=1010), "does not answer as a hub does"),
    ],
)
def test_lasting_faults_do_not(asked: Hub, labels: Repository, fault: Fault, words: str) -> None:
    asked.fail(fault)
    with fails(SHARD, words):
        read_ranges(labels, SHARD, np.arange(1000, 100_000, 1000), 20, patience=HASTY)


@given(
    st.lists(st.tuples(st.integers(0, 20 * SPAN), st.integers(0, 2 * GAP)), min_size=1, max_size=60)
)
def test_spans_partition_the_parts(parts: list[tuple[int, int]]) -> None:
    starts, sizes = np.array(parts).T
    found = spans(starts, sizes)
    assert sorted(np.concatenate(found)) == list(range(len(parts)))
    for members in found:
        assert (np.diff(starts[members]) >= 0).all()
        # One request spans little more than what is asked of it, and has no wide gap.
        assert np.ptp(starts[members]) <= SPAN
        ends = np.maximum.accumulate(starts[members] + sizes[members])
        assert (starts[members][1:] - ends[:-1] <= GAP).all()
