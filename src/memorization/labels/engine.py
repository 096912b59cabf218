"""Where a scan is evaluated: in this process, or by workers of Ray, here or on other machines.

The unit is one checkpoint on one shard of the sequences, and every engine runs the same function on
the same unit. So on the CPU, with as many threads, all give the same bits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch
from transformers import GPTNeoXForCausalLM

from memorization.cluster import MOST_LOSSES, lost, started
from memorization.errors import UserError
from memorization.extraction.batches import Batch
from memorization.labels.checkpoints import Models
from memorization.suite.device import choose_device

# Distinct sequences in a shard; loading a model for fewer is not worth it. A multiple of every
# batch on a GPU.
SHARD = 1 << 16

Found = dict[str, np.ndarray]
Advance = Callable[[int], None]
# Given a model and sequences, returns what is to be known of them; told how many are done.
Task = Callable[[GPTNeoXForCausalLM, np.ndarray, Advance], Found]


@dataclass(frozen=True)
class Unit:
    """One checkpoint on one shard, which is given by its number."""

    step: int
    shard: int


@dataclass(frozen=True)
class Work:
    """What a scan has to do.

    Attributes
    ----------
    units : those left to do; all of one step in a row.
    models : the source of the checkpoints.
    task : what is asked of a model at a step.
    tokens : int [n, 64].
    shards : of each shard, the rows that are in it.
    device : where models run.
    in_place : whether a model takes the place of the one before, as compiled graphs need it.
    """

    units: Sequence[Unit]
    models: Models
    task: Callable[[int], Task]
    tokens: np.ndarray
    shards: Sequence[np.ndarray]
    device: torch.device
    in_place: bool


Done = Generator[tuple[Unit, Found]]


def shards_of(tokens: np.ndarray, batch: Batch) -> list[np.ndarray]:
    """Return the rows of each shard of sequences, int [n, 64]; there is at least one.

    Rows are taken in the order of their text, as batches are, and a shard is whole batches of
    distinct texts. So the batches are those that there would be without shards, and with them, on
    the CPU, the bits of the scores.

    >>> tokens = np.repeat([[2], [1], [2], [3], [0]], 64, axis=1)
    >>> [rows.tolist() for rows in shards_of(tokens, SHARD)]
    [[0, 1, 2, 3, 4]]
    """
    size = SHARD if batch == "auto" else max(1, SHARD // batch) * batch
    _, text = np.unique(tokens, axis=0, return_inverse=True)
    shard = text.reshape(-1) // size
    return [np.flatnonzero(shard == number) for number in range(shard.max(initial=0) + 1)]


class Holder:
    """Holds one model where it is evaluated."""

    def __init__(self, device: torch.device, in_place: bool) -> None:
        """Hold nothing yet."""
        self._device, self._in_place = device, in_place
        self._model: GPTNeoXForCausalLM | None = None

    def hold(self, model: GPTNeoXForCausalLM) -> None:
        """Place a model on the device; in the place of the one before where that is still held.

        There its compiled graphs stay valid, and memory of the device need not hold both.
        """
        if self._model is None:
            self._model = model.to(self._device)  # type: ignore[arg-type]
        else:
            self._model.load_state_dict(model.state_dict())
            self._model.name_or_path = model.name_or_path

    def let_go(self) -> None:
        """Hold the model no longer than it is of use, or two would be in memory."""
        if not self._in_place:
            self._model = None

    def run(self, task: Task, tokens: np.ndarray, advance: Advance) -> Found:
        """Return what a task finds with the model."""
        assert self._model is not None
        return task(self._model, tokens, advance)


def in_this_process(work: Work, advance: Advance) -> Done:
    """Yield the units of some work, in their order, with what was found.

    Parameters
    ----------
    advance : told how many more sequences are done.
    """
    holder = Holder(work.device, work.in_place)
    of_step = {step: list(units) for step, units in groupby(work.units, lambda unit: unit.step)}
    with closing(work.models(list(of_step))) as source:
        for step, model in source:
            holder.hold(model)
            del model  # or two would be in memory while the next is loaded
            for unit in of_step[step]:
                rows = work.tokens[work.shards[unit.shard]]
                yield unit, holder.run(work.task(step), rows, advance)
            holder.let_go()


@dataclass(frozen=True)
class _Given:
    """A unit that a worker was given, with references to the model and the sequences."""

    unit: Unit
    model: Any
    tokens: Any


class Worker:
    """A process that holds a model and evaluates the units that it is given."""

    def __init__(self, device: str, threads: int, in_place: bool) -> None:
        """Set up the process as the scan's own is."""
        torch.set_num_threads(threads)
        self._holder = Holder(choose_device(device), in_place)
        self._step: int | None = None

    def is_ready(self) -> None:
        """Return when the worker has started."""

    def evaluate(self, given: _Given, task: Task) -> Found:
        """Return what is found of a unit; the model is fetched when the step is another."""
        import ray

        if given.unit.step != self._step:
            self._step = None
            self._holder.let_go()
            self._holder.hold(ray.get(given.model))
            self._step = given.unit.step
        return self._holder.run(task, ray.get(given.tokens), lambda done: None)


