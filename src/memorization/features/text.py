"""The exact bytes that tokens stand for.

Decoding to a string would put U+FFFD where a sequence begins or ends inside a character; the bytes
of a byte-level BPE have no such trouble, and concatenating them is a gather.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from tokenizers import Tokenizer


@dataclass(frozen=True)
class Texts:
    """The bytes of n token sequences: text i is ``data[start[i, 0] : start[i, length]]``.

    Attributes
    ----------
    data : all the bytes, one text after another.
    start : int64 [n, length + 1], where each token begins, and last where the text ends.
    """

    data: bytes
    start: np.ndarray


@lru_cache(maxsize=1)
def _byte_of_character() -> dict[str, int]:
    """Return the alphabet of byte-level BPE (Radford et al. 2019): printable bytes stand for
    themselves, the others for the characters from U+0100 on.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {
        chr(256 + place): byte for place, byte in enumerate(rest)
    }


def token_bytes(tokenizer: Tokenizer) -> list[bytes]:
    """Return the bytes of each token of a byte-level BPE.

    A special token (end-of-text) is one zero byte: a mark, not the text that writes it. An id that
    no token has is empty.
    """
    alphabet = _byte_of_character()
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


def texts(table: list[bytes], tokens: np.ndarray) -> Texts:
    """Return the bytes of token sequences.

    >>> found = texts([b"ab", b"c"], np.array([[0, 1], [1, 1]]))
    >>> found.data, found.start.tolist()
    (b'abccc', [[0, 2, 3], [3, 4, 5]])

    Parameters
    ----------
    table : bytes of each token.
    tokens : integers [n, length], below ``len(table)``.
    """
    n, length = tokens.shape
    size = np.array([len(piece) for piece in table], dtype=np.int64)
    first = np.cumsum(size) - size
    flat = tokens.ravel()
    end = np.cumsum(size[flat])
    # Byte b of the output belongs to a token whose bytes begin at ``first`` in the joined table.
    gather = np.repeat(first[flat] - (end - size[flat]), size[flat]) + np.arange(size[flat].sum())
    data = np.frombuffer(b"".join(table), dtype=np.uint8)[gather].tobytes()
    begin = np.concatenate([[0], end])[np.arange(n)[:, None] * length + np.arange(length + 1)]
    return Texts(data, begin)
