import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin.tables import megatron_index
from suite.pythia.miniature import PRESHUFFLED, WINDOW

from memorization.errors import UserError
from memorization.stages import sequences as stage
from memorization.suite.hub import resolve
from memorization.suite.pythia import corpus
from memorization.suite.pythia.corpus import cached_rows, open_preshuffled, overlaps
from memorization.suite.pythia.make import make_suite
from memorization.suite.read import read_suite
from memorization.tables import SEQUENCES, read_table

SUITE = Path("suite")
NAME = PRESHUFFLED.removeprefix("datasets/")


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(1, 12), st.data())
def test_parts_of_rows_are_the_bytes_of_the_concatenated_shards(sizes, row_bytes, data):
    # Rows may straddle any number of shards.
    content = np.random.default_rng(0).integers(0, 256, sum(sizes)).astype(np.uint8)
    shards = np.split(content, np.cumsum(sizes)[:-1])
    n_rows = len(content) // row_bytes
    index = np.array(data.draw(st.lists(st.integers(0, max(n_rows - 1, 0)), max_size=10)), int)
    index = index[:0] if n_rows == 0 else index
    rows = np.zeros((len(index), row_bytes), np.uint8)
    for shard, row, offset, start, length in overlaps(index, np.array(sizes), row_bytes):
        rows[row, offset : offset + length] = shards[shard][start : start + length]
    expected = content[: n_rows * row_bytes].reshape(n_rows, row_bytes)[index]
    np.testing.assert_array_equal(rows, expected)


def test_rows_of_the_hub_straddling_ones_too(hub, published):
    source = open_preshuffled(resolve("dataset", NAME), WINDOW, 600)
    size, *_ = source.sizes.values()
    cut, rest = divmod(size, 2 * WINDOW)
    assert rest
    index = np.array([599, cut, 0, cut, 2 * cut, cut + 1, cut - 1])
    np.testing.assert_array_equal(source.read(index), published.rows[index])
    assert source.read(index).dtype == np.uint16
    assert source.read(index[:0]).shape == (0, WINDOW)


def test_only_the_rows_are_fetched(hub, published):
    source = open_preshuffled(resolve("dataset", NAME), WINDOW, 600)
    n = len(hub.requests)
    source.read(np.array([3]))
    ranges = [request.range for request in hub.requests[n:] if request.range]
    assert set(ranges) == {"bytes=480-639"}


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (megatron_index(600, WINDOW, dtype=4), "tokens of type 4, expected 8, uint16"),
        (megatron_index(599, WINDOW), r"96,000 bytes in the .bin files, expected 599 rows × 80"),
        (megatron_index(600, WINDOW) + b"more", "document.idx is not of the 12,042 bytes it says"),
        (b"PK" + megatron_index(600, WINDOW), "not a Megatron index file"),
        (megatron_index(600, WINDOW)[:34] + bytes(12_008), "rows are not all of 80 tokens"),
        (
            megatron_index(600, WINDOW)[: 34 + 2400] + bytes(9608),
            "rows are not one after the other",
        ),
    ],
)
def test_an_index_that_says_otherwise(serve, published, index, message):
    published.files(PRESHUFFLED)["document.idx"] = index
    serve()
    with pytest.raises(UserError, match=message):
        open_preshuffled(resolve("dataset", NAME), WINDOW, 600)


def test_fewer_rows_than_the_population(hub):
    with pytest.raises(UserError, match="600 rows, expected 601"):
        open_preshuffled(resolve("dataset", NAME), WINDOW, 601)


def test_the_corpus_is_a_random_sample_of_whole_rows(hub, params, published):
    make_suite(params({"corpus": "preshuffled"}), SUITE)
    suite = read_suite(SUITE)
    n = 4000 // WINDOW
    described = {"source": "preshuffled", "rows": n, "tokens": n * WINDOW}
    assert suite.manifest["corpus"] == described
    assert suite.corpus.shape == (n, WINDOW)
    everything = np.arange(600)
    rows = suite.corpus_rows(everything)
    assert (rows >= 0).sum() == n
    drawn = everything[rows >= 0]
    np.testing.assert_array_equal(suite.corpus[rows[drawn]], published.rows[drawn])
    # None of them is studied, so that no studied sequence's own row is in the corpus.
    np.testing.assert_array_equal(suite.not_studied, drawn)
    make_suite(params({"corpus": "preshuffled"}, seed=1), Path("other"))
    assert (read_suite("other").corpus_rows(everything) != rows).any()


