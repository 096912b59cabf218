"""Whether, not how far: memorization of whole populations, most of which is decided early."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from transformers import GPTNeoXForCausalLM

from memorization.extraction.batches import Batch, auto_batch, over_batches
from memorization.extraction.extraction import score
from memorization.protocol import CONTINUATION, PROMPT

# Sequences at a time, so that memory stays bounded whatever the population.
CHUNK = 1 << 18
# After the prompt's first prediction, this many continuation tokens are read at a time, and what
# is wrong by then is dropped: 1, 4, 8, then 16 predictions. Few sequences survive the first, so
# small steps pay; later ones are too few for their steps to matter.
STEPS = (3, 4, 8)
# A true token whose logit is this close to the largest is left to the full pass: far more than
# passes of different shapes differ by rounding.
MARGIN = {torch.float32: 1e-3, torch.float16: 0.25, torch.bfloat16: 2.0}


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
    difference between the two.

    Parameters
    ----------
    model, tokens, batch, advance : as for `score`.
    """
    # Ten layers' keys and values of 48 tokens take as much memory as the activations of 63.
    room = 1 + model.config.num_hidden_layers // 8
    size = max(1, auto_batch(model) // room) if batch == "auto" else batch
    found = np.zeros(len(tokens), bool)
    for start in range(0, len(tokens), CHUNK):
        part = tokens[start : start + CHUNK]
        texts, inverse, counts = np.unique(part, axis=0, return_inverse=True, return_counts=True)

        def told(first: int, last: int, counts: np.ndarray = counts) -> None:
            advance(int(counts[first:last].sum()))

        (alive,) = over_batches(lambda rows: _alive(model, rows), texts, model.device, size, told)
        survivors = np.flatnonzero(alive)
        alive[survivors] = score(model, texts[survivors], batch)[0] == CONTINUATION
        found[start : start + CHUNK] = alive[inverse.reshape(-1)]
    return found


def _alive(model: GPTNeoXForCausalLM, rows: torch.Tensor) -> tuple[torch.Tensor]:
    """Return which sequences may be right in the first half of the continuation, bool [b]."""
    alive = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
    places = torch.arange(len(rows), device=rows.device)
    output = model.gpt_neox(rows[:, :PROMPT], use_cache=True)
    cache, hidden, read = output.past_key_values, output.last_hidden_state[:, -1:], PROMPT
    for step in (*STEPS, 0):
        predicted = rows[places, read - hidden.shape[1] + 1 : read + 1]
        kept = _nearly_right(model, hidden, predicted).nonzero().squeeze(1)
        places = places[kept]
        if step == 0 or not len(places):
            break
        cache.batch_select_indices(kept)
        output = model.gpt_neox(
            rows[places, read : read + step], past_key_values=cache, use_cache=True
        )
        hidden, read = output.last_hidden_state, read + step
    alive[places] = True
    return (alive,)


def _nearly_right(
    model: GPTNeoXForCausalLM, hidden: torch.Tensor, true: torch.Tensor
) -> torch.Tensor:
    """Return whether every true token is the most likely or nearly so, bool [b]."""
    logits = model.lm_head(hidden)
    behind = logits.amax(-1) - logits.gather(-1, true[..., None]).squeeze(-1)
    return (behind <= MARGIN[logits.dtype]).all(1)
