import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memorization.errors import UserError
from memorization.suite.pythia import sequences
from memorization.suite.pythia.sequences import read_sequences

TOKENS = np.random.default_rng(0).integers(0, 65536, (40, 64))


def lists(tokens, kind):
    return pa.array(list(tokens), pa.list_(kind))


def read(*paths, scores=()):
    return read_sequences(paths, ("i", "t"), 40, scores)


def write(path, index, tokens=None, kind=None, **extra):
    tokens = TOKENS[index] if tokens is None else tokens
    columns = {"i": pa.array(index, pa.int64()), "t": lists(tokens, kind or pa.int64()), **extra}
    parquet.write_table(pa.table(columns), path)
    return path


@given(st.lists(st.lists(st.integers(0, 39), max_size=30), max_size=3), st.integers(1, 50))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
def test_sorted_and_each_index_once(tmp_path, monkeypatch, files, batch):
    monkeypatch.setattr(sequences, "BATCH", batch)
    paths = [write(tmp_path / f"{n}.parquet", np.array(i, int)) for n, i in enumerate(files)]
    found = read(*paths)
    everything = [index for file in files for index in file]
    expected = np.array(sorted(set(everything)), int)
    assert found.n_rows == len(everything)
    found.write(tmp_path / "out.parquet")
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table.schema.names == ["index", "tokens"]
    assert table["index"].to_pylist() == expected.tolist()
    assert table["tokens"].to_pylist() == TOKENS[expected].tolist()
    np.testing.assert_array_equal(found.index, expected)
    np.testing.assert_array_equal(found.tokens, TOKENS[expected])


@pytest.mark.parametrize("kind", [pa.uint16(), pa.int32(), pa.int64()])
def test_tokens_of_any_integer_type_and_further_columns(tmp_path, kind):
    score = pa.array([0.5, 1.0, 0.25])
    path = write(tmp_path / "a.parquet", np.array([9, 2, 5]), kind=kind, score=score)
    found = read(path, scores=["score"]).below(9)
    assert found.index.tolist() == [2, 5]
    assert found.scores[:, 0].tolist() == [1.0, 0.25]
    np.testing.assert_array_equal(found.tokens, TOKENS[[2, 5]])


def test_lists_of_fixed_size_are_read_as_well(tmp_path):
    column = pa.FixedSizeListArray.from_arrays(pa.array(TOKENS[:3].ravel()), 64)
    parquet.write_table(pa.table({"i": [0, 1, 2], "t": column}), tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet")
    np.testing.assert_array_equal(found.tokens, TOKENS[:3])


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (TOKENS[:2, :63], "a sequence of 63 tokens; all must have 64"),
        (np.where(TOKENS[:2] > 9, 65536, 1), "65536 in 't'; all must be 0 to 65535"),
        (np.full((2, 64), -1), "-1 in 't'; all must be 0 to 65535"),
    ],
)
def test_what_is_no_sequence(tmp_path, tokens, message):
    path = write(tmp_path / "a.parquet", np.arange(2), tokens)
    with pytest.raises(UserError, match=message):
        read(path)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (pa.array([None, 3], pa.int64()), "a row without a whole number in 'i'"),
        (pa.array([None, None], pa.int64()), "a row without a whole number in 'i'"),
        (pa.array(["1", "3"]), "a row without a whole number in 'i'"),
        (pa.array([0.5, 3.0]), "a row without a whole number in 'i'"),
        (pa.array([3, -5], pa.int64()), "-5 in 'i'; all must be 0 to 39"),
        (pa.array([2**64 - 5, 3], pa.uint64()), "18446744073709551611 in 'i'; all must be 0 to 39"),
    ],
)
def test_what_is_no_place_in_training_order(tmp_path, index, message):
    columns = {"i": index, "t": lists(TOKENS[:2], pa.int64())}
    parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=rf"a.parquet: {message}; pin another commit"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("score", "message"),
    [
        ([None, 1.0], "a row without a number in 'score'"),
        ([1.0, float("nan")], "nan in 'score'; all must be 0 to 1"),
    ],
)
def test_a_missing_score_is_not_a_low_one(tmp_path, score, message):
    path = write(tmp_path / "a.parquet", np.arange(2), score=pa.array(score, pa.float64()))
    with pytest.raises(UserError, match=f"{message}; pin another commit"):
        read(path, scores=["score"])


def test_a_missing_sequence(tmp_path):
    column = pa.array([TOKENS[0].tolist(), None])
    parquet.write_table(pa.table({"i": [0, 1], "t": column}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="a sequence of None tokens"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize("keep", [0, 3, 200])
def test_a_file_that_is_cut_short(tmp_path, keep):
    path = write(tmp_path / "a.parquet", np.arange(40))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"not a whole Parquet file .*; pin another commit"):
        read(path)


def test_a_file_that_is_damaged_in_the_middle(tmp_path):
    path = write(tmp_path / "a.parquet", np.arange(40))
    content = bytearray(path.read_bytes())
    content[200:1200] = bytes(1000)
    path.write_bytes(content)
    with pytest.raises(UserError, match="not a whole Parquet file"):
        read(path)
