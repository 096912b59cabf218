"""What a suite of models looks like to every later stage.

The layout mirrors what EleutherAI published for Pythia: the data in training order, checkpoints
that ``transformers`` loads, and for each model the sequences memorized at the end::

    manifest.json            models from small to large, checkpoint steps, sizes
    tokenizer.json
    windows.npy              uint16 [N, window]: the training data in training order
    domains.parquet          index, domain: where each window's first token comes from
    evals/MODEL.parquet      index, tokens: positives only, as in pythia-memorized-evals
    MODEL/stepK/             config.json, model.safetensors
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as parquet
from tokenizers import Tokenizer

from memorization.errors import UserError

if TYPE_CHECKING:
    from transformers import GPTNeoXForCausalLM


@dataclass(frozen=True)
class Suite:
    """A suite on disk.

    Attributes
    ----------
    folder : where it is.
    parameters : model name -> number of parameters, from small to large.
    steps : optimizer steps of the checkpoints, ascending; the last is the end of training.
    sequences_per_step : windows seen in one optimizer step.
    """

    folder: Path
    parameters: dict[str, int]
    steps: tuple[int, ...]
    sequences_per_step: int

    @classmethod
    def read(cls, folder: str | Path) -> Suite:
        """Return the suite in a folder.

        Raises
        ------
        UserError
            If there is none.
        """
        folder = Path(folder)
        try:
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UserError(f"{folder}: no suite here; run `dvc repro suite` to make it") from None
        except json.JSONDecodeError as error:
            raise UserError(
                f"{folder}/manifest.json: damaged ({error}); run the suite again"
            ) from None
        return cls(
            folder,
            {model["name"]: model["parameters"] for model in manifest["models"]},
            tuple(manifest["steps"]),
            manifest["sequences_per_step"],
        )

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

    def load(self, model: str, step: int | None = None) -> GPTNeoXForCausalLM:
        """Return a model in evaluation mode, float32, at a checkpoint (default: the last)."""
        # Here, so that stages that load no model need not wait seconds for the import.
        from memorization.suite.checkpoints import load_checkpoint

        return load_checkpoint(self.checkpoint(model, self.steps[-1] if step is None else step))

    @cached_property
    def windows(self) -> np.ndarray:
        """The training data, uint16 [N, window], memory-mapped; row = ``index``."""
        return np.load(self.folder / "windows.npy", mmap_mode="r")

    @cached_property
    def domains(self) -> np.ndarray:
        """The domain of each window, object [N]."""
        return parquet.read_table(self.folder / "domains.parquet")["domain"].to_pandas().to_numpy()

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the whole suite; token 0 is end-of-text."""
        return Tokenizer.from_file(str(self.folder / "tokenizer.json"))

    def memorized(self, model: str) -> np.ndarray:
        """Return the ``index`` of each sequence that a model has memorized at the end, sorted."""
        table = parquet.read_table(self.folder / "evals" / f"{model}.parquet", columns=["index"])
        return np.sort(table["index"].to_numpy())
