"""In which step a run with an order of its own was trained on a sequence of another's order.

GPT-NeoX shuffles the documents, lays them end to end, cuts that into samples, and shuffles these
(megatron/data/gpt2_dataset.py, ``_build_index_mappings``). Three maps say how: ``doc_idx`` the
document at each place, ``sample_idx`` the place and the token in it at which each sample begins,
and ``shuffle_idx`` the sample in each training row. So a sequence that begins a row of one run is
anywhere in a row of another, is cut by a border there, or is in none that is trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memorization.errors import UserError
from memorization.protocol import END_OF_TEXT, SEQUENCE
from memorization.suite.hub import Repository, download

MAPS = ("doc", "sample", "shuffle")
# Entries of a map that are searched at a time.
BLOCK = 1 << 24


@dataclass(frozen=True)
class Order:
    """The order of a run's training data, memory-mapped.

    Attributes
    ----------
    doc : int [documents], the document at each place.
    sample : int [samples + 1, 2], the place and the token in it at which each sample begins.
    shuffle : int [samples], the sample in each training row.
    """

    doc: np.ndarray
    sample: np.ndarray
    shuffle: np.ndarray


def read_order(repository: Repository, run: str) -> Order:
    """Return the order of a run, downloaded to the hub client's cache: 2.8 GB of Pythia's.

    Raises
    ------
    UserError
        If the hub fails or lacks a map, or the maps are not what they should be.
    """
    paths = [_only(repository, f"{run}/*_{name}_idx.npy") for name in MAPS]
    try:
        order = Order(*(np.load(path, mmap_mode="r", allow_pickle=False) for path in paths))
    except (OSError, ValueError) as error:
        raise UserError(f"{repository}: {run}: no map of an order ({error})") from None
    n, n_docs = len(order.shuffle), len(order.doc)
    shapes = (order.doc.shape, order.sample.shape, order.shuffle.shape)
    if shapes != ((n_docs,), (n + 1, 2), (n,)):
        raise UserError(
            f"{repository}: {run}: maps of the shapes {shapes} do not belong together; pin another "
            "commit in pythia.revisions, or set pythia.order to false"
        )
    return order


def _only(repository: Repository, pattern: str) -> Path:
    found = repository.matching(pattern)
    if len(found) > 1:
        raise UserError(f"{repository}: {len(found)} files match '{pattern}'; there must be one")
    return download(repository, found[0])


def steps_in(
    run: Order,
    base: Order,
    index: np.ndarray,
    tokens: np.ndarray,
    population: int,
    sequences_per_step: int,
) -> np.ndarray:
    """Return in which step a run was trained on sequences of another, int32 [n]; 0 in none.

    None, too, where the run has the sequence in pieces: cut by a border of its rows, or of two
    documents, which have other neighbours there.

    Parameters
    ----------
    base : the order in which ``index``, int64 [n], counts the rows that the sequences begin.
    tokens : int [n, 64], theirs.
    population : training rows of a run; what its order has beyond them is never read.
    """
    place, offset = base.sample[base.shuffle[index].astype(np.int64)].astype(np.int64).T
    own = where(run.doc, base.doc[place])
    sample = sample_of(run.sample, own, offset)
    end_place, end_offset = run.sample[sample + 1].astype(np.int64).T
    # A sample ends with the token that the next begins with.
    inside = (own < end_place) | (offset + SEQUENCE - 1 <= end_offset)
    whole = (tokens[:, :-1] != END_OF_TEXT).all(axis=1)
    row = where(run.shuffle, sample)
    seen = whole & inside & (row < population)
    return np.where(seen, row // sequences_per_step + 1, 0).astype(np.int32)


def sample_of(sample: np.ndarray, place: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return which sample holds a token of the document at a place, int64 [n].

    >>> sample = np.array([[0, 0], [0, 8], [2, 3], [4, 1]])
    >>> sample_of(sample, np.array([0, 0, 2]), np.array([7, 8, 2]))
    array([0, 1, 1])
    """
    low, high = np.zeros(len(place), np.int64), np.full(len(place), len(sample) - 1)
    # Bisection, since the map is larger than memory.
    while (low + 1 < high).any():
        middle = (low + high) // 2
        at, token = sample[middle].astype(np.int64).T
        before = (at < place) | ((at == place) & (token <= offset))
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    return low


def where(permutation: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the place of each wanted number in a permutation, int64 [n].

    >>> where(np.array([2, 0, 1]), np.array([0, 2, 0]))
    array([1, 0, 1])
    """
    numbers, inverse = np.unique(wanted, return_inverse=True)
    places = np.zeros(len(numbers), np.int64)
    for start in range(0, len(permutation), BLOCK):
        block = permutation[start : start + BLOCK]
        found = np.minimum(np.searchsorted(numbers, block), len(numbers) - 1)
        hits = np.flatnonzero(numbers[found] == block)
        places[found[hits]] = start + hits
    return places[inverse.reshape(-1)]
