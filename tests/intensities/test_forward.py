"""The recursion against all paths, and against draws."""

from itertools import product

import numpy as np
from made_up_histories import chances, drawn

from memorization.intensities.forward import Place, forward
from memorization.intensities.transitions import AGES, age_of


def every_path(first, again, loss):
    """Sum the probability of every path of one sequence, float [4, c] as `Forecast.curves`."""
    c = first.shape[0]
    survival, memorized, durable, switches = np.zeros((4, c))
    for path in product([False, True], repeat=c):
        chance, now, ever, since = 1.0, False, False, 0
        for at, state in enumerate(path):
            age = age_of(np.array([max(since, 1)]))[0]
            leave = loss[at, age] if now else again[at, age] if ever else first[at]
            chance *= leave if state != now else 1 - leave
            since = 1 if state != now else since + 1
            now, ever = state, ever or state
        alive = ~np.maximum.accumulate(path)
        survival += chance * alive
        memorized += chance * np.array(path)
        durable += chance * np.logical_and.accumulate(path[::-1])[::-1]
        switches += chance * np.cumsum(np.diff(np.array(path, int), prepend=0) != 0)
    return np.stack([survival, memorized, durable, switches])


def test_it_is_the_sum_over_all_paths():
    rng = np.random.default_rng(0)
    first = rng.random((3, 7))
    again, loss = rng.random((2, 3, 7, len(AGES)))
    found = forward(first, again, loss)
    for row in range(3):
        paths = every_path(first[row], again[row], loss[row])
        np.testing.assert_allclose(found.curves[row], paths, atol=1e-12)


def test_a_forecast_goes_on_from_states_that_are_known():
    rng = np.random.default_rng(2)
    n, c, start = 60_000, 25, 20
    one = rng.random((1, c)) * 0.3
    again, loss = 0.1 + 0.3 * rng.random((2, 1, c, len(AGES)))
    own = {"first": one[:, :, None], "again": again, "loss": loss}
    states = drawn({name: np.repeat(chance, n, axis=0) for name, chance in own.items()}, rng)
    known = states[:, :start]
    # Of those that have been where the first one is, for as long.
    alike = (known[:, -3:] == [False, True, True]).all(axis=1)
    alike &= known[:, :-3].any(axis=1)
    assert alike.sum() > 1_000
    place = Place.known(known[alike][:1])
    found = forward(one[:, start:], again[:, start:], loss[:, start:], place)
    later = states[alike][:, start:]
    np.testing.assert_allclose(found.memorized[0], later.mean(axis=0), atol=0.03)
    np.testing.assert_allclose(found.durable[0, 0], later.all(axis=1).mean(), atol=0.03)
    assert (found.survival == 0).all()


def test_long_times_in_a_state_are_as_drawn():
    n, c = 40_000, 40
    seen = np.tile(np.minimum(3 * np.arange(1, c + 1), 60), (n, 1))
    own = chances(seen, np.zeros(n), 10 * np.arange(1, c + 1))
    states = drawn(own, np.random.default_rng(1))
    one = {name: chance[:1] for name, chance in own.items()}
    found = forward(one["first"][:, :, 0], one["again"], one["loss"])
    np.testing.assert_allclose(states.mean(axis=0), found.memorized[0], atol=0.01)
    never = ~np.maximum.accumulate(states, axis=1)
    np.testing.assert_allclose(never.mean(axis=0), found.survival[0], atol=0.01)
