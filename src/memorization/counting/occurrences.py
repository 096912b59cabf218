"""Where the training data hold whole sequences, and in which documents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memorization.counting.ngram_index import NgramIndex, row_blocks
from memorization.protocol import END_OF_TEXT


@dataclass(frozen=True)
class Occurrences:
    """Where n sequences occur in the rows, in their own row too.

    Attributes
    ----------
    sequence, row, offset : int64 [m], an entry for each occurrence of each sequence, ordered by
        sequence, then row, then offset.
    """

    sequence: np.ndarray
    row: np.ndarray
    offset: np.ndarray


def occurrences(windows: np.ndarray, tokens: np.ndarray) -> Occurrences:
    """Return where the sequences occur: whole, anywhere in a row.

    Memory grows with the number of occurrences.

    >>> rows = np.array([[7, 7, 7, 1], [7, 1, 7, 7]], dtype=np.uint16)
    >>> found = occurrences(rows, np.array([[7, 7], [7, 1]]))
    >>> found.sequence.tolist(), found.row.tolist(), found.offset.tolist()
    ([0, 0, 0, 1, 1], [0, 0, 1, 0, 1], [0, 1, 2, 2, 0])

    Parameters
    ----------
    windows : uint16 [N, T].
    tokens : integers in 0…65535, [n, S], 2 ≤ S ≤ T.
    """
    length = tokens.shape[1]
    index = NgramIndex(tokens, [*(2**i for i in range((length - 1).bit_length())), length])
    found = [(np.zeros(0, np.int64),) * 3]
    for start, block in row_blocks(windows):
        *_, whole = index.matches(block)
        found.append((whole.slot, start + whole.row, whole.column))
    slot, row, offset = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(slot, kind="stable")
    # Equal sequences have one slot, and share its occurrences.
    own = index.slot[length][:, 0]
    first, last = (np.searchsorted(slot[order], own, side) for side in ("left", "right"))
    n = last - first
    entry = order[np.repeat(first - (np.cumsum(n) - n), n) + np.arange(n.sum())]
    return Occurrences(np.repeat(np.arange(len(own)), n), row[entry], offset[entry])


def documents(
    windows: np.ndarray, place: np.ndarray, row: np.ndarray, offset: np.ndarray
) -> np.ndarray:
    """Return the document that holds some tokens of the rows: where it begins in the stream.

    Parameters
    ----------
    windows : uint16 [N, T]; a document ends with token 0, and the next begins.
    place : int64 [N, 2], where in the stream of all documents each row's first token is, and where
        the document that holds it begins.
    row, offset : int64 [m], the tokens asked for.

    Returns
    -------
    int64 [m], equal for tokens of one document only.
    """
    width = windows.shape[1]
    ends = [
        start * width + np.flatnonzero(block == END_OF_TEXT) for start, block in row_blocks(windows)
    ]
    # An end before all rows, so that there always is one before.
    end = np.concatenate([np.array([-1]), *ends])
    end = end[np.searchsorted(end, row * width + offset) - 1] - row * width
    return np.where(end >= 0, place[row, 0] + end + 1, place[row, 1])
