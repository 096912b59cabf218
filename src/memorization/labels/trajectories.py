"""What is known of every sequence at every evaluated checkpoint."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
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

    @classmethod
    def none(cls, steps: Sequence[int]) -> Trajectories:
        """Return the trajectories of no sequences."""
        empty = np.empty((0, len(steps)))
        return cls(
            np.empty(0, np.int64),
            np.array(steps),
            empty.astype(np.int8),
            empty.astype(np.float32),
            empty.astype(bool),
        )

    def write(
        self,
        path: str | Path,
        arm: Trajectories | None = None,
        runs: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Write all arrays, and ``memorized``, as one ``.npz`` file, whole or not at all.

        Parameters
        ----------
        arm : of the units of the randomised arm, by ``unit``, observed at the same checkpoints;
            named ``arm_…`` in the file.
        runs : what is kept of other runs on the same sequences, by name.
        """
        arrays = {**vars(self), "memorized": self.memorized}
        if arm is not None:
            arrays |= {
                "unit": arm.index,
                "arm_match_length": arm.match_length,
                "arm_continuation_logprob": arm.continuation_logprob,
            }
        arrays |= runs or {}
        with replacing(Path(path)) as partial, partial.open("wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def read(cls, path: str | Path) -> Trajectories:
        """Return the sequences' trajectories in a file.

        Raises
        ------
        UserError
            If the file is missing or damaged.
        """
        return cls(**_arrays(path, [field.name for field in fields(cls)]))

    @classmethod
    def read_arm(cls, path: str | Path) -> Trajectories:
        """Return the trajectories of the arm's units in a file; raises as `read`."""
        names = ["unit", "steps", "arm_match_length", "arm_continuation_logprob"]
        unit, steps, match_length, logprob = _arrays(path, names).values()
        return cls(unit, steps, match_length, logprob, np.ones(match_length.shape, bool))


def read_runs(path: str | Path) -> dict[str, np.ndarray]:
    """Return run -> what it has memorized at the end, bool [n], of the sequences in a file.

    Of a target that is one of several runs. Raises as `Trajectories.read`.
    """
    run, memorized = _arrays(path, ["run", "run_memorized"]).values()
    return dict(zip(run.tolist(), memorized.T, strict=True))


def _arrays(path: str | Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    try:
        # Opened here: of a damaged file, np.load would leave its own open.
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as saved:
            return {name: saved[name] for name in names}
    except FileNotFoundError:
        raise UserError(f"{path}: not found; run `dvc repro labels` to make it") from None
    except (OSError, EOFError, KeyError, ValueError, TypeError, BadZipFile, zlib.error) as error:
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
