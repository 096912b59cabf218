"""A reference model of one's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memorization.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_reference(folder: str | Path, device: str = "cpu") -> PreTrainedModel:
    """Return a causal language model in evaluation mode, float32.

    Parameters
    ----------
    folder : ``config.json`` and weights in safetensors, as ``save_pretrained`` leaves them; any
        architecture that transformers knows itself, code that comes with a model is not run.
    device : cpu, cuda, or auto: a GPU when there is one.

    Raises
    ------
    UserError
        If there is no such model, weights are missing, or its logits are not simply its head on
        its last hidden state.
    """
    # Here, because they take seconds, which who asks for no reference should not wait.
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    from memorization.suite.device import choose_device

    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder}: no model here; it must hold config.json and model.safetensors")
    with _quiet():
        try:
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=torch.float32,
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
            )
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            reason = " ".join(str(error).split())
            raise UserError(f"{folder}: not a model that can be loaded ({reason})") from None
    model, found = loaded
    if found["missing_keys"]:
        some = ", ".join(sorted(found["missing_keys"])[:3])
        raise UserError(f"{folder}: weights are missing: {some}")
    model.eval()
    token = torch.zeros((1, 2), dtype=torch.int64)
    with torch.inference_mode():
        hidden = model.base_model(token, use_cache=False).last_hidden_state
        if not torch.allclose(model.get_output_embeddings()(hidden), model(token).logits):
            raise UserError(
                f"{folder}: {type(model).__name__} changes its logits after the output head, which "
                "is not supported; use another model, such as a GPT-NeoX"
            )
    return model.to(choose_device(device))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers from drawing a bar and from reporting what is checked here."""
    from transformers.utils import logging

    bar, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()
