"""Checkpoints on disk, in the layout that ``transformers`` loads."""

from __future__ import annotations

import shutil
from pathlib import Path

from safetensors.torch import load_file, save_file
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

WEIGHTS = "model.safetensors"
# The files of a checkpoint.
CHECKPOINT = ("config.json", WEIGHTS)


def save_checkpoint(model: GPTNeoXForCausalLM, folder: Path) -> None:
    """Save a model as ``config.json`` and ``model.safetensors``, whole or not at all."""
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(partial)
    save_file(model.state_dict(), partial / WEIGHTS, metadata={"format": "pt"})
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)


def load_checkpoint(folder: Path) -> GPTNeoXForCausalLM:
    """Return a saved model in evaluation mode, float32, on the CPU; it knows where it is from."""
    model = GPTNeoXForCausalLM(GPTNeoXConfig.from_pretrained(folder))
    model.name_or_path = str(folder)
    model.load_state_dict(load_file(folder / WEIGHTS))
    model.set_attn_implementation("sdpa")
    return model.eval()
