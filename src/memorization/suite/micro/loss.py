"""Cross-entropy of the output head, fused and chunked."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

# Rows of logits at a time: 256 × 2,048 floats are 2 MB, so the chunk stays in the cache between the
# matrix product, the soft-max and the two products of the backward pass.
CHUNK = 256


class _HeadLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
        grad_hidden = torch.empty_like(hidden)
        grad_head = torch.zeros_like(head)
        total = hidden.new_zeros(())
        scale = 1.0 / len(targets)
        for start in range(0, len(targets), CHUNK):
            rows = slice(start, start + CHUNK)
            chunk, target = hidden[rows], targets[rows, None]
            logits = chunk @ head.T
            logits -= logits.amax(dim=1, keepdim=True)
            total -= logits.gather(1, target).sum()
            logits.exp_()
            normalizer = logits.sum(dim=1, keepdim=True)
            total += normalizer.log().sum()
            # In place, the exponentials become the gradient of the logits: softmax − one-hot.
            logits *= scale / normalizer
            logits.scatter_add_(1, target, torch.full_like(normalizer, -scale))
            torch.mm(logits, head, out=grad_hidden[rows])
            grad_head.addmm_(logits.T, chunk)
        ctx.save_for_backward(grad_hidden, grad_head)
        return total * scale

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        grad_hidden, grad_head = ctx.saved_tensors
        return grad_hidden * grads[0], grad_head * grads[0], None


def head_loss(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy, in nats a token, of a linear output head.

    The gradient is made chunk by chunk in the forward pass, so the [n, vocabulary] logits never
    exist at once and are read from memory once (as in Liger Kernel, Hsu et al. 2024).

    Parameters
    ----------
    hidden : float [n, hidden].
    head : float [vocabulary, hidden].
    targets : int64 [n].
    """
    return _HeadLoss.apply(hidden, head, targets)
