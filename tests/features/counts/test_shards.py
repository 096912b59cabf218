"""Counts by several processes: the same as by one, whatever becomes of a process."""

import os
import signal
import sys
from functools import partial

import numpy as np
import pytest
from features.brute_counts import example
from features.counts.test_counting import assert_same

from memorization.cluster import started
from memorization.counting import counting, shards
from memorization.counting.counting import count_sequences
from memorization.counting.shards import on_ray
from memorization.errors import UserError

# So little that each sequence is a batch of its own, with several parts of contexts.
LITTLE = 1


@pytest.fixture(scope="module")
def ray():
    """Ray with room for two processes, started as a count starts it."""
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", "local")
        patch.setattr(ray, "init", partial(ray.init, num_cpus=2, object_store_memory=100 << 20))
        yield started("features.engine")
    ray.shutdown()


@pytest.fixture(scope="module")
def texts():
    """Rows in which few symbols recur, some with no row of their own among the sequences."""
    return example(3, 70, 3)


def counted(texts, **options):
    told = []
    found = count_sequences(*texts, advance=told.append, **options)
    return found, sum(told)


@pytest.mark.parametrize("memory", [counting.MEMORY, LITTLE])
def test_shards_are_added_to_the_same_counts(ray, texts, monkeypatch, memory):
    monkeypatch.setattr(shards, "SHARD", 3 * 70)
    alone, read = counted(texts, memory=memory)
    together, read_by_all = counted(texts, memory=memory, engine=on_ray)
    assert_same(alone, together)
    np.testing.assert_array_equal(alone.tokens, together.tokens)
    assert read == read_by_all == counting.n_passes(len(texts[1]), memory) * texts[0].size


def test_no_rows_hold_nothing(ray):
    windows = np.zeros((0, 64), np.uint16)
    tokens, rows = np.arange(128).reshape(2, 64), np.full(2, -1)
    assert_same(
        count_sequences(windows, tokens, rows),
        count_sequences(windows, tokens, rows, engine=on_ray),
    )


def mortal(deaths, times):
    """Return the engine whose processes are killed when they are done, so many times."""
    deaths.mkdir()

    def dying(task):
        def killed(windows, advance):
            found = task(windows, advance)
            if len(list(deaths.iterdir())) < times:
                (deaths / str(os.getpid())).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        return killed

    return lambda task, windows, advance: on_ray(dying(task), windows, advance)


def test_a_killed_processs_shard_is_counted_again(ray, texts, monkeypatch, tmp_path):
    monkeypatch.setattr(shards, "SHARD", 3 * 70)
    together, _ = counted(texts, engine=mortal(tmp_path / "deaths", 2))
    died = {int(path.name) for path in (tmp_path / "deaths").iterdir()}
    assert len(died) == 2
    assert os.getpid() not in died
    assert_same(counted(texts)[0], together)


def test_what_always_ends_its_process_is_given_up(ray, texts, tmp_path):
    with pytest.raises(UserError, match=r"features\.engine=ray: a process was lost 3 times"):
        counted(texts, engine=mortal(tmp_path / "deaths", 999))


def test_an_error_of_the_count_is_raised_as_it_was(ray, texts):
    def beyond(task):
        return lambda windows, advance: windows[:, 10**6]

    with pytest.raises(IndexError):
        counted(texts, engine=lambda task, *rest: on_ray(beyond(task), *rest))


def test_without_ray_one_line_says_what_to_install(texts, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"^features\.engine=ray: Ray is not installed; run pip"):
        counted(texts, engine=on_ray)
