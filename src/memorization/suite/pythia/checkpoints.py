"""Published checkpoints: which files to fetch, and how to load them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memorization.errors import UserError
from memorization.suite.hub import Repository, download

if TYPE_CHECKING:
    import torch
    from transformers import GPTNeoXForCausalLM

    from memorization.suite.declared.declaration import PublishedModel

# In this order of preference; an index names the files that the weights are spread over.
_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)

# Keys of a configuration that tell nothing of what the model computes.
_HOW_IT_IS_SAVED = ("_name_or_path", "architectures", "dtype", "transformers_version", "use_cache")
# Its digests are those of the hub's listing, so to fetch it again would not help.
_ANOTHER_COMMIT = (
    "pin another commit of this checkpoint in pythia.revisions, or leave it out of a scan "
    "(labels.exclude)"
)


def download_checkpoint(repository: Repository, folder: Path | None = None) -> Path:
    """Return a folder with a checkpoint's ``config.json`` and weights, and nothing else of it.

    Some revisions hold the weights twice, as safetensors and as ``pytorch_model.bin``, and a few
    the optimizer's state as well; only one copy of the weights is fetched.

    Parameters
    ----------
    folder : where to put the files; None: in the hub client's cache.

    Raises
    ------
    UserError
        If the revision holds no weights, or not all that its index names, or the hub fails.
    """
    where = f"{repository.name} at {repository.commit}"
    weights = next((name for name in _WEIGHTS if name in repository.files), None)
    if weights is None or "config.json" not in repository.files:
        raise UserError(
            f"{where}: holds no checkpoint; expected config.json and one of {', '.join(_WEIGHTS)}"
        )
    config = download(repository, "config.json", folder)
    path = download(repository, weights, folder)
    if folder is not None:
        # An interrupted run may have left weights of another commit, which would be loaded instead.
        for name in set(_WEIGHTS) - {weights}:
            (folder / name).unlink(missing_ok=True)
    if weights.endswith(".index.json"):
        try:
            shards = set(map(str, json.loads(path.read_text("utf-8"))["weight_map"].values()))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UserError(
                f"{where}: {weights} is no index of weights; pin another commit in pythia.revisions"
            ) from None
        for shard in sorted(shards):
            if shard not in repository.files:
                raise UserError(
                    f"{where}: {weights} names weights in '{shard}', which is no file of this "
                    "revision; pin another commit in pythia.revisions"
                )
            download(repository, shard, folder)
    return config.parent


def configuration(model: GPTNeoXForCausalLM) -> dict[str, Any]:
    """Return what of a model's configuration its outputs depend on, as plain JSON values."""
    said: dict[str, Any] = json.loads(model.config.to_json_string(use_diff=False))
    return {name: value for name, value in said.items() if name not in _HOW_IT_IS_SAVED}


def load_published(
    folder: Path, model: PublishedModel, dtype: torch.dtype | None = None
) -> GPTNeoXForCausalLM:
    """Return a downloaded checkpoint in evaluation mode, on the CPU.

    Of GPT-NeoX, or of Llama with the names of GPT-NeoX's parts. ``transformers`` maps the names of
    the published weights (``embed_out.weight``) to today's and leaves the saved causal masks. A
    ``pytorch_model.bin`` is read with ``weights_only``, and no code of a repository runs.

    Parameters
    ----------
    folder : as `download_checkpoint` returns it.
    model : what it must be.
    dtype : of the weights; None: as saved.

    Raises
    ------
    UserError
        If the files are damaged, or hold another model.
    """
    from transformers import GPTNeoXForCausalLM, LlamaForCausalLM
    from transformers.utils import logging

    # A bar of its own for every checkpoint would break up that of the scan.
    logging.disable_progress_bar()
    try:
        kind: Any = {"gpt_neox": GPTNeoXForCausalLM, "llama": LlamaForCausalLM}[model.architecture]
        answer: Any = kind.from_pretrained(
            folder,
            dtype="auto" if dtype is None else dtype,
            attn_implementation="sdpa",
            local_files_only=True,
            output_loading_info=True,
            trust_remote_code=False,
            weights_only=True,
        )
    except Exception as error:  # of half a dozen kinds, by the file that is damaged
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{folder}: not a checkpoint that can be loaded ({reason}); {_ANOTHER_COMMIT}"
        ) from None
    loaded, found = answer
    missing = sorted(map(str, [*found["missing_keys"], *found["mismatched_keys"]]))
    if missing:
        raise UserError(f"{folder}: the weights lack {missing[0]}; {_ANOTHER_COMMIT}")
    config = loaded.config
    layers, hidden = config.num_hidden_layers, config.hidden_size
    shape = (layers, hidden, config.num_attention_heads, config.vocab_size)
    expected = (model.layers, model.hidden, model.heads, model.vocabulary)
    if shape != expected:
        raise UserError(
            f"{folder}: layers, hidden size, heads and vocabulary are {shape}, those of "
            f"{model.name} are {expected}; it is another model"
        )
    return (_named_as_gpt_neox(loaded) if model.architecture == "llama" else loaded).eval()


def _named_as_gpt_neox(model: Any) -> Any:
    """Return a Llama whose parts also go by the names that those of GPT-NeoX have.

    A layer of Llama is one of GPT-NeoX whose attention and MLP follow each other, so that is all
    that `memorization.extraction` needs. The names are not registered: there are no more parts.
    """
    body, config = model.model, model.config
    config.use_parallel_residual = False
    names = [(model, "gpt_neox", body), (body, "embed_in", body.embed_tokens)]
    names += [(body, "final_layer_norm", body.norm)]
    names += [(layer, "attention", layer.self_attn) for layer in body.layers]
    for owner, name, part in names:
        object.__setattr__(owner, name, part)
    return model
