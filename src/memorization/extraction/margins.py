"""How narrowly a label is decided, and whether rounding would decide it otherwise."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
import torch
from transformers import GPTNeoXForCausalLM

from memorization.extraction.batches import Batch, auto_batch, over_batches
from memorization.extraction.score import LOGIT_BYTES, LOGITS, MARGIN, continuation_hidden
from memorization.protocol import CONTINUATION, PROMPT, SEQUENCE

# What labels are tried in, by name.
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
# Tokens behind a sequence in a padded batch. The attention is causal, so in exact arithmetic they
# change nothing; in rounded arithmetic other shapes sum in another order.
PADDING = 33


def margins(
    model: GPTNeoXForCausalLM,
    tokens: np.ndarray,
    batch: Batch,
    end_of_text: bool = True,
    padding: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return by how much each label is decided, and the label.

    At each of the 32 positions, the margin is the logit of the true token less the largest other
    one; that of the sequence is the smallest. Above 0 it is memorized; below 0 not, and the margin
    says by how much it fails at its worst position. At 0, a tie, the arg-max takes the first token
    of the vocabulary among the largest.

    Parameters
    ----------
    model, tokens, batch, end_of_text : as for `score`.
    padding : tokens to put behind each sequence.

    Returns
    -------
    margin : float32 [n], in logits. −inf where the continuation holds a token that may not be
        generated; NaN where a logit is.
    memorized : bool [n], whether the arg-max is right at all positions.
    """
    if not len(tokens):
        return np.empty(0, np.float32), np.empty(0, bool)
    if batch == "auto":
        batch = auto_batch(model, reserve=LOGIT_BYTES * LOGITS["cuda"])
    at_a_time = max(1, LOGITS[model.device.type] // (CONTINUATION * model.lm_head.out_features))

    def compute(rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        padded = torch.nn.functional.pad(rows[:, : SEQUENCE - 1], (0, padding))
        hidden = continuation_hidden(model, padded)[:, :CONTINUATION]
        true = rows[:, PROMPT:, None].split(at_a_time)
        parts = [
            _of_logits(model.lm_head(states).float(), part, 0 if end_of_text else 1)
            for states, part in zip(hidden.split(at_a_time), true, strict=True)
        ]
        margin, memorized = zip(*parts, strict=True)
        return torch.cat(margin), torch.cat(memorized)

    margin, memorized = over_batches(compute, tokens, model.device, batch)
    return margin, memorized


def _of_logits(
    logits: torch.Tensor, true: torch.Tensor, first: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return margins and labels of logits [b, 32, v], which are overwritten."""
    logits[..., :first] = -torch.inf
    own = logits.gather(-1, true)
    margin = (own - logits.amax(-1, keepdim=True)).squeeze(-1).amin(1)
    # Where a position is wrong, that is it. Of the few sequences that may be right everywhere, the
    # second largest counts, and among equals the first.
    memorized = margin == 0
    logits, true, own = logits[memorized], true[memorized], own[memorized]
    right = (logits.argmax(-1, keepdim=True) == true).squeeze(-1).all(1)
    others = logits.scatter_(-1, true, -torch.inf).amax(-1, keepdim=True)
    margin[memorized] = (own - others).squeeze(-1).amin(1)
    memorized[memorized.clone()] = right
    return margin, memorized


def flips(
    model: GPTNeoXForCausalLM,
    tokens: np.ndarray,
    memorized: np.ndarray,
    batch: Batch,
    end_of_text: bool = True,
) -> dict[str, np.ndarray]:
    """Return the margin of each label, and the precisions in which the label is another.

    The same weights are run again on sequences whose margin is within what rounding may change,
    `MARGIN` of the coarser of the two precisions: in the other precisions; and in the model's own
    one by one, and in a padded batch. A logit that is not finite counts as another label.

    Parameters
    ----------
    model, tokens, batch, end_of_text : as for `score`; the weights are as before when this returns.
    memorized : bool [n], the labels.

    Returns
    -------
    dict
        ``margin``, float32 [n], as `margins` returns it; ``memorized``, as given; ``precision``,
        the name of the model's own; and for each name of `DTYPES`, bool [n].
    """
    own = model.dtype
    margin, decided = margins(model, tokens, batch, end_of_text)
    precision = next(name for name, dtype in DTYPES.items() if dtype == own)
    found = {"margin": margin, "memorized": memorized, "precision": np.array(precision)}
    for name, dtype in DTYPES.items():
        near = np.flatnonzero(np.abs(margin) <= max(MARGIN[own], MARGIN[dtype]))
        flipped = decided != memorized if dtype == own else np.zeros(len(tokens), bool)
        ways: list[tuple[Batch, int]] = [(1, 0), (batch, PADDING)] if dtype == own else [(batch, 0)]
        with _weights_in(model, dtype):
            for size, padding in ways:
                again, label = margins(model, tokens[near], size, end_of_text, padding)
                flipped[near] |= (label != memorized[near]) | np.isnan(again)
        found[name] = flipped
    return found


@contextmanager
def _weights_in(model: GPTNeoXForCausalLM, dtype: torch.dtype) -> Generator[None]:
    """Give a model's weights another precision for a while; its rotary angles stay float32.

    Those of a model on a GPU wait in the host's memory: the GPU need not hold both.
    """
    if dtype == model.dtype:
        yield
        return
    weights = list(model.parameters())
    kept = [weight.data.cpu() for weight in weights]
    device = model.device
    try:
        for weight in weights:
            weight.data = weight.data.to(dtype)
        yield
    finally:
        for weight, before in zip(weights, kept, strict=True):
            weight.data = before.to(device)
