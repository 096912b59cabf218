"""The micro suite on disk: all of the training data are known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet

from memorization.files import read_json
from memorization.protocol import SEQUENCE
from memorization.suite.suite import Suite
from memorization.tables import ARM_UNITS, read_table


@dataclass(frozen=True)
class MicroSuite(Suite):
    """A suite trained here. Besides what every suite has::

    windows.npy         uint16 [N, window]: the training data in training order
    documents.parquet   for each window, where its first token comes from
    arm.parquet         the units of the randomised arm; not there where it is off
    arm.json            how many texts could be units

    Windows of the arm are trained on, and have an ``index`` as all have, but are not of the
    population: they are neither studied nor counted in.
    """

    @cached_property
    def windows(self) -> np.ndarray:
        """The training data, uint16 [N, window], memory-mapped; row = ``index``."""
        return np.load(self.folder / "windows.npy", mmap_mode="r")

    @cached_property
    def documents(self) -> pd.DataFrame:
        """The document that holds each window's first token; lengths are in tokens.

        Columns: ``index``, ``window`` (its number in the stream of all documents, whatever the
        seed), ``domain``, ``document`` (its place in the corpus), ``offset`` (of the window's first
        token in it), ``length`` (with its end-of-text), ``place`` (of the window's first token in
        the stream). Of a window of the randomised arm ``window``, ``document`` and ``place`` are
        -1.
        """
        return parquet.read_table(self.folder / "documents.parquet").to_pandas()

    @cached_property
    def arm(self) -> pd.DataFrame | None:
        """The units of the randomised arm, as `memorization.tables.ARM_UNITS`; None: it is off."""
        return read_table(self._arm_path, ARM_UNITS) if self._arm_path.exists() else None

    @property
    def arm_pool(self) -> dict[str, int]:
        """How many texts could be units, their blocks, and seeds with units of their own."""
        return read_json(self.folder / "arm.json")

    @property
    def _arm_path(self) -> Path:
        return self.folder / "arm.parquet"

    @cached_property
    def population_index(self) -> np.ndarray:
        """``index`` of every natural window, int64 [population], sorted."""
        if not self._arm_path.exists():
            return np.arange(self.population)
        return np.flatnonzero(self.documents["window"].to_numpy() >= 0)

    @property
    def pool(self) -> np.ndarray | None:
        """The natural windows; None, all, where the arm is off."""
        return self.population_index if self._arm_path.exists() else None

    def tokens(self, index: np.ndarray) -> np.ndarray:
        """Return the sequences, int32 [n, 64]."""
        return self.windows[index, :SEQUENCE].astype(np.int32)

    def domains(self, index: np.ndarray) -> np.ndarray:
        """Return the domain of each sequence, object [n]."""
        return self.documents["domain"].to_numpy(dtype=object)[index]

    @cached_property
    def corpus(self) -> np.ndarray:
        """The natural training data, uint16 [population, window], in training order."""
        return self.windows if self.pool is None else self.windows[self.population_index]

    def corpus_rows(self, index: np.ndarray) -> np.ndarray:
        """Return which row of the corpus each natural window is; -1 for one of the arm."""
        row = np.searchsorted(self.population_index, index)
        inside = np.minimum(row, self.population - 1)
        return np.where(self.population_index[inside] == index, inside, -1)

    @property
    def corpus_step(self) -> np.ndarray:
        """The optimizer step that each natural window is trained on in, int32 [population]."""
        return (self.population_index // self.sequences_per_step + 1).astype(np.int32)

    @property
    def corpus_place(self) -> np.ndarray:
        """Where each natural window and its first document begin in the stream, int64 [n, 2]."""
        documents = self.documents.iloc[self.population_index]
        place = documents["place"].to_numpy()
        return np.stack([place, place - documents["offset"].to_numpy()], axis=1)

    def document_place(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the tokens before each sequence in its document, and of that, int64 [n]."""
        documents = self.documents.iloc[index]
        return documents["offset"].to_numpy(), documents["length"].to_numpy()

    def context(self, index: np.ndarray) -> np.ndarray:
        """Return each sequence's training window, uint16 [n, window]."""
        return self.windows[index]
