"""Parts of a file from a stand-in for the hub."""

from __future__ import annotations

import numpy as np
import pytest
from hub.small_hub import CONTENT, fails
from hypothesis import given
from hypothesis import strategies as st
from standin import Fault, Hub

from memorization.suite.hub import Repository, download, files, read_ranges, stream
from memorization.suite.hub.files import GAP, SPAN, spans

SHARD = "data/duped.70m-00000-of-00002-0123abc.parquet"
BYTES = "*/raw/*"


@pytest.fixture
def asked(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """The hub, where parts more than 100 bytes apart are asked for one by one."""
    monkeypatch.setattr(files, "GAP", 100)
    return hub


def test_rows_in_the_order_asked_for(asked: Hub, labels: Repository) -> None:
    starts = np.random.default_rng(1).integers(0, len(CONTENT) - 4098, 300)
    starts[:3] = [len(CONTENT) - 4098, 0, 0]
    rows = read_ranges(labels, SHARD, starts, 4098)
    assert rows.dtype == np.uint8
    assert [row.tobytes() for row in rows] == [CONTENT[s : s + 4098] for s in starts]
    assert len([r for r in asked.requests if "/resolve/" in r.path]) == 1


def test_neighbours_share_a_request(asked: Hub, labels: Repository) -> None:
    read_ranges(labels, SHARD, np.array([50, 9000, 0, 110, 9100]), 10)
    assert sorted(r.range for r in asked.requests if r.range) == [
        "bytes=0-119",
        "bytes=9000-9109",
    ]


def test_nothing(hub: Hub, labels: Repository) -> None:
    assert read_ranges(labels, SHARD, np.array([], int), 10).shape == (0, 10)


def test_the_whole_file_and_a_small_one(hub: Hub, labels: Repository) -> None:
    [row] = read_ranges(labels, SHARD, np.array([0]), len(CONTENT))
    assert row.tobytes() == CONTENT
    [row] = read_ranges(labels, "README.md", np.array([2]), 6)
    assert row.tobytes() == b"Labels"


def test_a_cached_file_is_read_there(hub: Hub, labels: Repository) -> None:
    download(labels, SHARD)
    hub.stop()
    [row] = read_ranges(labels, SHARD, np.array([1000]), 10)
    assert row.tobytes() == CONTENT[1000:1010]


@pytest.mark.parametrize("start", [-1, len(CONTENT) - 9])
def test_outside_of_the_file(hub: Hub, labels: Repository, start: int) -> None:
    with pytest.raises(ValueError, match="within its 300,000 bytes"):
        read_ranges(labels, SHARD, np.array([start]), 10)


def test_passing_faults_pass(asked: Hub, labels: Repository) -> None:
    asked.fail(
        Fault("status", BYTES, status=500, times=3),
        Fault("cut", BYTES, after=5, times=3),
        Fault("expired", BYTES, times=3),
    )
    starts = np.arange(0, 20_000, 1000)
    rows = read_ranges(labels, SHARD, starts, 100)
    assert [row.tobytes() for row in rows] == [CONTENT[s : s + 100] for s in starts]


def test_a_host_that_knows_no_ranges(asked: Hub, labels: Repository) -> None:
    asked.fail(Fault("whole", BYTES))
    with fails(SHARD, "sends the whole file"):
        read_ranges(labels, SHARD, np.array([0, 1000]), 10)


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
        read_ranges(labels, SHARD, np.arange(1000, 100_000, 1000), 20)


def test_a_stream_is_the_file_block_by_block(
    hub: Hub, labels: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SPAN", 120_000)
    hub.fail(Fault("cut", BYTES, after=1000, times=2), Fault("expired", BYTES, times=1))
    blocks = list(stream(labels, SHARD))
    assert list(map(len, blocks)) == [120_000, 120_000, 60_000]
    assert b"".join(blocks) == CONTENT


@given(
    st.lists(st.integers(0, 20 * SPAN), min_size=1, max_size=60).map(np.array),
    st.integers(1, 2 * GAP),
)
def test_spans_partition_the_parts(starts: np.ndarray, size: int) -> None:
    found = spans(starts, size)
    assert sorted(np.concatenate(found)) == list(range(len(starts)))
    for members in found:
        # In order; and a request spans little more than what is asked of it, without a wide gap.
        gaps = np.diff(starts[members])
        assert ((gaps >= 0) & (gaps <= size + GAP)).all()
        assert np.ptp(starts[members]) <= SPAN
