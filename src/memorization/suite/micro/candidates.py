"""Who can be a unit of the randomised arm: held-out texts that the natural windows do not share.

Nothing here depends on a seed: the pool is the same for all, in a fixed order, and a seed takes a
part of it.
"""

from __future__ import annotations

import numpy as np

from memorization.counting.ngram_index import NgramIndex, mix, slot_counts
from memorization.protocol import END_OF_TEXT, PROMPT
from memorization.randomness import generator
from memorization.suite.micro.corpus import SHARED_TOKENS

_TO_SHARED = (1, 2, 4, 8, SHARED_TOKENS)
# Of the n-gram model: tokens of context that a continuation token is predicted from.
_CONTEXTS = (1, 2, 4, 8)


def unshared(texts: np.ndarray, natural: np.ndarray) -> np.ndarray:
    """Return which texts can be units, bool [n]: no 16-gram of theirs is met but through them.

    A text is taken if it shares no run of 16 tokens with the natural windows or with a text taken
    before it, in the order given, and holds no end-of-text.

    Parameters
    ----------
    texts : integers in 0…65535, [n, 64].
    natural : uint16 [N, T], the windows that are trained on besides the arm's.
    """
    index = NgramIndex(texts, _TO_SHARED)
    slots = index.slot[SHARED_TOKENS]
    taken = slot_counts(index, natural, {SHARED_TOKENS: (0,)})[SHARED_TOKENS, 0] > 0
    chosen = (texts != END_OF_TEXT).all(axis=1) & ~taken[slots].any(axis=1)
    # One by one: whether a text can be taken depends on which were before it.
    for row in np.flatnonzero(chosen).tolist():
        chosen[row] = not taken[slots[row]].any()
        if chosen[row]:
            taken[slots[row]] = True
    return chosen


def foreign_prompts(texts: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Return which texts' first 32 tokens can stand before a unit's continuation, bool [n].

    Those that share no run of 16 tokens with a unit and hold no end-of-text.

    Parameters
    ----------
    texts, units : integers in 0…65535, [n, 64] and [u, 64].
    """
    index = NgramIndex(np.concatenate([texts, units]), _TO_SHARED)
    slots = index.slot[SHARED_TOKENS]
    of_units = np.zeros(index.slots[SHARED_TOKENS], bool)
    of_units[slots[len(texts) :]] = True
    prompts = slots[: len(texts), : PROMPT - SHARED_TOKENS + 1]
    return (texts[:, :PROMPT] != END_OF_TEXT).all(axis=1) & ~of_units[prompts].any(axis=1)


def continuation_surprisal(texts: np.ndarray, natural: np.ndarray) -> np.ndarray:
    """Return the surprisal of each continuation under an n-gram model, nats a token, float64 [n].

    The model is fitted to the natural windows, without the arm: each of the 32 tokens is predicted
    from its 1, 2, 4 and 8 predecessors, mixed as by `memorization.counting.ngram_index.mix`.

    Parameters
    ----------
    texts : integers in 0…65535, [n, 64].
    natural : uint16 [N, T].
    """
    index = NgramIndex(texts, (1, 2, 3, 4, 5, 8, 9))
    rooms: dict[int, tuple[int, ...]] = dict.fromkeys(index.lengths, (0,))
    rooms |= dict.fromkeys(_CONTEXTS, (0, 1))
    counts = slot_counts(index, natural, rooms)
    total, n_types = counts[1, 0].sum(), np.count_nonzero(counts[1, 0])
    p = (counts[1, 0][index.slot[1][:, PROMPT:]] + 1.0) / max(total + n_types, 1)
    for length in _CONTEXTS:
        first = PROMPT - length
        followed = counts[length, 1][index.slot[length][:, first:-1]]
        onward = counts[length + 1, 0][index.slot[length + 1][:, first:]]
        p = mix(onward, followed, p)
    return -np.log(p).mean(axis=1)


def matched_blocks(domain: np.ndarray, surprisal: np.ndarray, size: int) -> np.ndarray:
    """Return blocks of texts alike in domain and surprisal, rows int64 [b, size], in fixed order.

    The texts of a domain, ordered by surprisal, are cut into runs of ``size``; the rest of a
    domain, fewer than that, is left out. The blocks are shuffled by a stream that no seed touches.

    >>> domain, surprisal = np.array(["a", "b", "a", "a", "b", "a"]), np.array([3, 1, 1, 2, 9, 4])
    >>> sorted(matched_blocks(domain, surprisal, 2).tolist())
    [[0, 5], [1, 4], [2, 3]]
    """
    order = np.lexsort((surprisal, domain.astype(str)))
    _, first, count = np.unique(domain[order].astype(str), return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(first, count)
    blocks = order[rank < np.repeat(count // size * size, count)].reshape(-1, size)
    return blocks[generator(0, "arm blocks").permutation(len(blocks))]
