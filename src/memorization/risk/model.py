"""A text model that is shipped: fitted to labels of a language model, it scores any text.

It is the bag of n-grams of `memorization.whether.models.ngrams`, of text in which every run of
white space is one space: formatting tells how a table of labels was collected rather than what is
memorized. A model is a folder of two files: ``text.npz``, numbers alone, and ``card.json``, which
says what it was fitted to, how well it told texts that it had not seen, and what it knows nothing
of. Of the texts themselves it keeps digests, by which those that it was fitted to are recognised.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numba import njit

from memorization.errors import UserError
from memorization.files import read_kept, replacing, write_json
from memorization.whether.models.ngrams import LONGEST, Bag, NGrams, hashed_counts

WEIGHTS, CARD = "text.npz", "card.json"
SCHEMA = 1
# What a card must say; the rest is for people.
SAYS = ("about", "untested", "n", "cases", "prevalence", "auroc", "calibration", "texts")
# Runs of characters that are named as reasons.
REASONS = 3
# What is scored to see whether the code counts as it did when the model was made.
PROBE = 'The quick brown fox {"id": 0, "name": null} 1, 2, 3, 4, 5'
# Texts of one window that are scored at once.
TEXTS = 4096
# Characters by which a text is recognised, though it is cut elsewhere or spaced in another way.
BEGINNING = 64


@dataclass(frozen=True)
class Scored:
    """What the model says of n texts.

    Attributes
    ----------
    characters : int64 [n], of the plain text.
    log_odds : float64 [n], calibrated, of being memorized in a table such as it was fitted to.
    unknown : float64 [n], share of the runs of characters that it knows nothing of.
    reasons : int64 [n, REASONS], the words of the bag that moved the log-odds most, -1 for none.
    moved : float64 [n, REASONS], by how much.
    """

    characters: np.ndarray
    log_odds: np.ndarray
    unknown: np.ndarray
    reasons: np.ndarray
    moved: np.ndarray


@dataclass(frozen=True)
class TextModel:
    """A logistic regression on the runs of one to three bytes of a text.

    Attributes
    ----------
    bag : its words.
    runs : object [w], the bytes that each word of the bag stands for most often.
    slope : float64 [w].
    intercept : of the log-odds before calibration.
    fitted_to : uint32 [n], ascending: `digests` of the texts.
    card : what is told of the model; see `memorization.validation.models`.
    """

    bag: Bag
    runs: np.ndarray
    slope: np.ndarray
    intercept: float
    fitted_to: np.ndarray
    card: dict[str, Any]

    @classmethod
    def of(cls, fitted: NGrams, texts: np.ndarray, card: dict[str, Any]) -> Self:
        """Return a fitted model with its card; texts, object [n] of bytes, name its words."""
        slope = fitted.regression.coef_[0].astype(np.float64)
        own = cls(
            fitted.bag,
            _runs(texts, fitted.bag.words),
            slope,
            float(fitted.regression.intercept_[0]),
            np.unique(digests([text.decode("utf-8", "replace") for text in texts])),
            card,
        )
        (probe,) = own.scored([PROBE]).log_odds
        return replace(own, card=card | {"probe": float(probe)})

    def scored(self, texts: Sequence[str]) -> Scored:
        """Return what the model says of texts, each as long as one window."""
        plains = [plain(text) for text in texts]
        parts = [
            self._part([text.encode() for text in plains[start : start + TEXTS]])
            for start in range(0, len(texts), TEXTS)
        ]
        characters = np.array([len(text) for text in plains], np.int64)
        empty = (np.zeros(0), np.zeros(0), np.zeros((0, REASONS), np.int64), np.zeros((0, REASONS)))
        joined = (np.concatenate(own) for own in zip(empty, *parts, strict=True))
        return Scored(characters, *joined)

    def _part(self, texts: list[bytes]) -> tuple[np.ndarray, ...]:
        # An empty text ends them and is left out: `Bag.weigh` rounds the last row in another way,
        # and equal texts must have equal scores.
        counts = hashed_counts(np.array([*texts, b""], dtype=object))
        words = self.bag.weigh(counts)
        moved = words.data * self.slope[words.indices]
        calibration = self.card["calibration"]
        raw = words @ self.slope + self.intercept
        runs = np.diff(counts.indptr)
        unknown = 1 - np.diff(words.indptr) / np.maximum(runs, 1)
        log_odds = calibration["intercept"] + calibration["slope"] * raw
        reasons = _largest(words.indptr, words.indices, moved)
        return tuple(found[:-1] for found in (log_odds, unknown, *reasons))

    def named(self, found: Scored, row: int) -> list[str]:
        """Return the reasons of a row in words, the one that moved it most first."""
        return [
            f"{'raised' if moved > 0 else 'lowered'} by {_shown(self.runs[word])}"
            for word, moved in zip(found.reasons[row], found.moved[row], strict=True)
            if word >= 0
        ]

    def unlike(self, found: Scored) -> list[str]:
        """Return how each text differs from those that it was fitted to; nothing: it does not."""
        known = self.card["texts"]
        flags = {
            "shorter than 99 of 100 texts that the model was fitted to": found.characters
            < known["characters"]["low"],
            "made of characters or of a language that the model hardly knows": found.unknown
            > known["unknown"],
        }
        return [
            "; ".join(said for said, holds in zip(flags, own, strict=True) if holds)
            for own in zip(*(flag.tolist() for flag in flags.values()), strict=True)
        ]

    def save(self, folder: Path) -> None:
        """Write the model's folder: the same bytes for the same model."""
        arrays = {
            "words": self.bag.words.astype(np.int32),
            "rarity": self.bag.rarity,
            "slope": self.slope,
            "runs": _packed(self.runs),
            "fitted_to": self.fitted_to,
        }
        with replacing(folder / WEIGHTS) as partial, zipfile.ZipFile(partial, "w") as archive:
            for name, values in arrays.items():
                member = zipfile.ZipInfo(f"{name}.npy")
                member.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(member, "w") as file:
                    np.lib.format.write_array(
                        file, np.ascontiguousarray(values), allow_pickle=False
                    )
        card = {"schema": SCHEMA, "intercept": self.intercept} | self.card
        write_json(card, folder / CARD, indent=2)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the model in a folder; nothing in it is run.

        Raises
        ------
        UserError
            If there is none, it is damaged, or it was made by code that counted otherwise.
        """
        card = read_kept(folder / CARD)
        if not card:
            raise UserError(
                f"{folder}: no text model here; `memorization validate LABELLED --model FOLDER` "
                "makes one of labelled texts"
            )
        try:
            with np.load(folder / WEIGHTS, allow_pickle=False) as saved:
                bag = Bag(saved["words"].astype(np.int64), saved["rarity"])
                runs, slope = _unpacked(saved["runs"]), saved["slope"]
                fitted_to = saved["fitted_to"]
            if lacking := [name for name in SAYS if name not in card]:
                raise ValueError(f"{CARD} lacks {lacking[0]}")
            own = cls(bag, runs, slope, card["intercept"], fitted_to, card)
            (probe,) = own.scored([PROBE]).log_odds
            is_same = card["schema"] == SCHEMA and np.isclose(probe, card["probe"], rtol=1e-9)
        except Exception as error:  # a file from elsewhere can be wrong in any way
            reason = " ".join(str(error).split()) or type(error).__name__
            raise UserError(
                f"{folder}: not a text model that can be read ({reason}); make it again with "
                "`memorization validate --model`"
            ) from None
        if not is_same:
            raise UserError(
                f"{folder}: made by another version of this code; make it again with `memorization "
                "validate --model`"
            )
        return own


def plain(text: str) -> str:
    r"""Return a text with every run of white space made one space, and none at its ends.

    >>> plain(" a\n\t b ")
    'a b'
    """
    return " ".join(text.split())


def digests(texts: Sequence[str]) -> np.ndarray:
    r"""Return the digest of how each plain text begins, uint32 [n].

    >>> one, other = digests(["a " * 40 + "b", "\ta\n" + "a " * 39 + "c"])
    >>> bool(one == other)
    True
    """
    found = [
        hashlib.blake2b(plain(text)[:BEGINNING].encode("utf-8", "replace"), digest_size=4).digest()
        for text in texts
    ]
    return np.frombuffer(b"".join(found), "<u4")


def _shown(run: bytes) -> str:
    return f"“{run.decode('utf-8', 'replace')}”"


def _runs(texts: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Return the commonest run of bytes of each word, object [w]: several may share a bucket."""
    data = np.frombuffer(b"\n".join(texts) + b"\n" * LONGEST, np.uint8).astype(np.int64)
    often: dict[bytes, int] = {}
    for length in range(1, LONGEST + 1):
        code = np.zeros(len(data) - LONGEST, np.int64)
        for place in range(length):
            code = (code << 8) + data[place : place + len(code)]
        found, counts = np.unique(code, return_counts=True)
        for run, count in zip(found.tolist(), counts.tolist(), strict=True):
            often[run.to_bytes(length, "big")] = count
    # Plain text has no line break: a run that holds one spans two texts.
    runs = sorted((run for run in often if b"\n" not in run), key=lambda run: (often[run], run))
    hashed = hashed_counts(np.array([*runs, b""], dtype=object)[:-1])
    # A run of n bytes is the n-th that is met in itself.
    buckets = hashed.indices[hashed.indptr[:-1] + [len(run) - 1 for run in runs]]
    named = dict(zip(buckets.tolist(), runs, strict=True))  # of a bucket, the commonest stays
    return np.array([named.get(word, b"") for word in words.tolist()] + [b""], dtype=object)[:-1]


