"""What only the weights themselves tell of a checkpoint: `Measured`, with one on disk at a time."""

from __future__ import annotations

import hashlib
import json
import shutil
import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from memorization.errors import UserError
from memorization.files import read_kept, write_json
from memorization.protocol import SEQUENCE
from memorization.suite.hub import Repository, download
from memorization.suite.pythia.checkpoints import download_checkpoint
from memorization.verification.branches import Branch
from memorization.verification.curves import Measured
from memorization.verification.listings import reader
from memorization.verification.pieces import members

# Of nobody's training data, so that no model knows it by heart.
TEXT = """\
The harbour office closed early that Thursday, because the tide tables had been printed with the
wrong month and nobody could say when the ferry from the outer islands would dare the sandbar.
Mirela Oduya, who kept the fuel ledger, wrote to the three skippers that she trusted and asked each
of them for the depth at the second buoy. Two answered within the hour. The first said four metres
and falling; the second said that he had stopped measuring, since his line was tied to a goat. By
evening the ferry came anyway, low in the water, with eleven passengers, a piano and most of a
greenhouse on its deck. The captain had not read the tables at all. He had looked at the birds, he
explained, and the birds were standing.

If a queue holds at most nine parcels and the clerk stamps two a minute, then a cart that brings
twenty must wait until half of them are gone. Suppose instead that a second clerk begins after five
minutes and is slower by a third. The wait becomes shorter, but only for the carts that arrive late,
and the order in which the parcels leave is no longer the order in which they came. Whoever plans
such an office should therefore first decide what is owed to the people in front of it.
"""
# Buffers, which may be saved in one format and not in the other, or with other values.
_BUFFERS = (".attention.bias", ".attention.masked_bias", ".inv_freq")


@dataclass(frozen=True)
class Measuring:
    """How weights are measured: where the model runs, and in which precision."""

    device: torch.device
    dtype: torch.dtype

    def __call__(self, branch: Branch, tokens: Branch | None) -> Measured:
        """Return what is measured of a branch; weights that were measured before are not fetched.

        Parameters
        ----------
        tokens : the branch that has the tokenizer; None: the loss is not measured.

        Raises
        ------
        ValueError
            If no model can be loaded from it.
        UserError
            If the hub fails, or the disk is full.
        """
        at = Repository("model", branch.repository, branch.commit)
        said: list[Any] = [TEXT, str(self), tokens and tokens.files["tokenizer.json"].digest]
        said += sorted(
            (name, file.digest)
            for name, file in branch.files.items()
            if name in branch.weights or name == "config.json"
        )
        key = hashlib.sha256(json.dumps(said).encode()).hexdigest()
        kept = at.cache / "trees" / f"{key}.weights.json"
        with suppress(TypeError):
            return Measured(**read_kept(kept))
        folder = at.cache / "verified"
        download_checkpoint(at, folder)
        try:
            with torch.inference_mode():
                measured = self._measured(folder, branch, at, tokens)
        except (MemoryError, torch.OutOfMemoryError):
            raise UserError(
                f"{branch}: does not fit into memory in {self.dtype} on {self.device.type}; set "
                "pythia.precision or device in params.yaml, or name smaller models with --models"
            ) from None
        finally:
            shutil.rmtree(folder)
        with suppress(OSError):  # then it is fetched again, next time
            write_json(asdict(measured), kept)
        return measured

    def _measured(
        self, folder: Path, branch: Branch, at: Repository, tokens: Branch | None
    ) -> Measured:
        model = _load(folder, self.dtype)
        norms = {
            name: float(torch.linalg.vector_norm(own, dtype=torch.float32))
            for name, own in model.named_parameters()
        }
        not_finite = sorted(name for name, norm in norms.items() if not np.isfinite(norm))
        sequences = None if tokens is None else _sequences(tokens)
        loss = None
        if sequences is not None and not not_finite:
            loss = _loss(model.to(self.device), sequences.to(self.device))
        differing = _differing(folder, branch, at)
        return Measured(float(np.linalg.norm([*norms.values()])), loss, not_finite, differing)


def _load(folder: Path, dtype: torch.dtype) -> Any:
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        answer: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            local_files_only=True,
            output_loading_info=True,
            trust_remote_code=False,
            weights_only=True,
        )
    except Exception as error:  # of half a dozen kinds, by the file that is damaged
        reason = "".join(filter(str.isprintable, " ".join(str(error).split())))[:200]
        if isinstance(error, MemoryError) or "allocate memory" in reason:
            raise MemoryError from None
        raise ValueError(f"cannot be loaded ({reason})") from None
    model, found = answer
    if missing := sorted(map(str, [*found["missing_keys"], *found["mismatched_keys"]])):
        raise ValueError(f"the weights lack {missing[0]}")
    return model.eval()


def _sequences(tokens: Branch) -> torch.Tensor | None:
    """Return the text as whole sequences, int64 [n, 64]; None: it is no tokenizer for it."""
    at = Repository("model", tokens.repository, tokens.commit)
    try:
        tokenizer = Tokenizer.from_file(str(download(at, "tokenizer.json")))
        ids = tokenizer.encode(TEXT, add_special_tokens=False).ids
    except UserError:
        raise
    except Exception:  # the library has no other
        return None
    whole = len(ids) // SEQUENCE
    return torch.tensor(ids[: whole * SEQUENCE]).reshape(whole, SEQUENCE) if whole else None


def _loss(model: Any, sequences: torch.Tensor) -> float:
    if int(sequences.max()) >= model.config.vocab_size:
        raise ValueError("its vocabulary is smaller than that of its tokenizer")
    logits = model(input_ids=sequences[:, :-1], use_cache=False).logits.float()
    return float(
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), sequences[:, 1:].flatten())
    )


def _differing(folder: Path, branch: Branch, at: Repository) -> list[str]:
    """Return the tensors of the safetensors weights that are others in the bin weights.

    Those are not downloaded: a bin file's directory has the bytes and a checksum of each tensor.
    """
    if len(branch.formats) < 2:
        return []
    saved = set[tuple[int, int]]()
    for name in branch.formats["bin"]:
        saved |= members(reader(at, name), branch.files[name].size)
    sizes = {size for size, _ in saved}
    differing = []
    for name in branch.loaded:
        for tensor, values in load_file(folder / name).items():
            content = values.reshape(-1).view(torch.uint8).numpy().data
            is_comparable = len(content) in sizes and not tensor.endswith(_BUFFERS)
            if is_comparable and (len(content), zlib.crc32(content)) not in saved:
                differing.append(tensor)
    return sorted(differing)
