"""What a suite of models looks like to every later stage, whoever trained it.

A suite is a folder::

    manifest.json            which suite; models from small to large, checkpoint steps, sizes
    tokenizer.json
    evals/MODEL.parquet      index, tokens: positives only, as in pythia-memorized-evals
    MODEL/stepK/             config.json, model.safetensors

and the text: micro has all of its training data (``windows.npy``), Pythia a sample of them (see
:mod:`memorization.suite.pythia`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as parquet
from tokenizers import Tokenizer

if TYPE_CHECKING:
    from transformers import GPTNeoXForCausalLM


@dataclass(frozen=True)
class Suite(ABC):
    """A suite on disk.

    Attributes
    ----------
    folder : where it is.
    manifest : its description, as in ``manifest.json``.
    """

    folder: Path
    manifest: dict[str, Any]

    @property
    def name(self) -> str:
        """``micro`` or ``pythia``."""
        return self.manifest["suite"]

    @property
    def population(self) -> int:
        """Number of sequences that the models are trained on, those of a randomised arm apart."""
        return self.manifest["population"]

    @property
    def population_index(self) -> np.ndarray | None:
        """``index`` of every sequence of the population, sorted; None: not all texts are known."""
        return None

    @property
    def sequences_per_step(self) -> int:
        """Training windows seen in one optimizer step."""
        return self.manifest["sequences_per_step"]

    @property
    def steps(self) -> tuple[int, ...]:
        """Optimizer steps of the checkpoints, ascending; the last is the end of training."""
        return tuple(self.manifest["steps"])

    @cached_property
    def parameters(self) -> dict[str, int]:
        """Model name -> number of parameters, from small to large."""
        return {model["name"]: model["parameters"] for model in self.manifest["models"]}

    @property
    def models(self) -> list[str]:
        """Names of the models, from small to large."""
        return list(self.parameters)

    def smaller(self, target: str) -> list[str]:
        """Return the models with fewer parameters than the target, from small to large."""
        return [name for name in self.models if self.parameters[name] < self.parameters[target]]

    def checkpoint(self, model: str, step: int) -> Path:
        """Return the folder of one checkpoint, as ``from_pretrained`` takes it."""
        return self.folder / model / f"step{step}"

    def has(self, model: str, step: int | None = None) -> bool:
        """Return whether a checkpoint (default: the last) is on disk."""
        return self.checkpoint(model, self.steps[-1] if step is None else step).exists()

    def load(self, model: str, step: int | None = None) -> GPTNeoXForCausalLM:
        """Return a model in evaluation mode, float32, at a checkpoint (default: the last)."""
        # Here, so that stages that load no model need not wait seconds for the import.
        from memorization.suite.checkpoints import load_checkpoint

        return load_checkpoint(self.checkpoint(model, self.steps[-1] if step is None else step))

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the whole suite; token 0 is end-of-text."""
        return Tokenizer.from_file(str(self.folder / "tokenizer.json"))

    def memorized(self, model: str) -> np.ndarray:
        """Return the ``index`` of each sequence that a model has memorized at the end, sorted."""
        table = parquet.read_table(self.folder / "evals" / f"{model}.parquet", columns=["index"])
        return np.sort(table["index"].to_numpy())

    @property
    @abstractmethod
    def pool(self) -> np.ndarray | None:
        """A uniform sample of the population to draw a cohort from, sorted ``index``; None: all."""

    @abstractmethod
    def tokens(self, index: np.ndarray) -> np.ndarray:
        """Return the sequences at some positions of the training order, int32 [n, 64].

        Known for the pool and for what any model has memorized.
        """

    @abstractmethod
    def domains(self, index: np.ndarray) -> np.ndarray:
        """Return the domain of each sequence, object [n]; None where it is not recorded."""

    @property
    @abstractmethod
    def corpus(self) -> np.ndarray:
        """Rows of training text to count over, uint16 [N, T], memory-mapped; T ≥ 64.

        Micro: all of the training data, row = ``index``. Pythia: a sample of them.
        """

    @abstractmethod
    def corpus_rows(self, index: np.ndarray) -> np.ndarray:
        """Return the corpus row that begins with each sequence, int64 [n]; -1 where none does."""

    @property
    def not_studied(self) -> np.ndarray:
        """The sequences that must not be studied, sorted ``index``: those that begin a corpus row.

        Where the corpus is a sample of whole training rows, a studied sequence's own row would be
        in it for some and not for others, and what follows it in its row would be counted for some
        only. Empty where the corpus holds the row of every sequence or of none, and where a row is
        no longer than the sequence.
        """
        return np.empty(0, np.int64)

    @property
    def corpus_step(self) -> np.ndarray | None:
        """The optimizer step that each corpus row is trained on in, int32 [N].

        None where the corpus is not all of the training data.
        """
        return None

    @property
    def corpus_place(self) -> np.ndarray | None:
        """Where each corpus row and its first document begin in the stream, int64 [N, 2], tokens.

        None where it is not known.
        """
        return None

    def document_place(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Return how far into its document each sequence begins and how long that is, int64 [n].

        In tokens; None where it is not known.
        """
        return None

    def epoch(self, index: np.ndarray) -> np.ndarray | None:
        """Return how often the data had been gone through when each sequence was seen, int64 [n].

        None where no sequence is of a second round.
        """
        return None

    def published_duplicates(self, index: np.ndarray) -> np.ndarray | None:
        """Return published counts of each sequence's occurrences, int64 [n]; None: there are none.

        They are of all of the training data.
        """
        return None

    def published_token_counts(self) -> np.ndarray | None:
        """Return published counts of each token in all of the training data, int64 [V], or None."""
        return None

    @abstractmethod
    def context(self, index: np.ndarray) -> np.ndarray | None:
        """Return each sequence's whole training window, uint16 [n, T]; None: not kept."""
