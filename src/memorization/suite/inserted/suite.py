"""A suite with inserted texts, on disk: the texts, and how often each was inserted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from memorization.suite.suite import Suite
from memorization.tables import ARM_UNITS, read_table, token_matrix


@dataclass(frozen=True)
class InsertedSuite(Suite):
    """What was published of a randomised insertion. Besides what every suite has::

    arm.parquet         the texts, as `memorization.tables.ARM_UNITS`

    The texts are the population that is studied, and the units of the randomised arm as well:
    ``index`` is ``unit``. The training data are not here, so each text is counted once, and what is
    known of the training data is how often each was inserted. There are no labels, and no models.
    """

    @cached_property
    def texts(self) -> pd.DataFrame:
        """The texts, with the copies that the lottery gave them, whichever run is the target."""
        return read_table(self.folder / "arm.parquet", ARM_UNITS)

    @property
    def arm(self) -> pd.DataFrame | None:
        """The units of the target's run; None: nothing was inserted into it."""
        return self.texts if self.manifest["phase"] else None

    @property
    def arm_pool(self) -> dict[str, int]:
        """How many texts there are, their blocks, and seeds with units of their own."""
        blocks = self.texts["block"].nunique()
        return {"candidates": len(self.texts), "blocks": blocks, "seeds_with_own_units": 1}

    @property
    def pool(self) -> None:
        """All of the texts."""
        return

    @cached_property
    def _tokens(self) -> np.ndarray:
        return token_matrix(self.texts["tokens"])

    def tokens(self, index: np.ndarray) -> np.ndarray:
        """Return the sequences, int32 [n, 64]."""
        return self._tokens[index]

    def domains(self, index: np.ndarray) -> np.ndarray:
        """Return the data set of each text, object [n]."""
        return self.texts["domain"].to_numpy(dtype=object)[index]

    def first_step(self, index: np.ndarray) -> np.ndarray:
        """Return in which step each text is first trained on, int64 [n]; if never, the last."""
        steps = self.texts["exposure_steps"].iloc[index]
        return np.array([min(own, default=self.steps[-1]) for own in steps], np.int64)

    @cached_property
    def corpus(self) -> np.ndarray:
        """The texts, each once, uint16 [N, 64]."""
        return self._tokens.astype(np.uint16)

    def corpus_rows(self, index: np.ndarray) -> np.ndarray:
        """Return the row of each text."""
        return np.asarray(index)

    def published_duplicates(self, index: np.ndarray) -> np.ndarray:
        """Return how often each text was inserted into the target's training, int64 [n]."""
        copies = self.texts["dose"].to_numpy()[index]
        return copies if self.manifest["phase"] else np.zeros_like(copies)

    def context(self, index: np.ndarray) -> None:
        """Return None: the training data are not here."""
        return
