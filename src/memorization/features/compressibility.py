"""How compressible the sequence's text is: a description of it that needs no model."""

from __future__ import annotations

import zlib

import numpy as np

from memorization.features.family import Family, Feature, Inputs
from memorization.features.text import Texts, texts, token_bytes
from memorization.protocol import PROMPT

LEVEL = 9
RAW = -15  # raw deflate: a header and checksum of 6 bytes would blur texts of 200


def compressed_sizes(data: bytes, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the size in bytes of each text ``data[start[i]:end[i]]`` under deflate, int64 [n].

    >>> varied, constant = compressed_sizes(b"abcdefaaaaaa", np.array([0, 6]), np.array([6, 12]))
    >>> bool(varied > constant)
    True
    """
    view = memoryview(data)
    # zlib takes one text a call; a comprehension keeps everything but the call itself in C.
    return np.array(
        [
            len(zlib.compress(view[a:b], LEVEL, RAW))
            for a, b in zip(start.tolist(), end.tolist(), strict=True)
        ],
        dtype=np.int64,
    )


def token_entropy(tokens: np.ndarray) -> np.ndarray:
    """Return the Shannon entropy of each row's tokens, bits a token, float64 [n].

    >>> token_entropy(np.array([[1, 1, 2, 2], [3, 3, 3, 3]]))
    array([1., 0.])
    """
    n, length = tokens.shape
    ordered = np.sort(tokens, axis=1)
    is_start = np.ones((n, length), dtype=bool)
    is_start[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    begin = np.flatnonzero(is_start)
    count = np.diff(np.append(begin, n * length))
    bits = np.bincount(begin // length, weights=count * np.log2(count), minlength=n)
    return np.log2(length) - bits / length


def zlib_features(text: Texts) -> dict[str, np.ndarray]:
    """Return sizes and compression ratios of 64-token texts, arrays [n].

    ``bytes`` is the size of the text; ``zlib_ratio`` its compressed size over its size;
    ``zlib_added`` the compressed bytes that the continuation adds to the prompt's, over the
    continuation's size. Ratios of short or random text can exceed 1.
    """
    begin, middle, end = text.start[:, 0], text.start[:, PROMPT], text.start[:, -1]
    whole = compressed_sizes(text.data, begin, end)
    prompt = compressed_sizes(text.data, begin, middle)
    return {
        "bytes": end - begin,
        "zlib_ratio": whole / np.maximum(end - begin, 1),
        "zlib_added": (whole - prompt) / np.maximum(end - middle, 1),
    }


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    text = texts(token_bytes(inputs.tokenizer), inputs.tokens)
    return zlib_features(text) | {"token_entropy": token_entropy(inputs.tokens)}


FAMILY = Family(
    "compressibility",
    (
        Feature(
            "bytes",
            "text",
            "Long tokens are frequent strings: the tokenizer has learnt the text already.",
            "+",
            "this work",
        ),
        Feature(
            "zlib_ratio",
            "text",
            "Compressible text holds little information to be stored.",
            "-",
            "Carlini et al. 2021",
        ),
        Feature(
            "zlib_added",
            "text",
            "Only what the prompt does not tell of the continuation must be stored.",
            "-",
            "this work",
        ),
        Feature(
            "token_entropy",
            "text",
            "Many different tokens are many choices to get right.",
            "-",
            "Prashanth et al. 2024 (Huffman length)",
        ),
    ),
    _compute,
)
