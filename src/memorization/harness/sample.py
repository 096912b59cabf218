"""The sequences on which a predictor is asked, where the population is too large to ask of all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memorization.errors import UserError
from memorization.tables import SEQUENCES, SPLITS, read_table

# Folds for the choice of a threshold where no better ones are known.
FOLDS = 5


@dataclass(frozen=True)
class Sample:
    """A weighted sample of the population.

    Attributes
    ----------
    index : int64 [n], ascending.
    weight : float [n], population sequences that a row stands for.
    fold : int [n], of the choice of thresholds.
    cluster : int [n], rows of the same text, resampled whole; None where texts were not compared,
        and then there are no intervals.
    """

    index: np.ndarray
    weight: np.ndarray
    fold: np.ndarray
    cluster: np.ndarray | None = None

    @staticmethod
    def read(study: str | Path) -> Sample:
        """Return the sample that a study drew, from its results folder.

        Parameters
        ----------
        study : folder with ``sequences.parquet``, and ``splits.parquet`` where there is one.

        Raises
        ------
        UserError
            If there is no sample.
        """
        study = Path(study)
        table = read_table(study / "sequences.parquet", SEQUENCES)[["index", "weight"]]
        table = table.sort_values("index", ignore_index=True)
        index, weight = table["index"].to_numpy(), table["weight"].to_numpy()
        if not (study / "splits.parquet").exists():
            return Sample(index, weight, default_fold(index))
        splits = read_table(study / "splits.parquet", SPLITS).sort_values("index")
        if not np.array_equal(splits["index"], index):
            raise UserError(
                f"{study}: sequences.parquet and splits.parquet are of different runs; run "
                "`dvc repro split`"
            )
        return Sample(index, weight, splits["fold"].to_numpy(), splits["cluster"].to_numpy())

    def weights_for(self, memorized: np.ndarray, population: int, positives: int) -> np.ndarray:
        """Return the weights, calibrated to how many sequences a target has memorized.

        The sample was drawn for one target, whose positives it represents exactly. It is a weighted
        sample of the population for any other as well, but recovers the number of its positives
        with error only; as that number is known, the weights of positives and of negatives are
        scaled to it (post-stratification, Holt & Smith 1979). For the target of the study nothing
        changes.

        Parameters
        ----------
        memorized : bool [n], by the target.
        population, positives : number of sequences, and of those that the target has memorized.

        Raises
        ------
        UserError
            If the target has memorized some sequences and the sample holds none of them.
        """
        if positives and not memorized.any():
            raise UserError(
                f"the study's sample holds none of the {positives:,} sequences that this target "
                "has memorized; predict the whole population, or study this target (dvc exp run)"
            )
        weight = self.weight.copy()
        for rows, size in ((memorized, positives), (~memorized, population - positives)):
            if rows.any():
                weight[rows] *= size / weight[rows].sum()
        return weight


def default_fold(index: np.ndarray) -> np.ndarray:
    """Return folds that need no knowledge of the texts, int [n]: every fifth sequence."""
    return index % FOLDS


def studied_target(study: str | Path) -> str | None:
    """Return the name of the target that a results folder is about; None where it does not say."""
    try:
        text = (Path(study) / "metrics" / "labels.json").read_text(encoding="utf-8")
        return json.loads(text).get("target")
    except (FileNotFoundError, json.JSONDecodeError):
        return None
