"""Features of text one sequence at a time: the obvious Python that text_features.py is measured by.

Each function returns the columns of one family for one sequence, ``tokens`` and the text that they
stand for (``parts``, the bytes of each token). The two tests for templates go through a text as the
published ones do, ``filters/pattern.py`` of github.com/EleutherAI/semantic-memorization, which run
once a row too.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from itertools import pairwise

import zstandard

from memorization.features.compressibility import LEVEL, RAW, zstd_parameters
from memorization.features.surface import CLASSES
from memorization.features.template import LAGS, TERMS

Row = dict[str, float]
MEMBERS = {name: {b for b in range(256) if table[b]} for name, table in CLASSES.items()}


def repetition(tokens: list[int], parts: list[bytes]) -> Row:
    """Return how the tokens repeat."""
    prompt, continuation = tokens[:32], tokens[32:]
    pairs = set(pairwise(prompt))
    edit, common, copy = _tables(prompt, continuation)
    return {
        "prompt_distinct": len(set(prompt)) / 32,
        "continuation_distinct": len(set(continuation)) / 32,
        "sequence_distinct": len(set(tokens)) / 64,
        "longest_run": _longest_run(tokens),
        "prompt_period": _period(prompt),
        "continuation_period": _period(continuation),
        "sequence_period": _period(tokens),
        "prompt_periodicity": _periodicity(prompt, 16),
        "periodicity": _periodicity(tokens, 32),
        "overlap_tokens": sum(token in set(prompt) for token in continuation) / 32,
        "overlap_bigrams": sum(pair in pairs for pair in pairwise(continuation)) / 31,
        "longest_copy": copy,
        "longest_repeat": max(_previous_match(tokens)),
        "edit_distance": edit / 32,
        "common_subsequence": common / 32,
    }


def _longest_run(row: list[int]) -> int:
    longest = run = 1
    for a, b in pairwise(row):
        run = run + 1 if a == b else 1
        longest = max(longest, run)
    return longest


def _period(row: list[int]) -> int:
    return next(p for p in range(1, len(row) + 1) if row[p:] == row[: len(row) - p])


def _periodicity(row: list[int], first: int) -> float:
    places = range(first, len(row))
    return max(sum(row[i] == row[i - p] for i in places) for p in range(1, first + 1)) / len(places)


def _tables(a: list[int], b: list[int]) -> tuple[int, int, int]:
    """Return edit distance, longest common subsequence and longest common run."""
    edit, common, run = list(range(len(b) + 1)), [0] * (len(b) + 1), [0] * (len(b) + 1)
    longest = 0
    for i, x in enumerate(a, 1):
        new_edit, new_common, new_run = [i], [0], [0]
        for j, y in enumerate(b, 1):
            new_edit.append(min(edit[j - 1] + (x != y), edit[j] + 1, new_edit[-1] + 1))
            new_common.append(common[j - 1] + 1 if x == y else max(common[j], new_common[-1]))
            new_run.append(run[j - 1] + 1 if x == y else 0)
        longest = max(longest, max(new_run))
        edit, common, run = new_edit, new_common, new_run
    return edit[-1], common[-1], longest


def _previous_match(row: list[int]) -> list[int]:
    """Return the length of the longest run from each place on that began before."""
    n = len(row)
    match, after = [0] * n, [0] * (n + 1)
    for i in range(n - 1, 0, -1):
        here = [0] * (n + 1)
        for j in range(i):
            if row[i] == row[j]:
                here[j] = after[j + 1] + 1
        match[i] = max(here)
        after = here
    return match


def compressors(tokens: list[int], parts: list[bytes]) -> Row:
    """Return sizes under zlib and zstd: one call a size, here and there."""
    prompt, continuation = b"".join(parts[:32]), b"".join(parts[32:])
    whole = prompt + continuation
    packed = len(zlib.compress(whole, LEVEL, RAW))
    known = zstandard.ZstdCompressionDict(prompt, zstandard.DICT_TYPE_RAWCONTENT)
    parameters = zstd_parameters()
    given = zstandard.ZstdCompressor(dict_data=known, compression_params=parameters)
    alone = zstandard.ZstdCompressor(compression_params=parameters)
    return {
        "zlib_size": packed,
        "zlib_ratio": packed / len(whole),
        "zlib_added": (packed - len(zlib.compress(prompt, LEVEL, RAW))) / len(continuation),
        "zstd_ratio": len(alone.compress(whole)) / len(whole),
        "zstd_added": len(given.compress(continuation)) / len(continuation),
    }


def phrases(tokens: list[int], parts: list[bytes]) -> Row:
    """Return the rest of the family compressibility."""
    match = _previous_match(tokens)
    return {
        "token_entropy": _entropy(tokens),
        "prompt_entropy": _entropy(tokens[:32]),
        "continuation_entropy": _entropy(tokens[32:]),
        "lz_ratio": _phrases(match, 0) / 64,
        "lz_added": _phrases(match, 32) / 32,
    }


def _entropy(symbols: list[int] | bytes) -> float:
    n = len(symbols)
    return -sum(c / n * math.log2(c / n) for c in Counter(symbols).values())


def _phrases(match: list[int], place: int) -> int:
    count = 0
    while place < len(match):
        place += match[place] + 1
        count += 1
    return count


def template(tokens: list[int], parts: list[bytes]) -> Row:
    """Return whether a rule makes the text."""
    text = b"".join(parts).decode("latin-1")  # a character a byte
    middle = len(b"".join(parts[:32]))
    numbers = [
        (m.start(), m.end(), int(m[0], 16 if "x" in m[0].lower() else 10))
        for m in re.finditer(r"(?<![\w\x80-\xff])0[xX][0-9a-fA-F]{1,15}(?![\w\x80-\xff])|\d+", text)
        if m.end() - m.start() <= 18
    ]
    single = [
        (m.start(), m.end(), ord(m[0]))
        for m in re.finditer(r"(?<![\w\x80-\xff])[a-zA-Z](?![\w\x80-\xff])", text)
    ]
    longest = counter = prompt = 0
    covered: set[int] = set()
    for found in (numbers, single):
        for lag in range(1, LAGS + 1):
            terms = [0] * len(found)
            for i in range(2 * lag, len(found)):
                step = found[i][2] - found[i - lag][2]
                if step != 0 and step == found[i - lag][2] - found[i - 2 * lag][2]:
                    terms[i] = max(terms[i - lag] + 1, 3)
                    longest = max(longest, terms[i])
                    counter = max(counter, terms[i] * (abs(step) == 1))
                    prompt = max(prompt, terms[i] * (found[i][1] <= middle))
                    if terms[i] >= TERMS:
                        covered |= set(range(found[i - (terms[i] - 1) * lag][0], found[i][1]))
    return {
        "number_count": len(numbers),
        "progression": longest,
        "prompt_progression": prompt,
        "counter": counter,
        "progression_share": sum(p >= middle for p in covered) / (len(text) - middle),
        "incrementing": _incrementing(_split(text)),
        "repeating": _repeating(text),
    }


def _split(text: str) -> list[int | str]:
    """Cut into numbers and strings (``split_text``)."""
    words = re.sub(r"['\"\\]", "", text).split()
    parts = [part for word in words for part in re.split("([0-9]+)", word) if part]
    return [int(part) if part.isdigit() else part for part in parts]


def _incrementing(splits: list[int | str]) -> bool:
    """Decide whether there is a template that counts (``find_if_incrementing_or_repeating``)."""
    if len(splits) > 4:
        splits = splits[1:-1]
    return any(_counts(splits, size) for size in range(1, len(splits) // 2 + 1))


def _repeating(text: str) -> bool:
    """Decide whether a block repeats, place by place (``find_if_incrementing_or_repeating``)."""
    characters = list(text)
    for size in range(1, len(characters) // 2 + 1):
        is_block = True
        for first in range(size):
            for i in range(first + size, len(characters), size):
                if characters[i] != characters[i - size]:
                    is_block = False
                    break
            if not is_block:
                break
        if is_block:
            return True
    return False


def _counts(splits: list[int | str], size: int) -> bool:
    moves = confirmed = False
    for first in range(size):
        step = None
        for i in range(first + size, len(splits), size):
            before, now = splits[i - size], splits[i]
            if isinstance(now, str) or isinstance(before, str):
                if now != before:
                    return False
            elif step is None:
                step = now - before
                moves |= step != 0
            elif now - before != step:
                return False
            else:
                confirmed = True
    return moves and confirmed


def surface(tokens: list[int], parts: list[bytes]) -> Row:
    """Return what the text looks like."""
    prompt, continuation = b"".join(parts[:32]), b"".join(parts[32:])
    columns: Row = {}
    for part, data in (
        ("prompt", prompt),
        ("continuation", continuation),
        ("sequence", prompt + continuation),
    ):
        for name, members in MEMBERS.items():
            columns[f"{part}_{name}"] = sum(b in members for b in data) / len(data)
        columns[f"{part}_entropy"] = _entropy(data)
    return columns | _structure(prompt + continuation)


def _structure(data: bytes) -> Row:
    text = data.decode("latin-1")
    lines = text.split("\n")
    words = re.findall("[A-Za-z]+", text)
    depth = lowest = highest = 0
    for c in text:
        depth += (c in "([{") - (c in ")]}")
        lowest, highest = min(lowest, depth), max(highest, depth)
    start, end = 0, len(data)
    while start < min(3, len(data)) and data[start] & 0xC0 == 0x80:
        start += 1
    for back in range(1, min(3, end - start) + 1):
        byte = data[end - back]
        if byte & 0xC0 != 0x80:
            width = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            end -= back if width > back else 0
            break
    indented = sum(len(line) - len(line.lstrip(" \t")) for line in lines[1:])
    return {
        "character_count": sum(b & 0xC0 != 0x80 for b in data),
        "cut": (len(data) - end + start) / len(data),
        "line_count": len(lines) - 1,
        "longest_line": max(map(len, lines)),
        "indentation": indented / len(data),
        "word_count": len(words),
        "word_length": sum(map(len, words)) / max(len(words), 1),
        "depth": highest - lowest,
        "unopened": -lowest,
        "unclosed": depth - lowest,
        "url_count": text.count("://"),
        "tag_count": len(re.findall("<[A-Za-z/!?]", text)),
    }


FAMILIES = {
    "repetition": repetition,
    "template": template,
    "compressors": compressors,
    "phrases": phrases,
    "surface": surface,
}
