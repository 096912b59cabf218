"""The training loop: one model, one pass over the windows, evenly spaced checkpoints."""

from __future__ import annotations

import hashlib
import math
import shutil
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from memorization.params import Shape, Training
from memorization.progress import progress
from memorization.resume import damaged, keep
from memorization.suite.checkpoints import WEIGHTS, save_checkpoint
from memorization.suite.micro.loss import head_loss

WARM_UP = 0.01  # fraction of the steps, as in Pythia (Biderman et al. 2023, appendix B)
FINAL_RATE = 0.1  # of the peak
CLIP = 1.0  # norm of the gradient
BETAS = (0.9, 0.95)
STATE = "optimizer.safetensors"


def checkpoint_steps(steps: int, checkpoints: int) -> tuple[int, ...]:
    """Return the evenly spaced steps of the checkpoints, the last at the end of training.

    >>> checkpoint_steps(10, 4)
    (2, 5, 7, 10)
    """
    return tuple(steps * i // checkpoints for i in range(1, checkpoints + 1))


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Return the rate of a step (1-based): linear warm-up, then a cosine to a tenth of the peak."""
    warm_up = max(1, round(WARM_UP * steps))
    if step <= warm_up:
        return peak * step / warm_up
    done = (step - warm_up) / max(1, steps - warm_up)
    return peak * (FINAL_RATE + (1 - FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * done)))


def new_model(shape: Shape, vocabulary: int, window: int, seed: int) -> GPTNeoXForCausalLM:
    """Return an untrained GPT-NeoX model: rotary 0.25, parallel residual, untied embeddings."""
    config = GPTNeoXConfig(
        vocab_size=vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.hidden,
        max_position_embeddings=window,
        rope_parameters={
            "rope_type": "default",
            "rope_theta": 10000.0,
            "partial_rotary_factor": 0.25,
        },
        use_parallel_residual=True,
        tie_word_embeddings=False,
        attention_dropout=0.0,
        hidden_dropout=0.0,
        bos_token_id=0,
        eos_token_id=0,
        dtype="float32",
    )
    torch.manual_seed(seed)
    model = GPTNeoXForCausalLM(config)
    model.set_attn_implementation("sdpa")
    return model


def train(
    model: GPTNeoXForCausalLM,
    windows: np.ndarray,
    training: Training,
    checkpoints: tuple[int, ...],
    folder: Path,
    device: torch.device,
) -> None:
    """Train a model and leave its checkpoints in ``folder/stepK``.

    Goes on from the last checkpoint in the folder when an earlier run was interrupted; the result
    is the same, bit for bit, as that of a run that was not. If a checkpoint was damaged since, all
    are made again.

    Parameters
    ----------
    model : untrained.
    windows : uint16 [steps × sequences_per_step, window], in training order.
    checkpoints : steps at which to save.
    """
    if lost := damaged(folder):
        print(f"{lost[0]}: damaged; {folder.name} is trained again", flush=True)
        shutil.rmtree(folder)
    if (folder / f"step{checkpoints[-1]}").exists():
        return
    model.to(device).train()  # type: ignore[arg-type]
    optimizer = _optimizer(model, training)
    done = _resume(model, optimizer, folder)
    batches = torch.from_numpy(windows.astype(np.int64)).split(training.sequences_per_step)
    tokens_per_step = training.sequences_per_step * windows.shape[1]
    tokens, tokens_done = training.steps * tokens_per_step, done * tokens_per_step
    with progress(f"training {folder.name}", tokens, "tokens", tokens_done) as advance:
        for step in range(done + 1, training.steps + 1):
            batch = batches[step - 1].to(device, non_blocking=True)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, training.steps, training.learning_rate)
            hidden = model.gpt_neox(batch, use_cache=False).last_hidden_state[:, :-1]
            loss = head_loss(hidden.flatten(0, 1), model.lm_head.weight, batch[:, 1:].flatten())
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
            optimizer.zero_grad()
            if step in checkpoints:
                _save(model, optimizer, folder, step)
            advance(tokens_per_step)
    (folder / STATE).unlink(missing_ok=True)


def _optimizer(model: GPTNeoXForCausalLM, training: Training) -> torch.optim.AdamW:
    """AdamW that decays matrices but neither biases nor the gains of the layer norms."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": training.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=training.learning_rate, betas=BETAS, fused=True)


def _save(model: GPTNeoXForCausalLM, optimizer: torch.optim.AdamW, folder: Path, step: int) -> None:
    """Save a checkpoint and the optimizer's moments, each whole or not at all."""
    save_checkpoint(model, folder / f"step{step}")
    keep(folder, f"step{step}")
    moments = {}
    for name, parameter in model.named_parameters():
        state = optimizer.state[parameter]
        moments[f"mean.{name}"] = state["exp_avg"]
        moments[f"square.{name}"] = state["exp_avg_sq"]
    metadata = {"step": str(step), "digest": _digest(moments)}
    save_file(moments, folder / f"{STATE}.partial", metadata=metadata)
    (folder / f"{STATE}.partial").replace(folder / STATE)


def _resume(model: GPTNeoXForCausalLM, optimizer: torch.optim.AdamW, folder: Path) -> int:
    """Restore weights and moments from the last checkpoint; return its step, or 0."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / STATE).exists():
        return 0
    with safe_open(folder / STATE, "pt") as state:
        step = int(state.metadata()["step"])
        moments = {name: state.get_tensor(name) for name in state.keys()}  # noqa: SIM118
        if state.metadata()["digest"] != _digest(moments):
            print(f"{folder / STATE}: damaged; {folder.name} is trained again", flush=True)
            return 0
    model.load_state_dict(load_file(folder / f"step{step}" / WEIGHTS))
    for name, parameter in model.named_parameters():
        optimizer.state[parameter] = {
            "step": torch.tensor(float(step), device=parameter.device),
            "exp_avg": moments[f"mean.{name}"].to(parameter.device),
            "exp_avg_sq": moments[f"square.{name}"].to(parameter.device),
        }
    return step


def _digest(tensors: dict[str, torch.Tensor]) -> str:
    """Return the SHA-256 of named tensors, whatever their order."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        total.update(name.encode() + tensors[name].cpu().numpy().tobytes())
    return total.hexdigest()
