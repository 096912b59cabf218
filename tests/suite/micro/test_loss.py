import pytest
import torch
from torch.nn.functional import cross_entropy

from memorization.suite.micro.loss import CHUNK, head_loss


@pytest.mark.parametrize("n", [1, CHUNK - 1, 2 * CHUNK + 3])
def test_value_and_gradients_equal_those_of_torch(n):
    torch.manual_seed(n)
    hidden = torch.randn(n, 16, dtype=torch.float64, requires_grad=True)
    head = torch.randn(50, 16, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(0, 50, (n,))
    ours = head_loss(hidden, head, targets)
    theirs = cross_entropy(hidden @ head.T, targets)
    torch.testing.assert_close(ours, theirs)
    # Scaled, so that an upstream gradient that is ignored would show.
    gradients = torch.autograd.grad(3 * ours, [hidden, head])
    torch.testing.assert_close(gradients, torch.autograd.grad(3 * theirs, [hidden, head]))


def test_large_logits_do_not_overflow():
    hidden = torch.full((2, 1), 500.0)
    head = torch.tensor([[1.0], [-1.0]])
    assert head_loss(hidden, head, torch.tensor([0, 0])).item() == pytest.approx(0)
    assert head_loss(hidden, head, torch.tensor([1, 1])).item() == pytest.approx(1000)
