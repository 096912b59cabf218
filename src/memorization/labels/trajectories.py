"""What is known of every sequence at every evaluated checkpoint."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from memorization.errors import UserError
from memorization.files import replacing
from memorization.protocol import CONTINUATION

UNKNOWN = -1


@dataclass(frozen=True)
class Trajectories:
    """The evaluations of n sequences at c checkpoints.

    Attributes
    ----------
    index : int64 [n].
    steps : int [c], ascending.
    match_length : int8 [n, c], leading continuation tokens right, 0…32; 32 = memorized. -1 where
        only "not memorized" is known, or nothing.
    continuation_logprob : float32 [n, c], nats; NaN where not known.
    observed : bool [n, c], whether the checkpoint was evaluated on the sequence. A scan observes
        all; published evaluations only what had been trained on by then.
    """

    index: np.ndarray
    steps: np.ndarray
    match_length: np.ndarray
    continuation_logprob: np.ndarray
    observed: np.ndarray

    @property
    def memorized(self) -> np.ndarray:
        """Whether a sequence is memorized at a checkpoint, bool [n, c]; False where unobserved."""
        return self.match_length == CONTINUATION

    def write(self, path: str | Path) -> None:
        """Write all arrays, and ``memorized``, as one ``.npz`` file, whole or not at all."""
        with replacing(Path(path)) as partial, partial.open("wb") as file:
            np.savez_compressed(file, **vars(self), memorized=self.memorized)

    @staticmethod
    def read(path: str | Path) -> Trajectories:
        """Return what `write` wrote.

        Raises
        ------
        UserError
            If the file is missing or damaged.
        """
        try:
            # Opened here: of a damaged file, np.load would leave its own open.
            with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as saved:
                return Trajectories(**{name: saved[name] for name in saved if name != "memorized"})
        except FileNotFoundError:
            raise UserError(f"{path}: not found; run `dvc repro labels` to make it") from None
        except (OSError, EOFError, ValueError, TypeError, BadZipFile, zlib.error) as error:
            reason = " ".join(str(error).split())
            raise UserError(
                f"{path}: damaged ({reason}); run `dvc repro labels` to make it again"
            ) from None


def published_trajectories(
    index: np.ndarray, evaluations: Mapping[int, np.ndarray], sequences_per_step: int
) -> Trajectories:
    """Return what published evaluations tell of some sequences, without running a model.

    An evaluation lists the sequences that are memorized at a step, among those trained on by then:
    ``index < sequences_per_step · step`` (``eval_memorization.py`` of EleutherAI/pythia evaluates
    ``1024 · CHECKPOINT`` sequences). So a sequence that is not listed was either not memorized, or
    not evaluated; its match length is not known in either case. ``evaluations`` are step ->
    ``index`` of each memorized sequence, in any order.

    >>> found = published_trajectories(np.array([3, 9]), {2: np.array([3]), 4: np.array([9])}, 4)
    >>> found.observed.tolist(), found.match_length.tolist()
    ([[True, True], [False, True]], [[32, -1], [-1, 32]])
    """
    steps = np.array(sorted(evaluations))
    observed = index[:, None] < sequences_per_step * steps
    listed = np.stack([np.isin(index, evaluations[step]) for step in steps.tolist()], axis=1)
    return Trajectories(
        index,
        steps,
        np.where(listed & observed, CONTINUATION, UNKNOWN).astype(np.int8),
        np.full(observed.shape, np.nan, np.float32),
        observed,
    )