def test_a_corpus_larger_than_the_training_data_is_all_of_them(hub, params, published):
    make_suite(params({"corpus": "preshuffled", "corpus_tokens": 10**9}), SUITE)
    suite = read_suite(SUITE)
    np.testing.assert_array_equal(suite.corpus, published.rows)
    np.testing.assert_array_equal(suite.corpus_rows(np.arange(600)), np.arange(600))
    assert not len(suite.not_studied)


@pytest.mark.parametrize("kind", ["sample", "preshuffled"])
def test_counts_do_not_depend_on_whether_a_sequences_own_row_was_drawn(
    hub, params, published, monkeypatch, kind
):
    """Rows of the sample are no longer than the sequence; of whole rows, none is a studied one."""
    wanted = params({"corpus": kind, "sequences": {"cases": "all", "cohort": 200}})
    monkeypatch.setattr(stage, "load_params", lambda: wanted)
    make_suite(wanted, Path("results/suite"))
    stage.main()
    suite = read_suite("results/suite")
    sample = read_table("results/sequences.parquet", SEQUENCES)
    index = sample["index"].to_numpy()
    everything = np.union1d(published.sampled, published.memorized["duped.410m"])
    if kind == "sample":
        np.testing.assert_array_equal(index, everything)
    else:
        assert (suite.corpus_rows(everything) >= 0).any()
        assert (suite.corpus_rows(index) == -1).all()
        np.testing.assert_array_equal(index, np.setdiff1d(everything, suite.not_studied))
    assert sample["weight"].sum() == pytest.approx(600)


def test_an_interrupted_corpus_goes_on_and_gives_the_same_bytes(hub, params, monkeypatch):
    monkeypatch.setattr(corpus, "ROWS", 7)
    wanted = params({"corpus": "preshuffled"})
    make_suite(wanted, Path("whole"))
    read = corpus.Preshuffled.read
    batches = []

    def interrupted(source, index):
        if len(batches) == 3:
            raise KeyboardInterrupt
        batches.append(index)
        return read(source, index)

    with monkeypatch.context() as patch:
        patch.setattr(corpus.Preshuffled, "read", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make_suite(wanted, SUITE)
    later = []

    def recorded(source, index):
        later.append(index)
        return read(source, index)

    monkeypatch.setattr(corpus.Preshuffled, "read", recorded)
    make_suite(wanted, SUITE)
    assert len(later) == 8 - 3  # of 50 rows, 7 at a time
    assert not set(np.concatenate(later)) & set(np.concatenate(batches))
    for name in ("corpus.npy", "corpus_index.npy"):
        assert (SUITE / name).read_bytes() == Path("whole", name).read_bytes()


def test_context_is_fetched_once_and_in_the_order_asked(hub, params, published):
    make_suite(params({"context": True}), SUITE)
    suite = read_suite(SUITE)
    index = published.sampled[[150, 3, 3, 7, 8, 199]]
    np.testing.assert_array_equal(suite.context(index), published.rows[index])
    hub.stop()
    np.testing.assert_array_equal(suite.context(index), published.rows[index])
    np.testing.assert_array_equal(suite.context(np.unique(index)), published.rows[np.unique(index)])


def test_two_runs_that_want_the_same_rows_fetch_them_once(hub, params, published, monkeypatch):
    """The second waits for the first, which is held up until both have begun."""
    monkeypatch.setattr(corpus, "ROWS", 50)
    repository, index = resolve("dataset", NAME), np.arange(0, 600, 3)
    read, begun, reading = corpus.Preshuffled.read, threading.Event(), []

    def slow(source, index):
        reading.append(index)
        begun.wait(10)
        return read(source, index)

    def run():
        return cached_rows(repository, index, WINDOW, 600, published.rows[index, :64])

    monkeypatch.setattr(corpus.Preshuffled, "read", slow)
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(run), pool.submit(run)]
        time.sleep(0.5)
        begun.set()
        for one in runs:
            np.testing.assert_array_equal(one.result(30), published.rows[index])
    assert len(reading) == 4  # of 200 rows, 50 at a time


def test_no_room_for_rows_beside_the_cache(hub, published, monkeypatch, tmp_path):
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home" / "memorization").write_text("in the way")
    with pytest.raises(UserError, match=r"memorization: cannot be written .*HF_HOME moves"):
        cached_rows(resolve("dataset", NAME), np.arange(3), WINDOW, 600, published.rows[:3, :64])


def test_no_context_unless_asked_for(hub, params):
    make_suite(params(), SUITE)
    assert read_suite(SUITE).context(np.array([1])) is None
    assert not [request for request in hub.requests if "preshuffled" in request.path]
