"""The results folder, as the report reads it."""

import shutil

import pytest

from memorization.errors import UserError
from memorization.report.results import Results
from memorization.tables import LABELS, read_table, write_table


def test_sequences_that_a_table_lacks_are_not_dropped(results, tmp_path):
    folder = shutil.copytree(results.folder, tmp_path / "results")
    labels = read_table(folder / "labels.parquet", LABELS)
    write_table(labels[1:], folder / "labels.parquet", LABELS)
    with pytest.raises(UserError, match=r"labels.parquet: not about the sequences"):
        _ = Results(folder, results.params).sample
