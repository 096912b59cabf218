from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from suite.pythia.miniature import DUPLICATES, FREQUENCIES, table

from memorization.errors import UserError
from memorization.suite.pythia.make import make_suite
from memorization.suite.read import read_suite

SUITE = Path("suite")
WANTED = {"published_counts": True}


def test_counts_of_each_sequence_and_token(hub, params):
    make_suite(params(WANTED), SUITE)
    suite = read_suite(SUITE)
    index = np.array([7, 0, 599, 13])
    np.testing.assert_array_equal(suite.published_duplicates(index), index % 7 + 1)
    # Both parts of the table together, up to the tokenizer's vocabulary.
    vocabulary = suite.manifest["vocabulary"]
    np.testing.assert_array_equal(suite.published_token_counts(), np.arange(vocabulary) * 20)


def test_no_counts_unless_asked_for(hub, params):
    make_suite(params(), SUITE)
    suite = read_suite(SUITE)
    assert suite.published_duplicates(np.array([1])) is None
    assert suite.published_token_counts() is None
    assert not [request for request in hub.requests if "usvsnsp" in request.path]


@pytest.mark.parametrize(
    ("ids", "message"),
    [(np.arange(1, 600), "1 of 600 sequences have no count"), (np.arange(601), "sequence 600")],
)
def test_duplicates_of_other_sequences(serve, params, published, ids, message):
    counts = pa.array(np.ones(len(ids)), pa.uint32())
    content = table({"sequence_id": pa.array(ids, pa.uint32()), "counts": counts})
    published.repositories[DUPLICATES]["main"] = {"data/duped-00000-of-00001.parquet": content}
    serve()
    with pytest.raises(UserError, match=message):
        make_suite(params(WANTED), SUITE)
    assert not SUITE.exists()


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("sequence_id", None, "without a whole number in 'sequence_id'"),
        ("counts", None, "without a whole number in 'counts'"),
        ("sequence_id", -1, "-1 in 'sequence_id'; all must be 0 or more"),
    ],
)
def test_a_count_that_is_missing_or_of_no_sequence(
    serve, params, published, column, value, message
):
    columns = {"sequence_id": list(range(600)), "counts": [1] * 600}
    columns[column].append(value)
    columns["counts" if column == "sequence_id" else "sequence_id"].append(5)
    content = table({name: pa.array(values, pa.int64()) for name, values in columns.items()})
    published.repositories[DUPLICATES]["main"] = {"data/duped-00000-of-00001.parquet": content}
    serve()
    with pytest.raises(UserError, match=message):
        make_suite(params(WANTED), SUITE)


def test_no_token_counted(serve, params, published):
    content = table({"TokenID": pa.array([1]), "Frequency": pa.array([0])})
    published.repositories[FREQUENCIES]["main"] = {"data/memorized-00000-of-00001.parquet": content}
    serve()
    with pytest.raises(UserError, match="every count is 0"):
        make_suite(params(WANTED), SUITE)
