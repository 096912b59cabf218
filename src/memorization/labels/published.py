"""Trajectories without running a model: from evaluations that others published."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from memorization.labels.trajectories import UNKNOWN, Trajectories
from memorization.protocol import CONTINUATION


def published_trajectories(
    index: np.ndarray, evaluations: Mapping[int, np.ndarray], sequences_per_step: int
) -> Trajectories:
    """Return what published evaluations tell of some sequences.

    An evaluation lists the sequences that are memorized at a step, among those trained on by then:
    ``index < sequences_per_step · step`` (``eval_memorization.py`` of EleutherAI/pythia evaluates
    ``1024 · CHECKPOINT`` sequences). So a sequence that is not listed was either not memorized, or
    not evaluated; its match length is not known in either case.

    Parameters
    ----------
    index : int64 [n].
    evaluations : step -> ``index`` of each memorized sequence, in any order.

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
