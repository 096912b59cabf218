"""How many tokens a feature needs: what is said of a short text must be true of it.

A feature of the prompt or of the whole is computed over the tokens that are there. One of the
continuation, or of what it owes to the prompt, needs a token after the 32 of the prompt. One that
is not named here needs all 64: counts in a corpus are of n-grams of a full sequence, and a family
that somebody adds is held to be defined for full sequences only, until it says otherwise.
"""

from __future__ import annotations

from memorization.protocol import PROMPT, SEQUENCE

# Families of which every feature is defined from so many tokens on, but for those below.
# The slope of the surprisal is over two continuation tokens at least.
_FAMILIES = {
    "repetition": 1, "template": 1, "compressibility": 1, "surface": 1, "position": 1,
    "register": 1, "layout": 1,
    "surprisal": PROMPT + 2,
}  # fmt: skip
_CONTINUATION = {
    "repetition": ("periodicity", "overlap_tokens", "longest_copy", "common_subsequence"),
    "template": ("progression_share",),
    "compressibility": ("zlib_added", "zstd_added", "lz_added"),
}
_FEATURES = {
    # Tokens of the prompt's second half, compared with those before.
    "repetition.prompt_periodicity": PROMPT // 2 + 1,
    # A pair of tokens of the continuation.
    "repetition.overlap_bigrams": PROMPT + 2,
    # Halves of one length.
    "repetition.edit_distance": SEQUENCE,
    **{f"{family}.{name}": PROMPT + 1 for family, names in _CONTINUATION.items() for name in names},
}


def least_tokens(column: str) -> int:
    """Return the fewest tokens of a text for which a column, ``family.name``, is defined.

    >>> least_tokens("surface.word_count"), least_tokens("surface.continuation_digits")
    (1, 33)
    >>> least_tokens("duplication.sequence_count")
    64
    """
    family, _, name = column.partition(".")
    least = _FEATURES.get(column, _FAMILIES.get(family, SEQUENCE))
    return max(least, PROMPT + 1) if name.startswith("continuation_") else least
