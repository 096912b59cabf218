"""The list of sequences to predict, with nothing in it that gives a label away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from tokenizers import Tokenizer

from memorization.errors import UserError
from memorization.files import replacing
from memorization.protocol import SEQUENCE
from memorization.suite import Suite

# Sequences decoded at once.
BATCH = 2**14

SCHEMA = pa.schema(
    [("index", pa.int64()), ("tokens", pa.list_(pa.int32(), SEQUENCE)), ("text", pa.string())]
)


def write_sequences(suite: Suite, index: np.ndarray, path: str | Path) -> None:
    """Write what a predictor may look at: ``index``, its 64 ``tokens`` and their ``text``.

    In order of ``index``, which is that of training. The sample's weights are left out on purpose:
    they are small for the memorized. A token that holds part of a character is decoded as U+FFFD.

    Parameters
    ----------
    suite : where the tokens are.
    index : int64 [n], of the sequences to write.
    path : of the Parquet file, whole or not at all.

    Raises
    ------
    UserError
        If the folder of the file does not exist, or the tokens are not known.
    """
    path, index = Path(path), np.sort(index)
    if not path.parent.is_dir():
        raise UserError(f"{path}: there is no folder {path.parent}; make it first")
    # At once, because a suite may have to read large files to find them.
    tokens = suite.tokens(index)
    with (
        replacing(path) as partial,
        parquet.ParquetWriter(partial, SCHEMA, compression="zstd") as writer,
    ):
        for start in range(0, len(index), BATCH):
            rows = slice(start, start + BATCH)
            writer.write_table(_table(suite.tokenizer, index[rows], tokens[rows]))


def _table(tokenizer: Tokenizer, index: np.ndarray, tokens: np.ndarray) -> pa.Table:
    text = tokenizer.decode_batch(tokens.tolist(), skip_special_tokens=False)
    flat = pa.array(np.ascontiguousarray(tokens, dtype=np.int32).ravel())
    lists = pa.FixedSizeListArray.from_arrays(flat, SEQUENCE)
    return pa.table([index.astype(np.int64), lists, pa.array(text)], schema=SCHEMA)
