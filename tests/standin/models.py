"""The stand-in's models: trained in seconds, and published as EleutherAI published Pythia."""

from __future__ import annotations

import io
import json
import math
from dataclasses import dataclass

import numpy as np
import torch
from safetensors.torch import save
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, PreTrainedModel

from standin.population import SEQUENCE

PROMPT = 32
# Learning rate: high, so that a few hundred steps suffice to memorize what is repeated.
PEAK = 0.015
Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Shape:
    """Layers, hidden size and heads of a model."""

    layers: int
    hidden: int
    heads: int


def new_model(shape: Shape, vocabulary: int, seed: int) -> GPTNeoXForCausalLM:
    """Return an untrained model."""
    torch.manual_seed(seed)
    model = GPTNeoXForCausalLM(GPTNeoXConfig(**_config(shape, vocabulary)))
    model.set_attn_implementation("sdpa")
    return model


def train(
    model: PreTrainedModel,
    sequences: np.ndarray,
    per_step: int,
    checkpoints: tuple[int, ...],
    peak: float = PEAK,
) -> dict[int, Weights]:
    """Return the weights, in float16, at some optimizer steps; 0 is before the first.

    Parameters
    ----------
    sequences : int [n, 64], in training order.
    per_step : sequences in an optimizer step.
    peak : the highest learning rate.
    """
    steps = len(sequences) // per_step
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.95), fused=True)
    kept = {0: _half(model)}
    model.train()
    for step, batch in enumerate(torch.from_numpy(sequences.astype(np.int64)).split(per_step), 1):
        rate = peak * (0.55 + 0.45 * math.cos(math.pi * step / steps)) * min(1.0, step / 10)
        optimizer.param_groups[0]["lr"] = rate
        model(input_ids=batch, labels=batch, use_cache=False).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step in checkpoints:
            kept[step] = _half(model)
    return kept


def with_weights(model: GPTNeoXForCausalLM, weights: Weights) -> GPTNeoXForCausalLM:
    """Load published weights into a model, in float32."""
    model.load_state_dict(weights)
    return model.float().eval()


@torch.inference_mode()
def is_memorized(model: GPTNeoXForCausalLM, sequences: np.ndarray) -> np.ndarray:
    """Return whether `right_tokens` would be 32, bool [n], by one pass over the true tokens."""
    memorized = []
    for batch in torch.from_numpy(sequences.astype(np.int64)).split(512):
        logits = model(batch[:, :-1], use_cache=False).logits[:, PROMPT - 1 :]
        logits[..., 0] = -math.inf
        memorized.append((logits.argmax(-1) == batch[:, PROMPT:]).all(1))
    return torch.cat(memorized).numpy()


@torch.inference_mode()
def right_tokens(model: GPTNeoXForCausalLM, sequences: np.ndarray) -> np.ndarray:
    """Return how many of 32 continuation tokens the model generates right, int [n].

    As EleutherAI's script: greedy, free-running, end-of-text suppressed until 64 tokens are there
    (predictable-memorization/eval_memorization.py).
    """
    right = []
    for batch in torch.from_numpy(sequences.astype(np.int64)).split(512):
        generated = model.generate(
            batch[:, :PROMPT],
            attention_mask=torch.ones_like(batch[:, :PROMPT]),
            do_sample=False,
            min_length=SEQUENCE,
            max_length=SEQUENCE,
            pad_token_id=0,
        )
        right.append((generated[:, PROMPT:] == batch[:, PROMPT:]).sum(1))
    return torch.cat(right).numpy()


def checkpoint_files(
    shape: Shape, vocabulary: int, weights: Weights, form: str
) -> dict[str, bytes]:
    """Return a revision's configuration and weights.

    Parameters
    ----------
    form : ``safetensors``, ``bin`` (only ``pytorch_model.bin``), ``both``, or in two shards:
        ``sharded`` (safetensors) or ``sharded bin``.
    """
    # Today's names and shapes, back to those in which the checkpoints were published.
    old = {name.replace("lm_head.", "embed_out."): tensor for name, tensor in weights.items()}
    for layer in range(shape.layers):
        attention = f"gpt_neox.layers.{layer}.attention"
        old[f"{attention}.bias"] = torch.ones(1, 1, 8, 8, dtype=torch.bool).tril()
        old[f"{attention}.masked_bias"] = torch.tensor(-1e9)
        old[f"{attention}.rotary_emb.inv_freq"] = torch.ones(2)
    config = _config(shape, vocabulary) | {
        "architectures": ["GPTNeoXForCausalLM"],
        "model_type": "gpt_neox",
        "rotary_emb_base": 10000,
        "rotary_pct": 0.25,
        "torch_dtype": "float16",
        "transformers_version": "4.24.0",
    }
    files = {"config.json": (json.dumps(config, indent=2) + "\n").encode()}
    if form.startswith("sharded"):
        return files | _sharded(old, "bin" if form == "sharded bin" else "safetensors")
    names = {"bin": "pytorch_model.bin", "safetensors": "model.safetensors"}
    endings = names if form == "both" else [form]
    return files | {names[ending]: _saved(old, ending) for ending in endings}


def _saved(weights: Weights, ending: str) -> bytes:
    if ending == "safetensors":
        return save(weights, {"format": "pt"})
    buffer = io.BytesIO()
    torch.save(weights, buffer)
    return buffer.getvalue()


def _sharded(weights: Weights, ending: str) -> dict[str, bytes]:
    names = sorted(weights)
    parts = [names[: len(names) // 2], names[len(names) // 2 :]]
    stem = "model" if ending == "safetensors" else "pytorch_model"
    files, places = {}, {}
    for number, part in enumerate(parts, 1):
        file = f"{stem}-{number:05d}-of-{len(parts):05d}.{ending}"
        files[file] = _saved({name: weights[name] for name in part}, ending)
        places |= dict.fromkeys(part, file)
    size = sum(tensor.numel() * tensor.element_size() for tensor in weights.values())
    index = {"metadata": {"total_size": size}, "weight_map": places}
    return files | {f"{stem}.{ending}.index.json": json.dumps(index, indent=2).encode()}


def _config(shape: Shape, vocabulary: int) -> dict:
    return {
        "vocab_size": vocabulary,
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": 4 * shape.hidden,
        "max_position_embeddings": 2048,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-05,
        "initializer_range": 0.08,
        "use_parallel_residual": True,
        "tie_word_embeddings": False,
        "use_cache": True,
        "bos_token_id": 0,
        "eos_token_id": 0,
    }


def _half(model: PreTrainedModel) -> Weights:
    return {name: tensor.half().clone() for name, tensor in model.state_dict().items()}
