"""Are the checkpoints of a scan as many different models?

Not all revisions of a published model hold what their names say: of pythia-2.8b (v1), 86 of 154
serve weights of the end of training (github.com/EleutherAI/pythia, issues 195 and 205). A
mixture of two checkpoints, as reported of two steps of pythia-12b (issue 206), is not found so.
"""

from __future__ import annotations

import sys

import numpy as np


def repeated_checkpoints(steps: np.ndarray, logprob: np.ndarray) -> list[list[int]]:
    """Return the groups of steps at which a scan found exactly the same.

    Parameters
    ----------
    steps : int [c].
    logprob : float32 [n, c], of each continuation; two models that are not the same do not agree
        on all of them to the last bit.

    >>> logprob = np.array([[-1.5, -2.0, -1.5], [-3.0, -1.0, -3.0]])
    >>> repeated_checkpoints(np.array([1, 2, 3]), logprob)
    [[1, 3]]
    """
    if not logprob.size:
        return []
    _, group = np.unique(logprob, axis=1, return_inverse=True)
    members = (steps[group.reshape(-1) == g].tolist() for g in range(group.max() + 1))
    return sorted(steps for steps in members if len(steps) > 1)


def warn_if_any(repeated: list[list[int]], target: str) -> None:
    """Say so, loudly, on standard error, when checkpoints of different steps are the same model."""
    if not repeated:
        return
    line = "!" * 90
    groups = "\n".join(", ".join(map(str, group)) for group in repeated)
    print(
        f"{line}\nWARNING: of {target}, the checkpoints of these steps are one and the same "
        f"model:\n{groups}\nNot all can be what their names say, so times between them mean "
        "nothing.\nScan others (labels.checkpoints), or another release (pythia.models).\n"
        f"{line}",
        file=sys.stderr,
        flush=True,
    )