def on_ray(work: Work, advance: Advance) -> Done:
    """Yield the units of some work with what was found, as Ray's workers finish them.

    Checkpoints are loaded, and downloaded, by this process alone, and only as workers become free
    to take them. The place of a lost worker is taken by a new one as soon as there is room for it,
    and its unit by whichever is free first. The parameters are those of `in_this_process`.

    Raises
    ------
    UserError
        If Ray is not installed, the cluster has no room for a worker, or a unit's worker is lost
        ``MOST_LOSSES`` times.
    """
    if not work.units:
        return
    ray = started("labels.engine")
    room = min(_room(ray.cluster_resources(), work.device.type), len(work.units))
    print(f"workers on Ray: {room}", flush=True)
    actor = ray.remote(**_needs(work.device.type))(Worker)
    running: dict[Any, tuple[Any, _Given | None]] = {}

    def begin() -> None:
        worker = actor.remote(work.device.type, torch.get_num_threads(), work.in_place)
        running[worker.is_ready.remote()] = worker, None

    left, again, losses = _given(work, ray.put), list[_Given](), Counter[Unit | None]()
    with closing(left):
        for _ in range(room):
            begin()
        while running:
            [finished], _ = ray.wait(list(running), num_returns=1)
            worker, given = running.pop(finished)
            unit = given.unit if given else None
            try:
                found = ray.get(finished)
            except ray.exceptions.RayTaskError as error:
                raise error.cause from None
            except ray.exceptions.RayError as error:
                losses[unit] += 1
                if losses[unit] == MOST_LOSSES:
                    raise _lost(unit, error) from None
                again += [given] if given else []
                begin()
                continue
            del losses[unit]
            if given:
                advance(len(work.shards[given.unit.shard]))
                yield given.unit, found
            given = again.pop() if again else next(left, None)
            if given:
                running[worker.evaluate.remote(given, work.task(given.unit.step))] = worker, given
            elif all(other is None for _, other in running.values()):
                return  # those that have not started yet are not needed


def _given(work: Work, put: Callable[[Any], Any]) -> Generator[_Given]:
    """Yield the units; each model and shard is put where workers get it when it is first due."""
    of_step = {step: list(units) for step, units in groupby(work.units, lambda unit: unit.step)}
    tokens: dict[int, Any] = {}
    with closing(work.models(list(of_step))) as source:
        for step, model in source:
            held = put(model)
            del model
            for unit in of_step[step]:
                if unit.shard not in tokens:
                    tokens[unit.shard] = put(work.tokens[work.shards[unit.shard]])
                yield _Given(unit, held, tokens[unit.shard])


def _needs(device: str) -> dict[str, int]:
    """Return what a worker takes: a GPU, or as many CPUs as it has threads."""
    return {"num_gpus": 1} if device == "cuda" else {"num_cpus": torch.get_num_threads()}


def _room(resources: dict[str, float], device: str) -> int:
    """Return how many workers a cluster has room for.

    >>> _room({"CPU": 96.0, "GPU": 8.0}, "cuda")
    8
    """
    [needed] = _needs(device).values()
    kind = "GPU" if device == "cuda" else "CPU"
    there = int(resources.get(kind, 0))
    if there < needed:
        raise UserError(
            f"labels.engine=ray: a worker takes {needed} {kind}s and the cluster has {there}; "
            "lower threads, join a larger machine, or set labels.engine=local"
        )
    return there // needed


def _lost(unit: Unit | None, error: Exception) -> UserError:
    where = f"at step{unit.step}" if unit else "while it started"
    return lost(
        "labels.engine",
        f"a worker was lost {MOST_LOSSES} times {where}",
        error,
        "what is evaluated is kept: run the same command again to go on",
    )


# By the name that labels.engine has for it.
ENGINES: dict[str, Callable[[Work, Advance], Done]] = {"local": in_this_process, "ray": on_ray}
