"""Where a sequence of one order is in another, beside a search through the rows themselves."""

import io

import numpy as np
import pytest
from standin import Hub, connect

from memorization.errors import UserError
from memorization.suite.hub import resolve
from memorization.suite.pythia.order import Order, read_order, steps_in

STRIDE, N, PER_STEP = 100, 60, 4
NAME = "EleutherAI/pile-preshuffled-seeds"


def order_of(lengths, rng):
    """Return an order as GPT-NeoX makes it, and its rows of document · 1000 + token."""
    doc = rng.permutation(len(lengths)).astype(np.int32)
    stream = np.concatenate([d * 1000 + np.arange(lengths[d]) for d in doc])
    place = np.repeat(np.arange(len(doc)), lengths[doc])
    starts = np.arange((len(stream) - 1) // STRIDE + 1) * STRIDE
    sample = np.stack([place[starts], stream[starts] % 1000], axis=1).astype(np.int32)
    shuffle = rng.permutation(len(sample) - 1).astype(np.uint32)
    rows = stream[starts[shuffle][:, None] + np.arange(STRIDE + 1)]
    return Order(doc, sample, shuffle), rows


@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_a_search_through_all_rows_finds(seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(30, 500, 60)
    base, base_rows = order_of(lengths, rng)
    run, rows = order_of(lengths, rng)
    index = rng.permutation(N)
    wanted = base_rows[index, :64]
    windows = np.lib.stride_tricks.sliding_window_view(rows[:N], 64, axis=1)
    expected = []
    for text in wanted:
        found = np.flatnonzero((windows == text).all(axis=2).any(axis=1))
        expected.append(found[0] // PER_STEP + 1 if len(found) else 0)
    # Every document ends with end-of-text.
    tokens = np.where(wanted % 1000 == lengths[wanted // 1000] - 1, 0, 7)
    # What goes on into the next document may go on there by chance of the order, too.
    whole = (tokens[:, :-1] != 0).all(axis=1)
    found = steps_in(run, base, index, tokens, N, PER_STEP)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found[whole], np.array(expected)[whole])
    assert not found[~whole].any()
    assert 0 < (found > 0).mean() < 1
    own = steps_in(base, base, index, np.ones_like(tokens), N, PER_STEP)
    np.testing.assert_array_equal(own, index // PER_STEP + 1)


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, None),
        ({"seed1/a_doc_idx.npy": b"no array"}, "seed1: no map of an order"),
        ({"seed1/a_doc_idx.npy": npy(np.zeros((2, 2)))}, "do not belong together; pin another com"),
        ({"seed1/b_doc_idx.npy": npy(np.zeros(2))}, "2 files match 'seed1/\\*_doc_idx.npy'"),
        ({"seed1/a_shuffle_idx.npy": None}, "no file matches 'seed1/\\*_shuffle_idx.npy'"),
    ],
)
def test_maps_that_are_none(monkeypatch, tmp_path, change, message):
    order, _ = order_of(np.full(20, 90), np.random.default_rng(0))
    files = {f"seed1/a_{name}_idx.npy": npy(own) for name, own in vars(order).items()} | change
    files = {name: content for name, content in files.items() if content is not None}
    with Hub({f"datasets/{NAME}": {"main": files}}) as hub:
        connect(monkeypatch, hub.endpoint, tmp_path / "home")
        repository = resolve("dataset", NAME)
        if message is None:
            np.testing.assert_array_equal(read_order(repository, "seed1").sample, order.sample)
            return
        with pytest.raises(UserError, match=message):
            read_order(repository, "seed1")
