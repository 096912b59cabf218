"""How surprising the sequence is to the reference, the smallest model of the suite.

Where the target is the smallest model there is no admissible reference, and no column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from memorization.features.family import Direction, Family, Feature, Inputs
from memorization.protocol import PROMPT, SEQUENCE

if TYPE_CHECKING:
    import torch
    from transformers import GPTNeoXForCausalLM

# Logits at a time: 2¹⁹ floats are 2 MB, which stay in the cache while they are read several times.
LOGITS = 2**19


@dataclass(frozen=True)
class Predictions:
    """What a model predicts of each token from those before it; all [n, length - 1].

    Column i is about token i + 1; the first token is not predicted.

    Attributes
    ----------
    surprisal : float32, −log p of the token, nats.
    entropy : float32, of the predicted distribution, nats.
    rank : int32, 1 + number of tokens with larger logits than the token's.
    """

    surprisal: np.ndarray
    entropy: np.ndarray
    rank: np.ndarray


def predictions(model: GPTNeoXForCausalLM, tokens: np.ndarray, batch: int) -> Predictions:
    """Return a model's teacher-forced predictions, in float32.

    The [n, 63, vocabulary] logits never exist at once: the body of the model runs in batches, the
    head in chunks of them.

    Parameters
    ----------
    model : in evaluation mode.
    tokens : integers [n, length].
    batch : sequences a forward pass.
    """
    import torch

    n, length = tokens.shape
    shape = (n, length - 1)
    found = Predictions(
        np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, np.int32)
    )
    with torch.inference_mode():
        for start in range(0, n, batch):
            rows = slice(start, start + batch)
            chunk = torch.from_numpy(tokens[rows].astype(np.int64)).to(model.device)
            hidden = model.gpt_neox(chunk[:, :-1], use_cache=False).last_hidden_state
            columns = _head(model, hidden.flatten(0, 1), chunk[:, 1:].flatten())
            for whole, part in zip(
                (found.surprisal, found.entropy, found.rank), columns, strict=True
            ):
                whole[rows] = part.view(len(chunk), -1).cpu().numpy()
    return found


def _head(
    model: GPTNeoXForCausalLM, hidden: torch.Tensor, target: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return surprisal, entropy and rank at flat positions [m]."""
    import torch

    surprisal, entropy = (torch.empty(len(target), device=target.device) for _ in range(2))
    rank = torch.empty(len(target), dtype=torch.int32, device=target.device)
    size = max(1, LOGITS // model.config.vocab_size)
    for start in range(0, len(target), size):
        rows = slice(start, start + size)
        token = target[rows, None]
        logits = model.lm_head(hidden[rows]).float()
        rank[rows] = 1 + torch.count_nonzero(logits > logits.gather(1, token), dim=1)
        log_p = logits.log_softmax(dim=1)
        surprisal[rows] = -log_p.gather(1, token)[:, 0]
        entropy[rows] = -torch.linalg.vecdot(log_p.exp(), log_p)
    return surprisal, entropy, rank


def surprisal_features(found: Predictions) -> dict[str, np.ndarray]:
    """Return summaries over the continuation (and the prompt, where named so), arrays [n]."""
    first = PROMPT - 1  # column of the first continuation token
    surprisal = found.surprisal.astype(np.float64)
    continuation = surprisal[:, first:]
    return {
        "mean": continuation.mean(axis=1),
        "max": continuation.max(axis=1),
        "sd": continuation.std(axis=1),
        "first": continuation[:, 0],
        "prompt_mean": surprisal[:, :first].mean(axis=1),
        "entropy": found.entropy[:, first:].mean(axis=1, dtype=np.float64),
        "log_rank": np.log(found.rank[:, first:]).mean(axis=1),
        "n_top": (found.rank[:, first:] == 1).sum(axis=1),
    }


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    if inputs.reference is None:
        return {}
    found = predictions(inputs.reference, inputs.tokens, inputs.batch)
    assert found.surprisal.shape[1] == SEQUENCE - 1
    return surprisal_features(found)


def _feature(
    name: str, hypothesis: str, direction: Direction, source: str = "this work"
) -> Feature:
    return Feature(name, "reference", hypothesis, direction, source)


FAMILY = Family(
    "surprisal",
    (
        _feature(
            "mean", "What a small model predicts need not be stored.", "-", "Carlini et al. 2021"
        ),
        _feature("max", "Greedy decoding breaks at the hardest token.", "-"),
        _feature("sd", "Surprise in one place is stored more cheaply than spread out.", "?"),
        _feature("first", "The first token decides whether the model enters the text.", "-"),
        _feature("prompt_mean", "An unusual prompt is a better key.", "?", "Prashanth et al. 2024"),
        _feature("entropy", "Where many continuations are plausible, few are exact.", "-"),
        _feature("log_rank", "A token ranked high needs a small push to the top.", "-"),
        _feature("n_top", "Tokens that a small model gets right are won already.", "+"),
    ),
    _compute,
)
