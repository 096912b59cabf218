import numpy as np
import pytest
import torch

from memorization.errors import UserError
from memorization.extraction.batches import (
    CPU_BATCH,
    LARGEST,
    auto_batch,
    batch_on,
    fitting_batch,
    over_batches,
)
from memorization.extraction.score import score

CPU = torch.device("cpu")
ROWS = np.arange(40 * 64).reshape(40, 64)


def test_results_are_put_together_in_order():
    told = []
    total, last = over_batches(lambda rows: (rows.sum(1), rows[:, -1]), ROWS, CPU, 7, told.append)
    np.testing.assert_array_equal(total, ROWS.sum(1))
    np.testing.assert_array_equal(last, ROWS[:, -1])
    assert told == [7, 7, 7, 7, 7, 5]


def test_when_memory_runs_out_the_batch_is_halved_and_nothing_is_lost_or_done_twice():
    sizes, told = [], []

    def greedy(rows):
        sizes.append(len(rows))
        if len(rows) > 6:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return (rows[:, 0],)

    (first,) = over_batches(greedy, ROWS, CPU, 32, told.append)
    np.testing.assert_array_equal(first, ROWS[:, 0])
    assert sizes == [32, 16, 8, *[4] * 10]
    assert told == [4] * 10


@pytest.mark.parametrize(
    ("raised", "told", "message"),
    [
        (torch.OutOfMemoryError, UserError, "out of memory with one sequence; use a smaller model"),
        (RuntimeError, RuntimeError, "broken"),
    ],
)
def test_memory_for_not_even_one_sequence_and_other_errors(raised, told, message):
    def broken(rows):
        raise raised("broken")

    with pytest.raises(told, match=message):
        over_batches(broken, ROWS, CPU, 4)


@pytest.mark.parametrize("hidden", [512, 2048, 5120])
def test_the_batch_that_fits_does_and_twice_as_many_do_not(hidden):
    room = 10 * 10**9
    batch = fitting_batch(room, hidden, torch.float16)
    each = 16 * hidden * 63 * 2
    assert batch * each <= room
    assert 2 * batch * each > room or batch == LARGEST
    assert batch & (batch - 1) == 0


def test_the_cpu_has_a_batch_of_its_own(trained):
    model, tokens = trained
    assert auto_batch(model) == CPU_BATCH
    assert batch_on(CPU, 96) == 96
    assert batch_on(torch.device("cuda"), 96) == "auto"
    assert (score(model, tokens, "auto")[1] == score(model, tokens, CPU_BATCH)[1]).all()
