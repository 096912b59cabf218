"""The first values of an embedding, from a few KB of a file of weights: safetensors or torch's zip.

Of ``pytorch_model.bin`` the pickle is not loaded. It is read as the list of instructions that it
is, for the place of one tensor, and none of them is carried out.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pickletools import genops
from typing import Any, NamedTuple
from zipfile import BadZipFile, ZipFile

import numpy as np

# As GPT-NeoX and as Llama and OLMo-2 name it.
EMBEDDINGS = ("gpt_neox.embed_in.weight", "model.embed_tokens.weight")
# Bytes of it that are read: the first rows, of tokens that every text has (end of text, marks).
ROWS = 4096
# Bytes in one request: a header of 20 layers fits, and the directory of a shard of 12b.
PART = 1 << 15
# Longer than any header, directory or pickle of GPT-NeoX: 12b's are about 60,000 bytes.
LONGEST = 1 << 24

_WIDTHS = {"F16": 2, "BF16": 2, "F32": 4}
_STORAGES = {
    "torch HalfStorage": "F16",
    "torch BFloat16Storage": "BF16",
    "torch FloatStorage": "F32",
}

# What `zipfile` and the reading of a pickle raise for bytes that are neither.
_NO_ARCHIVE = (
    *(BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, LookupError, TypeError),
    *(ValueError, zlib.error, struct.error),
)

Read = Callable[[int, int], bytes]


class _Place(NamedTuple):
    """Where a tensor is: bytes ``first`` until before ``last`` after byte ``base`` of the file."""

    dtype: str
    base: int
    first: int
    last: int


class Parts:
    """A file to seek and read in, of which only the parts that are needed are fetched, each once.

    Parameters
    ----------
    read : returns the bytes of the file from one place until before another.
    size : of the file, in bytes.
    """

    def __init__(self, read: Read, size: int) -> None:
        """Begin at the start."""
        self.size, self._fetch, self._at = size, read, 0
        self._parts: list[tuple[int, bytes]] = []

    def seekable(self) -> bool:
        """Return that it is, as `zipfile` asks."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte to read."""
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place, counted from the start, from here or from the end."""
        self._at = offset + (0, self._at, self.size)[whence]
        if self._at < 0:
            raise OSError("before the start of the file")
        return self._at

    def read(self, n: int = -1) -> bytes:
        """Return the next n bytes, or all that are left."""
        start = min(self._at, self.size)
        stop = self.size if n < 0 else min(start + n, self.size)
        if stop - start > LONGEST:
            raise ValueError("has a header that is too long")
        if stop == start:
            return b""
        for first, content in self._parts:
            if first <= start and stop <= first + len(content):
                break
        else:
            # Near the end, where zip has its directory, all that is left.
            first = max(0, min(start, self.size - PART))
            content = self._fetch(first, min(max(first + PART, stop), self.size))
            self._parts.append((first, content))
        self._at = stop
        return content[start - first : stop - first]


def read_piece(read: Read, size: int, ending: str) -> np.ndarray | None:
    """Return the first values of the embedding in a file of weights, float64 [n].

    None: it holds no embedding of these names, or is as PyTorch saved before version 1.6, without a
    directory.

    Parameters
    ----------
    read, size : of the file, see `Parts`.
    ending : ``safetensors`` or ``bin``.

    Raises
    ------
    ValueError
        If it is no such file, or does not hold the tensor that it names.
    """
    file = Parts(read, size)
    if ending == "bin" and file.read(2) == b"\x80\x02":
        return None
    file.seek(0)
    found = (_in_safetensors if ending == "safetensors" else _in_bin)(file)
    if found is None:
        return None
    last = min(found.last, found.first + ROWS)
    if found.dtype not in _WIDTHS:
        raise ValueError("holds no embedding of 16 or 32 bits")
    is_inside = 0 <= found.first < last and found.base + last <= size
    if not is_inside or (last - found.first) % _WIDTHS[found.dtype]:
        raise ValueError("does not hold the embedding that it names")
    file.seek(found.base + found.first)
    return _values(file.read(last - found.first), found.dtype)


def _values(content: bytes, dtype: str) -> np.ndarray:
    if dtype == "BF16":  # the upper half of a float32
        values = (np.frombuffer(content, "<u2").astype(np.uint32) << 16).view(np.float32)
    else:
        values = np.frombuffer(content, "<f2" if dtype == "F16" else "<f4")
    return values.astype(np.float64)


def _in_safetensors(file: Parts) -> _Place | None:
    length = int.from_bytes(file.read(8), "little")
    if 8 + length > min(file.size, LONGEST):
        raise ValueError("is no safetensors file")
    try:
        header = dict(json.loads(file.read(length)))
        name = next((name for name in EMBEDDINGS if name in header), None)
        if name is None:
            return None
        first, last = map(int, header[name]["data_offsets"])
        return _Place(str(header[name]["dtype"]), 8 + length, first, last)
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ValueError("is no safetensors file") from None


def _in_bin(file: Parts) -> _Place | None:
    try:
        with ZipFile(file) as archive:
            [index] = [each for each in archive.infolist() if each.filename.endswith("/data.pkl")]
            if index.file_size > LONGEST:
                raise BadZipFile
            named = _named_in(archive.read(index))
            if named is None:
                return None
            storage, key, offset = named
            member = archive.getinfo(f"{index.filename.removesuffix('.pkl')}/{key}")
        file.seek(member.header_offset)
        lengths = struct.unpack("<26x2H", file.read(30))
    except _NO_ARCHIVE:
        raise ValueError("is no file that PyTorch saved") from None
    dtype = _STORAGES.get(storage, "")
    base = member.header_offset + 30 + sum(lengths)
    return _Place(dtype, base, offset * _WIDTHS.get(dtype, 1), member.file_size)


def _named_in(pickle: bytes) -> tuple[str, str, int] | None:
    """Return the embedding's kind of storage, its key and its offset there; None: it has none.

    What is pushed for a tensor, in this order: its name, the function that makes it, "storage", the
    kind of storage, its key, the device, its length, the tensor's offset.
    """
    pushed: list[Any] = []
    memo: dict[Any, Any] = {}
    for operation, argument, _ in genops(pickle):
        if operation.name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = pushed[-1]
        elif operation.name in ("BINGET", "LONG_BINGET"):
            pushed.append(memo[argument])
        elif argument is not None:
            pushed.append(argument)
    place = next((pushed.index(name) for name in EMBEDDINGS if name in pushed), None)
    if place is None:
        return None
    storage, key, _, _, offset = pushed[pushed.index("storage", place) + 1 :][:5]
    return str(storage), str(key), int(offset)


def members(read: Read, size: int) -> set[tuple[int, int]]:
    """Return bytes and CRC-32 of each tensor in a file that PyTorch saved, by its directory.

    Nothing of a file that has none, such as one written before version 1.6.
    """
    try:
        with ZipFile(Parts(read, size)) as archive:
            listed = archive.infolist()
    except _NO_ARCHIVE:
        return set()
    return {(each.file_size, each.CRC) for each in listed if "/data/" in each.filename}
