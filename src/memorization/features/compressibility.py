"""How compressible the sequence's text is: a description of it that needs no model.

Three compressors of different kinds: deflate (zlib: repeats and a Huffman code of bytes), zstd
(repeats and an entropy coder) and the Lempel-Ziv phrases of the tokens, which see repeats only and
no frequencies. What the continuation adds, given the prompt, is with zlib the size of the whole
less that of the prompt; with zstd its size when the prompt is the dictionary; with Lempel-Ziv the
phrases that it takes when phrases of the prompt are known.
"""

from __future__ import annotations

import zlib

import numpy as np
import zstandard
from numba import njit

from memorization.features.family import Family, Inputs, declare
from memorization.features.repetition import previous_match
from memorization.features.text import Texts, TokenTable, in_chunks, texts, token_bytes
from memorization.protocol import PROMPT

LEVEL = 9
RAW = -15  # raw deflate: a header and checksum of 6 bytes would blur texts of 200
ZSTD_LEVEL = 3  # on 170 bytes level 19 saves 3 % more and takes six times as long


def zlib_sizes(data: bytes, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the size in bytes of each text ``data[start[i]:end[i]]`` under deflate, int64 [n]."""
    view, spans = memoryview(data), zip(start.tolist(), end.tolist(), strict=True)
    # zlib takes one text a call; a comprehension keeps everything but the call itself in C.
    sizes = [len(zlib.compress(view[a:b], LEVEL, RAW)) for a, b in spans]
    return np.array(sizes, dtype=np.int64)


def zstd_sizes(data: bytes, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the size in bytes of each text under zstd, without magic number, int64 [n]."""
    sizes = np.zeros(len(start), dtype=np.int64)
    some = np.flatnonzero(end > start)  # the library refuses an empty text, which costs nothing
    if len(some) == 0:
        return sizes
    segments = np.stack([start[some], end[some] - start[some]], axis=1).astype("<u8")
    # All texts in one call: no Python for each.
    found = zstandard.ZstdCompressor(compression_params=zstd_parameters()).multi_compress_to_buffer(
        zstandard.BufferWithSegments(data, segments.tobytes()), threads=1
    )
    sizes[some] = [len(found[i]) for i in range(len(found))]
    return sizes


def zstd_sizes_given(
    data: bytes, start: np.ndarray, middle: np.ndarray, end: np.ndarray
) -> np.ndarray:
    """Return the size of each ``data[middle[i]:end[i]]`` given ``data[start[i]:middle[i]]``.

    In bytes under zstd with the given part as its dictionary, int64 [n].
    """
    parameters, view, sizes = zstd_parameters(), memoryview(data), np.zeros(len(start), np.int64)
    for i, (a, m, b) in enumerate(np.stack([start, middle, end], axis=1).tolist()):
        if b > m:
            known = None
            if m > a:
                known = zstandard.ZstdCompressionDict(data[a:m], zstandard.DICT_TYPE_RAWCONTENT)
            one = zstandard.ZstdCompressor(dict_data=known, compression_params=parameters)
            sizes[i] = len(one.compress(view[m:b]))
    return sizes


def zstd_parameters() -> zstandard.ZstdCompressionParameters:
    """Return the settings of zstd: frames that say nothing but their content."""
    return zstandard.ZstdCompressionParameters.from_level(
        ZSTD_LEVEL,
        format=zstandard.FORMAT_ZSTD1_MAGICLESS,
        write_content_size=False,
        write_dict_id=False,
    )


def token_entropy(tokens: np.ndarray) -> np.ndarray:
    """Return the Shannon entropy of each row's tokens, bits a token, float64 [n]; 0 of no tokens.

    >>> token_entropy(np.array([[1, 1, 2, 2], [3, 3, 3, 3]]))
    array([1., 0.])
    """
    n, length = tokens.shape
    if length == 0:
        return np.zeros(n)
    # A token that occurs c times has c/n of -log2(c/n) bits: one c-th of it at each occurrence.
    bits = np.append(0.0, np.log2(np.arange(1, length + 1)))
    surprise = _looked_up(np.ascontiguousarray(tokens, dtype=np.int32), bits)
    return np.log2(length) - surprise / length


@njit(cache=True)
def _looked_up(tokens: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the sum, over places, of ``values`` at how often the row has its token, [n]."""
    n, length = tokens.shape
    total = np.zeros(n)
    for i in range(n):
        for k in range(length):
            equal = 0
            for j in range(length):
                equal += tokens[i, j] == tokens[i, k]
            total[i] += values[equal]
    return total


@njit(cache=True)
def phrases(match: np.ndarray, first: int = 0) -> np.ndarray:
    """Return the number of Lempel-Ziv phrases that parse the places from ``first`` on, int64 [n].

    A phrase is the shortest run that did not begin earlier in the sequence (Lempel & Ziv 1976); the
    last may be cut. Places before ``first`` are known and cost nothing. ``match`` is int64
    [n, length], as from :func:`memorization.features.repetition.previous_match`.

    >>> match = previous_match(np.array([[0, 0, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 1]]))
    >>> phrases(match)  # 0·001·10·100·1000·101
    array([6])
    """
    n, length = match.shape
    count = np.zeros(n, dtype=np.int64)
    for i in range(n):
        place = first
        while place < length:
            place += match[i, place] + 1
            count[i] += 1
    return count


def byte_features(text: Texts) -> dict[str, np.ndarray]:
    """Return what the compressors of bytes say, float64 [n].

    Of the whole, the compressed size, in bytes, and that over the size; of the continuation, what
    it adds to the prompt over its size. Ratios of short or random text can exceed 1.
    """
    begin, middle, end = text.bounds[:-1], text.middle, text.bounds[1:]
    whole, continuation = np.maximum(end - begin, 1), np.maximum(end - middle, 1)
    size = zlib_sizes(text.data, begin, end)
    return {
        "zlib_size": size.astype(np.float64),
        "zlib_ratio": size / whole,
        "zlib_added": (size - zlib_sizes(text.data, begin, middle)) / continuation,
        "zstd_ratio": zstd_sizes(text.data, begin, end) / whole,
        "zstd_added": zstd_sizes_given(text.data, begin, middle, end) / continuation,
    }


def token_features(tokens: np.ndarray) -> dict[str, np.ndarray]:
    """Return entropies, and phrases a token of the whole and of the continuation, float64 [n].

    Phrases are between 1 / length, roughly, for a constant, and 1 where no token occurs twice.
    """
    length = tokens.shape[1]
    first = min(PROMPT, length)
    match = previous_match(np.ascontiguousarray(tokens, dtype=np.int32))
    return {
        "token_entropy": token_entropy(tokens),
        "prompt_entropy": token_entropy(tokens[:, :PROMPT]),
        "continuation_entropy": token_entropy(tokens[:, PROMPT:]),
        "lz_ratio": phrases(match) / max(length, 1),
        "lz_added": phrases(match, first) / max(length - first, 1),
    }


def compressibility_features(tokens: np.ndarray, table: TokenTable) -> dict[str, np.ndarray]:
    """Return every column of the family for sequences of any one length, arrays [n]."""
    found = byte_features(texts(table, tokens)) | token_features(tokens)
    return {feature.name: found[feature.name] for feature in FAMILY.features}


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    table = TokenTable.of(token_bytes(inputs.tokenizer))
    return in_chunks(lambda tokens: compressibility_features(tokens, table), inputs.tokens)


FAMILY = Family(
    "compressibility",
    (
        *declare("text", "two calls of zlib a sequence", [
            ("zlib_size", "-", "Few bytes are little to store, whatever the number of tokens.",
             "Carlini et al. 2021"),
            ("zlib_ratio", "-", "Compressible text holds little information to be stored.",
             "Carlini et al. 2021"),
            ("zlib_added", "-",
             "Only what the prompt does not tell of the continuation must be stored."),
        ]),
        *declare("text", "counts of the tokens", [
            ("token_entropy", "-", "Many different tokens are many choices to get right.",
             "Prashanth et al. 2025 (Huffman length)"),
            ("prompt_entropy", "?", "A varied prompt singles out its continuation."),
            ("continuation_entropy", "-",
             "A varied continuation is many choices to get right."),
        ]),
        *declare("text", "two calls of zstd a sequence", [
            ("zstd_ratio", "-",
             "A second compressor, which prices symbols more finely than zlib."),
            ("zstd_added", "-",
             "Only what the prompt does not tell of the continuation must be stored."),
        ]),
        *declare("text", "comparison of all pairs of tokens", [
            ("lz_ratio", "-", "Few phrases: most of the sequence was in it before.",
             "Lempel and Ziv 1976"),
            ("lz_added", "-",
             "Every new phrase of the continuation is a choice that the prompt does not make."),
        ]),
    ),
    _compute,
)  # fmt: skip
