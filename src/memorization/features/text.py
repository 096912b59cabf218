"""From tokens to the exact bytes that they stand for.

Decoding to a string would put U+FFFD where a sequence begins or ends inside a character; the bytes
of a byte-level BPE have no such trouble, and are read from a table.

Features of text are computed over the bytes of many sequences at once, in chunks that stay in the
cache: ``of_texts``. All of them take sequences of any length, the empty one too; the prompt is
then the first 32 tokens or what there is of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from tokenizers import Tokenizer

from memorization.protocol import PROMPT

# Sequences at a time: about 0.4 MB of text and a few arrays of that many entries.
CHUNK = 2048


@dataclass(frozen=True)
class Texts:
    """The bytes of n token sequences: text i is ``data[start[i, 0] : start[i, length]]``.

    Attributes
    ----------
    data : all the bytes, one text after another, with nothing in between.
    start : int64 [n, length + 1], where each token begins, and last where the text ends.
    """

    data: bytes
    start: np.ndarray

    @property
    def bytes(self) -> np.ndarray:
        """The data as numbers, uint8."""
        return np.frombuffer(self.data, dtype=np.uint8)

    @property
    def bounds(self) -> np.ndarray:
        """Where each text begins, and where the last one ends, int64 [n + 1]."""
        return np.append(self.start[:, 0], self.start[-1:, -1] if len(self.start) else 0)

    @property
    def middle(self) -> np.ndarray:
        """Where each continuation begins, int64 [n]: after 32 tokens, or at the text's end."""
        return self.start[:, min(PROMPT, self.start.shape[1] - 1)]

    @property
    def half_bounds(self) -> np.ndarray:
        """Where each prompt and each continuation begins, in turn, int64 [2 n + 1]."""
        bounds = self.bounds
        return np.append(np.stack([bounds[:-1], self.middle], axis=1).ravel(), bounds[-1])


@dataclass(frozen=True)
class TokenTable:
    """The bytes of every token, uint8: those of token i are ``data[start[i] : start[i + 1]]``."""

    data: np.ndarray
    start: np.ndarray

    @classmethod
    def of(cls, pieces: Sequence[bytes]) -> TokenTable:
        """Return the table of tokens given as bytes."""
        start = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
        return cls(np.frombuffer(b"".join(pieces), dtype=np.uint8), start)


@lru_cache(maxsize=1)
def byte_of_character() -> dict[str, int]:
    """Return the alphabet of byte-level BPE (Radford et al. 2019): printable bytes stand for
    themselves, the others for the characters from U+0100 on.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {
        chr(256 + place): byte for place, byte in enumerate(rest)
    }


def token_bytes(tokenizer: Tokenizer | list[bytes]) -> list[bytes]:
    """Return the bytes of each token of a byte-level BPE; of any other they are given as a list.

    A special token (end-of-text) is one zero byte: a mark, not the text that writes it. An id that
    no token has is empty.
    """
    if isinstance(tokenizer, list):
        return tokenizer
    alphabet = byte_of_character()
    added = tokenizer.get_added_tokens_decoder()
    pieces = {number: text for text, number in tokenizer.get_vocab().items()}
    table = [b""] * (max(pieces) + 1)
    for number, piece in pieces.items():
        if number not in added:
            table[number] = bytes(alphabet[character] for character in piece)
        elif added[number].special:
            table[number] = b"\0"
        else:
            table[number] = added[number].content.encode()
    return table


def texts(table: TokenTable, tokens: np.ndarray) -> Texts:
    """Return the bytes of token sequences, integers [n, length].

    >>> found = texts(TokenTable.of([b"ab", b"c"]), np.array([[0, 1], [1, 1]]))
    >>> found.data, found.start.tolist()
    (b'abccc', [[0, 2, 3], [3, 4, 5]])

    Raises
    ------
    ValueError
        If a token is not in the table.
    """
    last = len(table.start) - 2
    if tokens.size and not (tokens.min() >= 0 and tokens.max() <= last):
        raise ValueError(f"tokens: {tokens.min()} to {tokens.max()}, allowed are 0 to {last}")
    first, size = table.start[tokens], np.diff(table.start)[tokens]
    end = np.cumsum(size).reshape(size.shape)
    # Where each byte is in the table: as far behind its token's first byte there as in the text.
    place = np.arange(size.sum()) + np.repeat((first - end + size).ravel(), size.ravel())
    begin = end[:, :1] - size[:, :1] if size.shape[1] else np.zeros((len(size), 1), np.int64)
    return Texts(table.data[place].tobytes(), np.hstack([begin, end]))


def in_chunks(
    compute: Callable[[np.ndarray], dict[str, np.ndarray]], tokens: np.ndarray
) -> dict[str, np.ndarray]:
    """Return what ``compute`` gives for all sequences, calling it with ``CHUNK`` at a time.

    Time grows linearly with the number of sequences, and memory beyond the result does not grow.

    >>> in_chunks(lambda rows: {"first": rows[:, 0]}, np.arange(6).reshape(3, 2))["first"]
    array([0, 2, 4])

    Parameters
    ----------
    compute : integers [m, length] -> column name -> array [m]; called once even when n is 0.
    tokens : integers [n, length].
    """
    columns: dict[str, np.ndarray] = {}
    for start in range(0, max(len(tokens), 1), CHUNK):
        rows = slice(start, start + CHUNK)
        for name, values in compute(tokens[rows]).items():
            if start == 0:
                columns[name] = np.empty(len(tokens), dtype=values.dtype)
            columns[name][rows] = values
    return columns


def of_texts(
    compute: Callable[[Texts], dict[str, np.ndarray]],
    tokenizer: Tokenizer | list[bytes],
    tokens: np.ndarray,
) -> dict[str, np.ndarray]:
    """Return what ``compute`` gives for the bytes of all sequences, integers [n, length]."""
    table = TokenTable.of(token_bytes(tokenizer))
    return in_chunks(lambda rows: compute(texts(table, rows)), tokens)
