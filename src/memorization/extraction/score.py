"""Extraction by teacher-forced passes, which decide the same as greedy generation.

`score` says how far each continuation is right, and how likely it is. `memorized` says only whether
all of it is right, in less time: of a whole population, most is decided early.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from transformers import GPTNeoXForCausalLM, PreTrainedModel

from memorization.errors import UserError
from memorization.extraction.batches import Batch, auto_batch, over_batches
from memorization.protocol import CONTINUATION, PROMPT, SEQUENCE

# Logits in memory at once: on the CPU few enough for its caches, on a GPU enough to fill it.
LOGITS = {"cpu": 1 << 22, "cuda": 1 << 28}
# A logit in 16 or 32 bits, and its log-probability in 32.
LOGIT_BYTES = 8

# Sequences of a population at a time, so that memory stays bounded whatever the population.
CHUNK = 1 << 18
# After the prompt's first prediction, this many continuation tokens are read at a time, and what
# is wrong by then is dropped: 1, 4, 8, then 16 predictions. Few sequences survive the first, so
# small steps pay; later ones are too few for their steps to matter.
STEPS = (3, 4, 8)
# A true token whose logit is this close to the largest is left to the full pass: far more than
# passes of different shapes differ by rounding.
MARGIN = {torch.float32: 1e-3, torch.float16: 0.25, torch.bfloat16: 2.0}


def score(
    model: GPTNeoXForCausalLM,
    tokens: np.ndarray,
    batch: Batch,
    advance: Callable[[int], None] = lambda done: None,
    compiled: bool = False,
    end_of_text: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Return how far the model's greedy continuation of each prompt agrees with the true one.

    Greedy decoding returns the first m tokens of the continuation exactly if and only if the
    arg-max of a teacher-forced pass is right at the first m positions from the last prompt token
    on: up to the first mistake both see the same context. So one pass over 63 tokens decides
    memorization, and only its last 32 positions go through the output head.

    Parameters
    ----------
    model : in evaluation mode, on the device and in the precision to use.
    tokens : int [n, 64], prompt and continuation.
    batch : sequences a forward pass, or "auto", see `auto_batch`; halved when memory runs out.
    advance : told how many more of the n sequences are done; on a GPU, handed to it.
    compiled : whether to run the layers through ``torch.compile``.
    end_of_text : whether token 0 may be generated. The script behind the published labels of Pythia
        forbids it (``min_length=64`` in eval_memorization.py of EleutherAI/pythia), so that a
        continuation that holds it is never memorized, and one that a model would end may be.

    Returns
    -------
    match_length : int8 [n], leading continuation tokens that are right, 0…32; 32 = memorized.
    continuation_logprob : float32 [n], log-probability of the whole continuation, nats, from
        logits in float32.

    Raises
    ------
    UserError
        If a log-probability is not finite: of a damaged model nothing is known, least of all that
        it has not memorized.
    """
    if not len(tokens):
        return np.empty(0, np.int8), np.empty(0, np.float32)
    layers = _compiled() if compiled else continuation_hidden
    if batch == "auto":
        batch = auto_batch(model, reserve=LOGIT_BYTES * LOGITS["cuda"])

    def compute(rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        hidden = layers(model, rows[:, : SEQUENCE - 1])
        return _agreement(model, hidden, rows[:, PROMPT:], 0 if end_of_text else 1)

    match_length, logprob = over_batches(compute, tokens, model.device, batch, advance)
    check_finite(model, np.isfinite(logprob))
    return match_length, logprob


def continuation_hidden(model: GPTNeoXForCausalLM, tokens: torch.Tensor) -> torch.Tensor:
    """Return the last hidden states from the last prompt token on, [b, t − 31, hidden].

    What ``model.gpt_neox`` computes of int64 tokens [b, t ≥ 32], bit for bit, less two things. It
    looks at the positions to see whether several sequences are packed in a row, which makes the
    host wait for a GPU at every pass; and it runs the last layer's MLP where nobody asks for its
    result.
    """
    body = model.gpt_neox
    hidden = body.embed_in(tokens)
    positions = torch.arange(tokens.shape[1], device=tokens.device)[None]
    rotary = body.rotary_emb(hidden, position_ids=positions)
    layers: list[Any] = list(body.layers)
    last = layers.pop()
    # No mask: the attention is causal by itself where every sequence is whole.
    for layer in layers:
        hidden = layer(hidden, attention_mask=None, position_embeddings=rotary)
    attention, _ = last.attention(
        last.input_layernorm(hidden), attention_mask=None, position_embeddings=rotary
    )
    hidden, attention = hidden[:, PROMPT - 1 :], attention[:, PROMPT - 1 :]
    if not model.config.use_parallel_residual:
        hidden = attention + hidden
        hidden = last.mlp(last.post_attention_layernorm(hidden)) + hidden
    else:
        hidden = last.mlp(last.post_attention_layernorm(hidden)) + attention + hidden
    return body.final_layer_norm(hidden)


@cache
def _compiled() -> Callable[[GPTNeoXForCausalLM, torch.Tensor], torch.Tensor]:
    # One graph a shape, of which a scan has two: the batch, and the rest at the end.
    return torch.compile(continuation_hidden, dynamic=False)


def _agreement(
    model: GPTNeoXForCausalLM, hidden: torch.Tensor, continuation: torch.Tensor, first: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return match lengths and log-probabilities of continuations, int64 [b, m].

    Of the hidden states that predict them, [b, m, hidden]; the first tokens of the vocabulary are
    not generated. The logits are the largest thing in sight (1.6 million a sequence for Pythia's
    vocabulary), so they are made for some sequences at a time.
    """
    each = hidden.shape[1] * model.lm_head.out_features
    at_a_time = max(1, LOGITS[hidden.device.type] // each)
    true = continuation[:, :, None].split(at_a_time)
    parts = [
        _of_logits(model.lm_head(states), tokens, first)
        for states, tokens in zip(hidden.split(at_a_time), true, strict=True)
    ]
    match_length, logprob = zip(*parts, strict=True)
    return torch.cat(match_length), torch.cat(logprob)


def _of_logits(
    logits: torch.Tensor, true: torch.Tensor, first: int
) -> tuple[torch.Tensor, torch.Tensor]:
    right = (logits[..., first:].argmax(-1, keepdim=True) + first == true).squeeze(-1)
    match_length = right.to(torch.int8).cumprod(1).sum(1).to(torch.int8)
    if logits.is_cuda:
        # One kernel, where the way below takes five over hundreds of megabytes.
        logprob = logits.log_softmax(-1, dtype=torch.float32).gather(-1, true)
    else:
        logits = logits.float()
        logprob = logits.gather(-1, true) - logits.logsumexp(-1, keepdim=True)
    return match_length, logprob.squeeze(-1).sum(1)


def memorized(
    model: GPTNeoXForCausalLM,
    tokens: np.ndarray,
    batch: Batch,
    advance: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Return which sequences are memorized, bool [n]: ``score(…)[0] == 32``, in less time.

    Most sequences go wrong in the first continuation tokens. So the prompt is read first, then a
    few tokens at a time, with the keys and values of what came before, only by what is still right.
    What survives half of the continuation is given to `score`, which decides. The steps before
    reject no token that is nearly as likely as the most likely, so rounding cannot make a
    difference between the two. The parameters, and what is raised, are those of `score`.
    """
    # Ten layers' keys and values of 48 tokens take as much memory as the activations of 63.
    room = 1 + model.config.num_hidden_layers // 8
    size = max(1, auto_batch(model) // room) if batch == "auto" else batch
    found = np.zeros(len(tokens), bool)
    for start in range(0, len(tokens), CHUNK):
        part = tokens[start : start + CHUNK]
        alive, finite = over_batches(
            lambda rows: _alive(model, rows), part, model.device, size, advance
        )
        check_finite(model, finite, start)
        survivors = np.flatnonzero(alive)
        alive[survivors] = score(model, part[survivors], batch)[0] == CONTINUATION
        found[start : start + CHUNK] = alive
    return found


def _alive(model: GPTNeoXForCausalLM, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return which sequences may be right in the first half of the continuation, bool [b].

    And of which all that was looked at is finite, bool [b].
    """
    alive = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
    finite = torch.ones_like(alive)
    places = torch.arange(len(rows), device=rows.device)
    output = model.gpt_neox(rows[:, :PROMPT], use_cache=True)
    cache, hidden, read = output.past_key_values, output.last_hidden_state[:, -1:], PROMPT
    for step in (*STEPS, 0):
        predicted = rows[places, read - hidden.shape[1] + 1 : read + 1]
        behind = _behind(model, hidden, predicted)
        finite[places] &= behind.isfinite().all(1)
        kept = (behind <= MARGIN[behind.dtype]).all(1).nonzero().squeeze(1)
        places = places[kept]
        if step == 0 or not len(places):
            break
        cache.batch_select_indices(kept)
        output = model.gpt_neox(
            rows[places, read : read + step], past_key_values=cache, use_cache=True
        )
        hidden, read = output.last_hidden_state, read + step
    alive[places] = True
    return alive, finite


def _behind(model: GPTNeoXForCausalLM, hidden: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Return how far the logit of each true token is behind the largest, [b, m]."""
    logits = model.lm_head(hidden)
    return logits.amax(-1) - logits.gather(-1, true[..., None]).squeeze(-1)


def check_finite(model: PreTrainedModel, finite: np.ndarray, first: int = 0) -> None:
    """Raise a UserError that names the model and the rows that are not, counted from ``first``."""
    if finite.all():
        return
    rows = np.flatnonzero(~finite) + first
    named = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
    raise UserError(
        f"{model.name_or_path}: gives logits that are not finite for {len(rows):,} of "
        f"{len(finite):,} sequences (rows {named}): its weights are damaged, or its precision is "
        "too low for it; get it anew, or try another precision"
    )
