"""Text of the Pile to count over: whole training rows by range reads, or raw text tokenized here.

All training rows together are 600 GB, but any of them is 4098 bytes, at a place that follows from
its index: the ``.bin`` shards are one file of 16-bit tokens without a header, cut anywhere, so that
rows straddle shards (EleutherAI/pythia, utils/unshard_memmap.py and utils/mmap_dataset.py).
``document.idx`` says how the tokens are cut into rows; it is checked before anything is read.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import zstandard
from huggingface_hub import constants
from huggingface_hub.utils import WeakFileLock
from tokenizers import Tokenizer

from memorization.errors import UserError
from memorization.files import read_kept, write_json
from memorization.progress import progress
from memorization.protocol import SEQUENCE
from memorization.resume import file_digest
from memorization.suite.hub import Repository, disk, read_ranges, stream
from memorization.suite.pythia.pieces import growing

# Rows between two points from which an interrupted run goes on. Sorted rows are mostly of one
# shard, so they keep all connections busy; more would show progress of their own.
ROWS = 192
# Documents that are tokenized together, between two such points.
DOCUMENTS = 256
END_OF_TEXT = 0

_INDEX = "document.idx"
_HEADER = struct.Struct("<9sQBQQ")  # magic, version, type, numbers of rows and of documents
_MAGIC = b"MMIDIDX\x00\x00"
_UINT16 = 8


@dataclass(frozen=True)
class Preshuffled:
    """Training data in training order, in shards.

    Attributes
    ----------
    repository : where they are.
    sizes : names of the shards, in order, and their bytes.
    window : tokens a row.
    """

    repository: Repository
    sizes: dict[str, int]
    window: int

    def read(self, index: np.ndarray) -> np.ndarray:
        """Return some rows, uint16 [n, window]."""
        names, sizes = list(self.sizes), np.array(list(self.sizes.values()))
        rows = np.empty((len(index), 2 * self.window), np.uint8)
        parts = overlaps(index, sizes, 2 * self.window)
        # Whole rows are of one length; the ends of a shard may hold parts of others.
        for shard, length in np.unique(parts[:, [0, 4]], axis=0).tolist():
            here = parts[(parts[:, 0] == shard) & (parts[:, 4] == length)]
            _, row, offset, start, _ = here.T
            found = read_ranges(self.repository, names[shard], start, length)
            rows[row[:, None], offset[:, None] + np.arange(length)] = found
        return rows.view("<u2").astype(np.uint16, copy=False)


def overlaps(index: np.ndarray, sizes: np.ndarray, row_bytes: int) -> np.ndarray:
    """Return which bytes of which shards make up some rows, int64 [parts, 5].

    Columns: the shard; the place of the row in ``index``; the part's first byte in the row, and in
    the shard; its length. A row that straddles shards has several parts.

    Parameters
    ----------
    index : int64 [n], numbers of rows.
    sizes : int64 [shards], bytes.

    >>> overlaps(np.array([0, 2]), np.array([10, 10]), 4).tolist()
    [[0, 0, 0, 0, 4], [0, 1, 0, 8, 2], [1, 1, 2, 0, 2]]
    """
    ends = np.cumsum(sizes)
    first = np.asarray(index, np.int64) * row_bytes
    parts = []
    for shard, (begin, end) in enumerate(zip(ends - sizes, ends, strict=True)):
        start, stop = np.maximum(first, begin), np.minimum(first + row_bytes, end)
        rows = np.flatnonzero(start < stop)
        start, stop = start[rows], stop[rows]
        columns = (np.full(len(rows), shard), rows, start - first[rows], start - begin)
        parts.append(np.stack([*columns, stop - start], axis=1))
    return np.concatenate(parts)


def open_preshuffled(repository: Repository, window: int, population: int) -> Preshuffled:
    """Return the training data in a repository, after checking that they are what they should be.

    Reads a few bytes of ``document.idx``: the numbers of rows and bytes must agree, and the first
    and last rows be where rows of one length put them.

    Raises
    ------
    UserError
        If they are not rows of ``window`` tokens, at least ``population`` of them.
    """

    def check(holds: bool, reason: str) -> None:
        if not holds:
            raise UserError(
                f"{repository}: {reason}; pin another commit in pythia.revisions, or set "
                "pythia.corpus to sample and pythia.context to false, which do not need these files"
            )

    def at(places: np.ndarray | list[int], dtype: str) -> list[int]:
        found = read_ranges(repository, _INDEX, np.array(places), np.dtype(dtype).itemsize)
        return found.view(dtype).ravel().tolist()

    sizes = {name: repository.files[name].size for name in repository.matching("document-*.bin")}
    size, total = repository.file(_INDEX).size, sum(sizes.values())
    check(size >= _HEADER.size, f"{_INDEX} is not a Megatron index file")
    header = read_ranges(repository, _INDEX, np.array([0]), _HEADER.size)
    magic, version, dtype, n, n_documents = _HEADER.unpack(header.tobytes())
    is_index = magic == _MAGIC and version == 1
    check(is_index, f"{_INDEX} is not a Megatron index file of version 1")
    check(dtype == _UINT16, f"tokens of type {dtype}, expected {_UINT16}, uint16")
    expected = f"{n:,} rows × {window} × 2"
    check(total == 2 * n * window, f"{total:,} bytes in the .bin files, expected {expected}")
    # Lengths int32, places int64, documents int64.
    whole = _HEADER.size + 12 * n + 8 * n_documents
    check(size == whole, f"{_INDEX} is not of the {whole:,} bytes it says")
    check(n >= population, f"{n:,} rows, expected {population:,}")
    ends = np.array([0, n - 1])
    lengths = at(_HEADER.size + 4 * ends, "<i4")
    check(lengths == [window, window], f"rows are not all of {window} tokens")
    places = at(_HEADER.size + 4 * n + 8 * ends, "<i8")
    check(places == (2 * window * ends).tolist(), "rows are not one after the other")
    return Preshuffled(repository, sizes, window)


def fetch_rows(source: Preshuffled, index: np.ndarray, path: Path, job: str) -> None:
    """Write rows to ``path``, uint16 [n, window] as ``.npy``; an interrupted run goes on."""
    with (
        growing(path, (len(index), source.window)) as file,
        progress(job, len(index), "rows", file.done) as advance,
    ):
        while file.done < len(index):
            rows = source.read(index[file.done : file.done + ROWS])
            file.append(rows)
            advance(len(rows))


def check_rows(
    repository: Repository,
    index: np.ndarray,
    rows: np.ndarray,
    known: np.ndarray,
    tokens: np.ndarray,
) -> None:
    """Check that rows begin with their sequences, where these are known.

    Of a part of a file no digest is published, so this is what shows that a row is the right one.

    Parameters
    ----------
    index, rows : int64 [n] and uint16 [n, window].
    known, tokens : int64 [m] and [m, 64], the sequences that are known.

    Raises
    ------
    UserError
        If one does not.
    """
    _, here, there = np.intersect1d(index, known, return_indices=True)
    differ = (rows[here, :SEQUENCE] != tokens[there]).any(axis=1)
    if differ.any():
        raise UserError(
            f"{repository}: row {index[here[differ]][0]} does not begin with the sequence of its "
            f"index, nor do {differ.sum():,} of the {len(here):,} that can be compared; pin "
            "another commit in pythia.revisions, or set pythia.context to false and pythia.corpus "
            "to sample"
        )


def cached_rows(
    repository: Repository,
    index: np.ndarray,
    window: int,
    population: int,
    tokens: np.ndarray,
) -> np.ndarray:
    """Return rows in the order of ``index``, uint16 [n, window]; they are fetched once.

    They are kept beside the hub client's cache (``HF_HOME``), by the commit and the rows asked for,
    with their digest: what has changed since is fetched anew.

    Parameters
    ----------
    tokens : [n, 64], what each row must begin with.

    Raises
    ------
    UserError
        If they are not there yet and the hub or the disk fails, or the data are not what they
        should be.
    """
    wanted = np.unique(index)
    digest = hashlib.sha256(wanted.astype("<i8").tobytes()).hexdigest()[:16]
    folder = Path(constants.HF_HOME) / "memorization"
    path = folder / f"rows-{repository.commit[:12]}-{digest}.npy"
    mark = path.with_suffix(".json")

    def is_whole() -> bool:
        return path.exists() and read_kept(mark).get("sha256") == file_digest(path)

    if not is_whole():
        with disk(folder, 2 * wanted.size * window):
            folder.mkdir(parents=True, exist_ok=True)
            # Every run of this user shares the folder, and two would write to one file.
            with WeakFileLock(path.with_suffix(".lock")):
                if not is_whole():
                    source = open_preshuffled(repository, window, population)
                    fetch_rows(source, wanted, path, "whole rows of the training data")
                    fetched = np.load(path, mmap_mode="r")
                    check_rows(repository, wanted, fetched, index, tokens)
                    write_json({"sha256": file_digest(path)}, mark)
    rows = np.load(path, mmap_mode="r")
    return rows if np.array_equal(wanted, index) else rows[np.searchsorted(wanted, index)]


def fetch_text(
    repository: Repository, tokenizer: Tokenizer, shape: tuple[int, int], path: Path
) -> dict[str, Any]:
    """Write rows of tokenized text, uint16 [n, window] as ``.npy``; an interrupted run goes on.

    Documents follow each other in the order of the published files, which is random, each ended by
    end-of-text, and are cut into rows wherever these are full, as the training data were.

    Parameters
    ----------
    repository : files ``train/*.jsonl.zst`` with a ``text``.
    shape : rows wanted, and tokens a row; fewer rows when the text ends before.

    Raises
    ------
    UserError
        If the hub fails, or what it serves is no such text.
    """
    n, window = shape
    with (
        growing(path, shape) as file,
        progress("corpus", n * window, "tokens", file.done * window) as advance,
    ):
        state = file.state or {"documents": 0, "rest": []}
        n_documents, rest = state["documents"], np.array(state["rest"], np.uint16)
        later = islice(stream_texts(repository), n_documents, None)
        while file.done < n and (texts := list(islice(later, DOCUMENTS))):
            tokens = np.concatenate([rest, tokenize(texts, tokenizer)])
            whole = len(tokens) // window * window
            rows, rest = tokens[:whole].reshape(-1, window)[: n - file.done], tokens[whole:]
            n_documents += len(texts)
            file.append(rows, {"documents": n_documents, "rest": rest.tolist()})
            advance(rows.size)
        if not file.done:
            raise UserError(f"{repository}: not enough text for a row of {window} tokens")
        return {"rows": file.done, "documents": n_documents}


def tokenize(texts: list[str], tokenizer: Tokenizer) -> np.ndarray:
    """Return documents as one run of tokens, uint16, each ended by end-of-text."""
    encoded = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    return np.concatenate([np.array([*each.ids, END_OF_TEXT], np.uint16) for each in encoded])


def stream_texts(repository: Repository) -> Iterator[str]:
    """Yield the texts of ``train/*.jsonl.zst``, in order, without storing them.

    Raises
    ------
    UserError
        If the hub fails, a file ends in the middle, or a line has no text.
    """
    for name in repository.matching("train/*.jsonl.zst"):
        try:
            for line in _lines(stream(repository, name)):
                text = json.loads(line)["text"]
                if not isinstance(text, str):
                    raise ValueError("a text that is none")
                yield text
        except (zstandard.ZstdError, EOFError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{repository}: {name} is no text that can be streamed ({error!r}); pin another "
                "commit in pythia.revisions, or set pythia.corpus to sample"
            ) from None


def _lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the lines of a Zstandard file of one frame or more."""
    frame, begun = zstandard.ZstdDecompressor().decompressobj(), b""
    for block in blocks:
        while block:
            if frame.eof:
                frame = zstandard.ZstdDecompressor().decompressobj()
            *lines, begun = (begun + frame.decompress(block)).split(b"\n")
            yield from lines
            block = frame.unused_data
    if not frame.eof:
        raise EOFError("it ends in the middle")
    if begun:
        yield begun
