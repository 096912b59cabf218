from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from standin.tables import parquet_shards
from suite.pythia.miniature import DUPLICATES, FREQUENCIES

from memorization.errors import UserError
from memorization.suite.pythia.make import make_suite
from memorization.suite.read import read_suite

SUITE = Path("suite")
WANTED = {"published_counts": True}


def replace(published, repository, split, columns):
    """Serve another table of counts."""
    columns = {name: pa.array(values, pa.int64()) for name, values in columns.items()}
    published.repositories[repository]["main"] = parquet_shards(split, pa.table(columns), 1)


def test_counts_of_each_sequence_and_token(hub, params, published):
    make_suite(params(WANTED), SUITE)
    suite = read_suite(SUITE)
    index = np.array([7, 0, 599, 13])
    np.testing.assert_array_equal(suite.published_duplicates(index), index % 7 + 1)
    # Both parts of the table together, up to the tokenizer's vocabulary.
    vocabulary = suite.manifest["vocabulary"]
    counted = np.bincount(published.rows.ravel(), minlength=vocabulary)[:vocabulary]
    np.testing.assert_array_equal(suite.published_token_counts(), counted)


def test_no_counts_unless_asked_for(hub, params):
    make_suite(params(), SUITE)
    suite = read_suite(SUITE)
    assert suite.published_duplicates(np.array([1])) is None
    assert suite.published_token_counts() is None
    assert not [request for request in hub.requests if "usvsnsp" in request.path]


@pytest.mark.parametrize(
    ("index", "counts", "message"),
    [
        (range(1, 600), [1] * 599, "1 of 600 sequences have no count"),
        (range(601), [1] * 601, "600 in 'sequence_id'; all must be 0 to 599"),
        ([*range(599), None], [1] * 600, "without a whole number in 'sequence_id'"),
        ([*range(599), -1], [1] * 600, "-1 in 'sequence_id'; all must be 0 to 599"),
        (range(600), [1] * 599 + [None], "without a whole number in 'counts'"),
        (
            range(600),
            [1] * 599 + [2**32 + 7],
            "4294967303 in 'counts'; all must be 0 to 4294967295",
        ),
    ],
)
def test_duplicates_of_other_sequences(serve, params, published, index, counts, message):
    replace(published, DUPLICATES, "duped", {"sequence_id": list(index), "counts": counts})
    serve()
    with pytest.raises(UserError, match=message):
        make_suite(params(WANTED), SUITE)
    assert not SUITE.exists()


def test_no_token_counted(serve, params, published):
    replace(published, FREQUENCIES, "memorized", {"TokenID": [1], "Frequency": [0]})
    serve()
    with pytest.raises(UserError, match="every count is 0"):
        make_suite(params(WANTED), SUITE)
