"""The model whose surprisal is computed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from memorization.errors import UserError
from memorization.features.own.reading import readable
from memorization.protocol import SEQUENCE

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_reference(folder: Path, device: str = "cpu") -> PreTrainedModel:
    """Return a causal language model in evaluation mode, float32.

    Its folder holds ``config.json`` and weights in safetensors, as ``save_pretrained`` leaves them,
    of any architecture that transformers knows itself: code that comes with a model is not run.
    Raises a UserError if there is no such model, weights are missing or no numbers, it takes fewer
    than 63 tokens, or its logits are not simply its head on its last hidden state.
    """
    # Here, because they take seconds, which who asks for no reference should not wait.
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    from memorization.suite.device import choose_device

    if not (folder / "config.json").is_file():
        raise UserError(f"{folder}: no model here; it must hold config.json and model.safetensors")
    # What it would report is checked here.
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    with readable(folder, "model that can be loaded"):
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
        )
    model, found = loaded
    if found["missing_keys"]:
        some = ", ".join(sorted(found["missing_keys"])[:3])
        raise UserError(f"{folder}: weights are missing: {some}")
    if not all(torch.isfinite(weights).all() for weights in model.parameters()):
        raise UserError(f"{folder}: has weights that are no numbers (NaN or infinite); get it anew")
    model.eval()
    # As many tokens as are passed later: one that knows fewer positions fails here.
    tokens = torch.zeros((1, SEQUENCE - 1), dtype=torch.int64)
    kind = f"model that can be run on {SEQUENCE - 1} tokens"
    with torch.inference_mode(), readable(folder, kind):
        hidden = model.base_model(tokens, use_cache=False).last_hidden_state
        agree = torch.allclose(model.get_output_embeddings()(hidden), model(tokens).logits)
    if not agree:
        raise UserError(
            f"{folder}: {type(model).__name__} changes its logits after the output head, which is "
            "not supported; use another model, such as a GPT-NeoX"
        )
    return model.to(choose_device(device))