def _packed(runs: np.ndarray) -> np.ndarray:
    """Return runs of bytes as uint8 [w, 1 + LONGEST]: how many, and they."""
    packed = np.zeros((len(runs), 1 + LONGEST), np.uint8)
    packed[:, 0] = [len(run) for run in runs]
    flat = b"".join(run.ljust(LONGEST, b"\0") for run in runs)
    packed[:, 1:] = np.frombuffer(flat, np.uint8).reshape(-1, LONGEST)
    return packed


def _unpacked(packed: np.ndarray) -> np.ndarray:
    runs = [row[1 : 1 + row[0]] for row in map(bytes, packed)]
    return np.array([*runs, b""], dtype=object)[:-1]


@njit(cache=True)
def _largest(
    starts: np.ndarray, words: np.ndarray, moved: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return of each row the `REASONS` words that moved it most, and by how much; -1: no more."""
    n = len(starts) - 1
    best, by = np.full((n, REASONS), -1, np.int64), np.zeros((n, REASONS))
    for row in range(n):
        for at in range(starts[row], starts[row + 1]):
            word, move = words[at], moved[at]
            for place in range(REASONS):
                if abs(move) > abs(by[row, place]):
                    # It takes this place, and what was there moves on to the next.
                    best[row, place], word = word, best[row, place]
                    by[row, place], move = move, by[row, place]
    return best, by
