"""How surprising the sequence is to the reference, a small model of the suite.

One forward pass gives every column. Where the target is the smallest model there is no admissible
reference, and no column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from memorization.features.family import Family, Inputs, declare
from memorization.features.infinigram import leading
from memorization.protocol import PROMPT

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

# Logits at a time. On a CPU 2¹⁹ floats are 2 MB, which stay in the cache while they are read
# several times, but fewer positions than 128 would read a large head's weights too often; a GPU
# wants much at once, here 0.5 GB in float32.
LOGITS = {"cpu": 2**19, "cuda": 2**27}
POSITIONS = 128


@dataclass(frozen=True)
class Predictions:
    """What a model predicts of each token from those before it; all [n, length - 1].

    Column i is about token i + 1; the first token is not predicted.

    Attributes
    ----------
    surprisal : float32, −log p of the token, nats.
    entropy : float32, of the predicted distribution, nats.
    rank : int32, 1 + number of tokens with larger logits than the token's.
    margin : float32 ≥ 0, logit of the likeliest token − that of the second, nats: the logarithm of
        how many times likelier it is.
    lead : float32, logit of the token − the largest of all others, nats; positive where greedy
        decoding takes the token.
    right : bool, whether greedy decoding takes the token; of equal logits it takes the first.
    """

    surprisal: np.ndarray
    entropy: np.ndarray
    rank: np.ndarray
    margin: np.ndarray
    lead: np.ndarray
    right: np.ndarray


# Of the fields of Predictions, in order.
_DTYPES = {
    "surprisal": np.float32, "entropy": np.float32, "rank": np.int32, "margin": np.float32,
    "lead": np.float32, "right": np.bool_,
}  # fmt: skip


def predictions(model: PreTrainedModel, tokens: np.ndarray, batch: int) -> Predictions:
    """Return a model's teacher-forced predictions; logits become float32 first.

    The [n, 63, vocabulary] logits never exist at once: the body of the model runs in batches, the
    head in chunks of them.

    The model is in evaluation mode, and its logits are its head on the last hidden state; it may be
    of any precision, on any device. ``tokens`` are integers [n, length], ``batch`` of them a pass.

    Raises
    ------
    UserError
        If a prediction is not finite, as those of a damaged model are.
    """
    import torch

    from memorization.extraction.score import check_finite

    shape = (len(tokens), tokens.shape[1] - 1)
    found = Predictions(**{name: np.empty(shape, dtype) for name, dtype in _DTYPES.items()})
    with torch.inference_mode():
        for start in range(0, len(tokens), batch):
            rows = slice(start, start + batch)
            chunk = torch.from_numpy(tokens[rows].astype(np.int64)).to(model.device)
            hidden = model.base_model(chunk[:, :-1], use_cache=False).last_hidden_state
            columns = _head(model, hidden.flatten(0, 1), chunk[:, 1:].flatten())
            for name, part in columns.items():
                getattr(found, name)[rows] = part.view(len(chunk), -1).cpu().numpy()
    check_finite(model, np.isfinite(found.surprisal).all(1))
    return found


def _head(
    model: PreTrainedModel, hidden: torch.Tensor, target: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Return the fields of `Predictions` at flat positions [m]."""
    import torch

    head = model.get_output_embeddings()
    parts = []
    budget = LOGITS.get(target.device.type, LOGITS["cpu"])
    size = max(POSITIONS, budget // model.config.vocab_size)
    for start in range(0, len(target), size):
        rows = slice(start, start + size)
        token = target[rows, None]
        logits = head(hidden[rows]).float()
        own = logits.gather(1, token)
        rank = 1 + torch.count_nonzero(logits > own, dim=1)
        log_p = logits.log_softmax(dim=1)
        surprisal = -log_p.gather(1, token)[:, 0]
        entropy = -torch.linalg.vecdot(log_p.exp(), log_p)
        best = logits.argmax(dim=1, keepdim=True)
        first = logits.gather(1, best)
        # The second largest is the largest without the first; quicker than a partial sort.
        second = logits.scatter_(1, best, -torch.inf).amax(dim=1, keepdim=True)
        right = best == token
        lead = own - torch.where(right, second, first)
        parts.append(
            (surprisal, entropy, rank.int(), (first - second)[:, 0], lead[:, 0], right[:, 0])
        )
    columns = zip(*parts, strict=True)
    return {name: torch.cat(column) for name, column in zip(_DTYPES, columns, strict=True)}


def slope(values: np.ndarray) -> np.ndarray:
    """Return the least-squares slope of each row over its positions, per position, float64 [n].

    >>> slope(np.array([[1.0, 3.0, 5.0], [2.0, 2.0, 2.0]]))
    array([2., 0.])
    """
    place = np.arange(values.shape[1]) - (values.shape[1] - 1) / 2
    return values @ place / (place @ place)


def surprisal_features(found: Predictions) -> dict[str, np.ndarray]:
    """Return summaries over the continuation (and the prompt, where named so), arrays [n]."""
    first = PROMPT - 1  # column of the first continuation token
    surprisal = found.surprisal.astype(np.float64)
    prompt, continuation = surprisal[:, :first], surprisal[:, first:]
    log_rank = np.log(found.rank[:, first:])
    lead = found.lead[:, first:]
    return {
        "mean": continuation.mean(axis=1),
        "max": continuation.max(axis=1),
        "min": continuation.min(axis=1),
        "sd": continuation.std(axis=1),
        "slope": slope(continuation),
        "first": continuation[:, 0],
        "last": continuation[:, -1],
        "prompt_mean": prompt.mean(axis=1),
        "prompt_max": prompt.max(axis=1),
        "prompt_sd": prompt.std(axis=1),
        "difference": continuation.mean(axis=1) - prompt.mean(axis=1),
        "entropy": found.entropy[:, first:].mean(axis=1, dtype=np.float64),
        "margin": found.margin[:, first:].mean(axis=1, dtype=np.float64),
        "lead_mean": lead.mean(axis=1, dtype=np.float64),
        "lead_min": lead.min(axis=1),
        "log_rank": log_rank.mean(axis=1),
        "log_rank_max": log_rank.max(axis=1),
        "n_top": (found.rank[:, first:] == 1).sum(axis=1),
        "match_length": leading(found.right[:, first:]),
    }


def _compute(inputs: Inputs) -> dict[str, np.ndarray]:
    if inputs.reference is None:
        return {}
    return surprisal_features(predictions(inputs.reference, inputs.tokens, inputs.batch))


FAMILY = Family(
    "surprisal",
    declare("reference", "one forward pass of the reference", [
        ("mean", "-", "What a small model predicts need not be stored.", "Carlini et al. 2021"),
        ("max", "-", "Greedy decoding breaks at the hardest token."),
        ("min", "-", "Where even the easiest token surprises, nothing is known of the text."),
        ("sd", "?", "Surprise in one place is stored more cheaply than spread out."),
        ("slope", "-", "A continuation that gets easier, once begun, runs to its end."),
        ("first", "-", "The first token decides whether the model enters the text."),
        ("last", "-", "What surprises after all the context must be stored."),
        ("prompt_mean", "?", "An unusual prompt is a better key.", "Prashanth et al. 2025"),
        ("prompt_max", "?", "One token that is rare in its place makes the prompt unique."),
        ("prompt_sd", "?", "A prompt with both easy and hard tokens is text with names."),
        ("difference", "-", "A continuation harder than its prompt breaks with it."),
        ("entropy", "-", "Where many continuations are plausible, few are exact."),
        ("margin", "+", "Where the model is sure, right or wrong, it has seen such text."),
        ("lead_mean", "+", "The nearer the true tokens are to the top, the less to learn."),
        ("lead_min", "+", "The token furthest from the top is learnt last."),
        ("log_rank", "-", "A token ranked high needs a small push to the top."),
        ("log_rank_max", "-", "The worst-ranked token needs the largest push."),
        ("n_top", "+", "Tokens that a small model gets right are won already."),
        ("match_length", "+",
         "A text that a small model already continues for a while is within reach.",
         "Biderman et al. 2023"),
    ]),
    _compute,
)  # fmt: skip
