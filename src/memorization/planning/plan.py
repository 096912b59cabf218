"""The arithmetic of a scan, and of the cascade over a whole population at one checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from memorization.errors import UserError
from memorization.extraction.batches import SHARE, fitting_batch
from memorization.extraction.score import LOGIT_BYTES, LOGITS, STEPS
from memorization.labels.plan import scan_cost
from memorization.planning.cards import Card
from memorization.protocol import PROMPT, SEQUENCE
from memorization.suite.declared.declaration import Declaration, PublishedModel

# Share of a population that is still right after so many continuation tokens: of a micro-1100k at
# its last checkpoint, of which 2.8 % were memorized. Of Pythia 12b it is 1.6 % (its published
# labels); how many get how far is not published.
STILL_RIGHT = {1: 0.48, 2: 0.29, 4: 0.15, 8: 0.09, 16: 0.054, 32: 0.028}
# Bytes of a token of Pythia in its training data.
TOKEN = 2


@dataclass(frozen=True)
class Machine:
    """What there is to compute with: cards, and bytes a second of the network and the disk."""

    card: Card
    gpus: int
    bandwidth: float
    disk: float


@dataclass(frozen=True)
class Plan:
    """What something costs.

    Attributes
    ----------
    sequences, checkpoints : how many are evaluated; checkpoints of all runs together.
    tokens : of a sequence, that go through the model, on average.
    downloaded, disk : GB to download, and GB on the disk at most.
    flops : operations.
    batch : sequences in a forward pass; None: not known.
    is_memory_bound : whether a card waits for the weights rather than computes, in some pass.
    download_hours, disk_hours, compute_hours : each for itself.
    hours : of the whole, in which some of it goes on side by side.
    bottleneck : what most of these hours are spent on: download, disk or compute.
    """

    sequences: int
    checkpoints: int
    tokens: float
    downloaded: float
    disk: float
    flops: float
    batch: int | None
    is_memory_bound: bool
    download_hours: float
    disk_hours: float
    compute_hours: float
    hours: float
    bottleneck: str


def scan_plan(
    model: PublishedModel, sequences: int, checkpoints: int, machine: Machine, runs: int = 1
) -> Plan:
    """Return the cost of a scan as `memorization.labels.checkpoints` streams it.

    While one checkpoint is loaded and evaluated, the next is downloaded, written, and read again to
    check its digest. So the slower of the two sets the pace; only the first download and the last
    evaluation of a run have nothing beside them.

    Parameters
    ----------
    checkpoints : of all runs together.
    runs : of the model's shape, which are scanned one after the other.

    Raises
    ------
    UserError
        If the model does not fit into the card.
    """
    size = model.checkpoint_bytes
    cost = scan_cost(model.parameters, sequences, checkpoints, size)
    batch = _batch(model, machine.card)
    download, disk = size / machine.bandwidth, size / machine.disk
    each, is_memory_bound = _seconds(model, [(SEQUENCE - 1, 1.0)], batch, machine)
    compute = sequences * each
    # It is written as it comes.
    fetch, evaluate = max(download, disk) + disk, disk + compute
    beside = {"download": download} if fetch > evaluate else {"compute": compute}
    parts = beside | {"disk": disk}
    return Plan(
        sequences=sequences,
        checkpoints=checkpoints,
        tokens=SEQUENCE - 1,
        downloaded=cost["gigabytes"],
        disk=2 * size / 1e9,
        flops=cost["flops"],
        batch=batch,
        is_memory_bound=is_memory_bound,
        download_hours=checkpoints * download / 3600,
        disk_hours=checkpoints * 3 * disk / 3600,
        compute_hours=checkpoints * compute / 3600,
        hours=(runs * (fetch + evaluate) + (checkpoints - runs) * max(fetch, evaluate)) / 3600,
        bottleneck=max(parts, key=lambda part: parts[part]),
    )


def cascade_passes() -> list[tuple[int, float]]:
    """Return the passes of `memorization.extraction.score.memorized`: tokens, share of sequences.

    All are read up to the end of the prompt; what is still right, a few tokens more at a time; what
    is right halfway, once more as a whole.
    """
    passes, right = [(PROMPT, 1.0)], 1
    for step in STEPS:
        passes.append((step, STILL_RIGHT[right]))
        right += step
    return [*passes, (SEQUENCE - 1, STILL_RIGHT[right])]


def cascade_plan(model: PublishedModel, facts: Declaration, machine: Machine) -> Plan:
    """Return the cost of deciding the whole population at one checkpoint.

    The training rows are read in passing, whole, since there is no cheaper way to their first 64
    tokens than a request for each; only these are kept. They are evaluated as they come, once the
    checkpoint is there.

    Raises
    ------
    UserError
        If the model does not fit into the card.
    """
    n, size = facts.population, model.checkpoint_bytes
    rows, kept = TOKEN * facts.window * n, TOKEN * SEQUENCE * n
    passes = cascade_passes()
    batch = _batch(model, machine.card)
    # As in `memorized`: keys and values take memory, too.
    batch = batch and max(1, batch // (1 + model.layers // 8))
    each, is_memory_bound = _seconds(model, passes, batch, machine)
    parts = {
        "download": rows / machine.bandwidth,
        "disk": 2 * kept / machine.disk,
        "compute": n * each,
    }
    tokens = sum(number * share for number, share in passes)
    first = max(size / machine.bandwidth, size / machine.disk) + 2 * size / machine.disk
    return Plan(
        sequences=n,
        checkpoints=1,
        tokens=tokens,
        downloaded=(rows + size) / 1e9,
        disk=(kept + size) / 1e9,
        flops=2 * model.parameters * tokens * n,
        batch=batch,
        is_memory_bound=is_memory_bound,
        download_hours=(rows + size) / machine.bandwidth / 3600,
        disk_hours=(2 * kept + 3 * size) / machine.disk / 3600,
        compute_hours=parts["compute"] / 3600,
        hours=(first + max(parts.values())) / 3600,
        bottleneck=max(parts, key=lambda part: parts[part]),
    )


def _batch(model: PublishedModel, card: Card) -> int | None:
    """Return the batch that `auto_batch` would choose on a card that holds the weights alone."""
    if card.memory is None:
        return None
    weights = 2 * model.parameters
    free = card.memory * 1e9 - weights
    if free <= 0:
        raise UserError(
            f"--card: in 16 bits {model.name} takes {weights / 1e9:.1f} GB, {card.name} has "
            f"{card.memory:g} GB of memory; name a larger card or a smaller target"
        )
    reserve = LOGIT_BYTES * LOGITS["cuda"]
    return fitting_batch(int(SHARE * free) - reserve, model.hidden, torch.float16)


def _seconds(
    model: PublishedModel, passes: list[tuple[int, float]], batch: int | None, machine: Machine
) -> tuple[float, bool]:
    """Return the seconds a sequence takes if all GPUs share the sequences; whether memory limits.

    A pass is bound by its operations or, in small batches, by the weights that it reads once
    (Williams et al. 2009, "Roofline").
    """
    card, reading = machine.card, 0.0
    if batch is not None and card.memory_bandwidth is not None:
        reading = 2 * model.parameters / (batch * card.memory_bandwidth * 1e9)
    operations = [
        2 * model.parameters * tokens * share / (card.sustained * 1e12) for tokens, share in passes
    ]
    seconds = sum(max(reading, computing) for computing in operations)
    return seconds / machine.gpus, reading > min(operations)
