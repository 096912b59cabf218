"""The micro suite on disk: all of the training data are known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet

from memorization.protocol import SEQUENCE
from memorization.suite.suite import Suite


@dataclass(frozen=True)
class MicroSuite(Suite):
    """A suite trained here. Besides what every suite has::

    windows.npy         uint16 [N, window]: the training data in training order
    documents.parquet   for each window, where its first token comes from
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

    @property
    def population_index(self) -> np.ndarray:
        """The ``index`` of every sequence of the population, int64 [population], ascending."""
        return np.arange(self.population)

    @property
    def pool(self) -> None:
        """None: the cohort is drawn from all."""
        return None

    def tokens(self, index: np.ndarray) -> np.ndarray:
        """Return the sequences, int32 [n, 64]."""
        return self.windows[index, :SEQUENCE].astype(np.int32)

    def domains(self, index: np.ndarray) -> np.ndarray:
        """Return the domain of each sequence, object [n]."""
        return self.documents["domain"].to_numpy(dtype=object)[index]

    @property
    def corpus(self) -> np.ndarray:
        """All of the training data, uint16 [N, window]."""
        return self.windows

    def corpus_rows(self, index: np.ndarray) -> np.ndarray:
        """Return ``index``: row and position are the same."""
        return index

    @property
    def corpus_step(self) -> np.ndarray:
        """The optimizer step that each window is trained on in, int32 [N]."""
        row = np.arange(self.population, dtype=np.int32)
        return row // np.int32(self.sequences_per_step) + np.int32(1)

    @property
    def corpus_place(self) -> np.ndarray:
        """Where each window and the document it begins in begin in the stream, int64 [N, 2]."""
        place = self.documents["place"].to_numpy()
        return np.stack([place, place - self.documents["offset"].to_numpy()], axis=1)

    def document_place(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the tokens before each sequence in its document, and of that, int64 [n]."""
        documents = self.documents.iloc[index]
        return documents["offset"].to_numpy(), documents["length"].to_numpy()

    def context(self, index: np.ndarray) -> np.ndarray:
        """Return each sequence's training window, uint16 [n, window]."""
        return self.windows[index]
