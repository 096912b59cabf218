"""Extraction by one teacher-forced pass, which decides the same as greedy generation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from transformers import GPTNeoXForCausalLM

from memorization.protocol import PROMPT, SEQUENCE


@torch.inference_mode()
def score(
    model: GPTNeoXForCausalLM,
    tokens: np.ndarray,
    batch: int,
    advance: Callable[[int], None] = lambda done: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return how far the model's greedy continuation of each prompt agrees with the true one.

    Greedy decoding returns the first m tokens of the continuation exactly if and only if the
    arg-max of a teacher-forced pass is right at the first m positions from the last prompt token
    on: up to the first mistake both see the same context. So one pass over 63 tokens decides
    memorization, and only its last 32 positions go through the output head.

    Identical texts are scored once, so they get identical results whatever the batches.

    Parameters
    ----------
    model : in evaluation mode, on the device to use.
    tokens : int [n, 64], prompt and continuation.
    batch : sequences a forward pass.
    advance : told how many more of the n sequences are done.

    Returns
    -------
    match_length : int8 [n], leading continuation tokens that are right, 0…32; 32 = memorized.
    continuation_logprob : float32 [n], log-probability of the whole continuation, nats.
    """
    texts, inverse, counts = np.unique(tokens, axis=0, return_inverse=True, return_counts=True)
    device = model.device
    all_texts = torch.from_numpy(texts.astype(np.int64))
    match_lengths, logprobs = [], []
    for start in range(0, len(texts), batch):
        rows = all_texts[start : start + batch].to(device, non_blocking=True)
        hidden = model.gpt_neox(rows[:, : SEQUENCE - 1], use_cache=False).last_hidden_state
        logits = model.lm_head(hidden[:, PROMPT - 1 :]).float()
        continuation = rows[:, PROMPT:, None]
        right = logits.argmax(-1, keepdim=True) == continuation
        match_lengths.append(right.squeeze(-1).to(torch.int8).cumprod(1).sum(1))
        logprob = logits.gather(-1, continuation).squeeze(-1) - logits.logsumexp(-1)
        logprobs.append(logprob.sum(1))
        advance(int(counts[start : start + batch].sum()))
    inverse = inverse.reshape(-1)
    match_length = torch.cat(match_lengths).to(torch.int8).cpu().numpy()[inverse]
    return match_length, torch.cat(logprobs).cpu().numpy()[inverse]
