import numpy as np
import pandas as pd
import pandera.errors
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from memorization.errors import UserError
from memorization.tables import (
    FEATURES,
    LABELS,
    SEQUENCES,
    WHEN,
    curves_column,
    curves_matrix,
    joined,
    read_table,
    token_column,
    token_matrix,
    write_table,
)


@pytest.fixture
def sequences():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "index": [4, 9, 30],
            "step": np.array([1, 2, 4], np.int32),
            "tokens": token_column(rng.integers(0, 2048, (3, 64))),
            "domain": ["code", None, "prose"],
            "case": [True, False, False],
            "weight": [1.0, 18.3, 18.3],
            "followed": [True, True, False],
            "when_weight": [1.0, 18.3, None],
        }
    )


def test_sequences_survive_the_disk_in_the_contracts_types(tmp_path, sequences):
    write_table(sequences, tmp_path / "t.parquet", SEQUENCES)
    schema = parquet.read_schema(tmp_path / "t.parquet")
    assert schema.field("tokens").type.equals(pa.list_(pa.int32(), 64))
    assert schema.field("domain").type == pa.string()
    back = read_table(tmp_path / "t.parquet", SEQUENCES)
    np.testing.assert_array_equal(token_matrix(back["tokens"]), token_matrix(sequences["tokens"]))
    pd.testing.assert_frame_equal(back.drop(columns="tokens"), sequences.drop(columns="tokens"))


def test_null_steps_survive_the_disk(tmp_path):
    labels = pd.DataFrame(
        {
            "index": [1, 2],
            "memorized": [True, False],
            "match_length": np.array([32, 3], np.int8),
            "first_step": pd.array([32, None], "Int32"),
            "stable_step": pd.array([64, None], "Int32"),
            "entry": pd.array([0, None], "Int32"),
            "lower": pd.array([0, None], "Int32"),
            "upper": pd.array([32, None], "Int32"),
        }
    )
    write_table(labels, tmp_path / "t.parquet", LABELS)
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.parquet", LABELS), labels)


def test_survival_curves_survive_the_disk(tmp_path):
    curves = np.linspace(1, 0, 10).reshape(2, 5) ** np.pi
    table = pd.DataFrame(
        {
            "index": [1, 2],
            "model": "cox",
            "tier": "text",
            "fold": np.zeros(2, np.int32),
            "survival": curves_column(curves),
            # The second model says nothing of it.
            "memorized": curves_column(np.array([curves[0], np.full(5, np.nan)])),
        }
    )
    write_table(table, tmp_path / "t.parquet", WHEN)
    back = read_table(tmp_path / "t.parquet", WHEN)
    np.testing.assert_array_equal(curves_matrix(back["survival"]), curves)
    np.testing.assert_array_equal(curves_matrix(back["memorized"][:1]), curves[:1])
    assert back["memorized"].isna().tolist() == [False, True]


def test_a_frame_that_breaks_the_schema_is_not_written(tmp_path, sequences):
    with pytest.raises(pandera.errors.SchemaError):
        write_table(sequences.assign(index=[1, 1, 2]), tmp_path / "t.parquet", SEQUENCES)
    assert list(tmp_path.iterdir()) == []


def test_a_bad_file_is_a_clear_error(tmp_path, sequences):
    with pytest.raises(UserError, match="no such table; run `dvc repro`"):
        read_table(tmp_path / "none.parquet", SEQUENCES)
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match=r"not a readable Parquet file \(.*\); run `dvc repro`"):
        read_table(tmp_path / "t.parquet", SEQUENCES)
    sequences.drop(columns="tokens").to_parquet(tmp_path / "t.parquet")
    with pytest.raises(
        UserError, match=r"not a valid sequences table: .*tokens.*; run `dvc repro`"
    ):
        read_table(tmp_path / "t.parquet", SEQUENCES)


def test_an_unknown_column_and_an_endless_weight_are_clear_errors(tmp_path, sequences):
    path = tmp_path / "sequences.parquet"
    write_table(sequences, path, SEQUENCES)
    table = parquet.read_table(path)
    for change, said in (
        (table.rename_columns({"case": "cases"}), "cases"),
        (table.append_column("more", pa.array([1, 2, 3])), "more"),
    ):
        parquet.write_table(change, path)
        with pytest.raises(UserError, match=said) as caught:
            read_table(path, SEQUENCES)
        assert "\n" not in str(caught.value)
    with pytest.raises(pandera.errors.SchemaError, match="finite"):
        write_table(sequences.assign(weight=np.inf), path, SEQUENCES)


def test_a_feature_that_is_gone_is_missed(tmp_path):
    path = tmp_path / "features.parquet"
    frame = pd.DataFrame({"index": [1, 2], "surface.digits": [0.5, 1], "surface.spaces": [0.0, 1]})
    write_table(frame, path, FEATURES)
    parquet.write_table(parquet.read_table(path).drop_columns("surface.digits"), path)
    with pytest.raises(UserError, match=r"has lost the column surface\.digits"):
        read_table(path, FEATURES)


def test_tables_of_one_run_are_joined_by_index(sequences):
    splits = pd.DataFrame({"index": [30, 4, 9], "fold": np.array([2, 0, 1], np.int32)})
    labels = pd.DataFrame({"index": [9, 30, 4], "first_step": pd.array([5, None, 7], "Int32")})
    table = joined(sequences, splits=splits, labels=labels)
    expected = sequences.merge(splits, on="index").merge(labels, on="index")
    pd.testing.assert_frame_equal(table, expected)


@pytest.mark.parametrize("index", [[4, 9], [4, 9, 31], [4, 9, 30, 31], [4, 9, 9]])
def test_tables_of_different_runs_are_not_joined(sequences, index):
    other = pd.DataFrame({"index": index, "fold": 0})
    with pytest.raises(UserError, match=r"results/splits.parquet: not about the sequences of .*"):
        joined(sequences, splits=other)
