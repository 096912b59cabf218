"""The study of *when*: the sequences that were followed, with their times and histories."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from memorization.features.exposure import HINDSIGHT
from memorization.labels.trajectories import Trajectories
from memorization.study.histories import Histories
from memorization.study.study import Study


def read_followed(results: str | Path, seed: int, event: str) -> Study:
    """Return the study with event times and histories, and without what only hindsight knows.

    Raises
    ------
    UserError
        If a table is missing or damaged, or they are not of one run.
    """
    steps = Trajectories.read(Path(results, "trajectories.npz")).steps
    study = Study.read(results, seed, event, steps)
    study = replace(study, histories=Histories.read(results, study.index))
    # What is yet to come of the training is not known at any step in the middle of it.
    return study.only(n for n in map(str, study.features) if not n.startswith(HINDSIGHT))
