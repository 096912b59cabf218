"""Sequences through a model in batches: as large as memory allows, never waiting for a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
import torch
from transformers import GPTNeoXForCausalLM

from memorization.errors import UserError
from memorization.protocol import SEQUENCE

Batch = int | Literal["auto"]
Outputs = tuple[torch.Tensor, ...]

# On the CPU larger batches are no faster: their activations leave the caches.
CPU_BATCH = 256
# On a GPU, half a million tokens keep every core busy; more only cost memory.
LARGEST = 8192
# Sequences that are copied to a GPU at a time; the next are on their way meanwhile. 16 MB.
AHEAD = 65_536
# Of the memory that is free, what batches may take; fragmentation and workspaces need the rest.
SHARE = 0.8
# Activations that are alive at once, in hidden vectors a token. At its peak a layer of GPT-NeoX
# holds 12: in the MLP, both sides of the activation function (4 + 4), its input, the residual, the
# output of the attention and the embeddings; in the attention 10. A third more for safety.
VECTORS = 16


def batch_on(device: torch.device, cpu_batch: int) -> Batch:
    """Return the batch for a device: the given one on the CPU, as many as fit on a GPU."""
    return "auto" if device.type == "cuda" else cpu_batch


def auto_batch(model: GPTNeoXForCausalLM, reserve: int = 0) -> int:
    """Return how many sequences a forward pass should take on the model's device.

    On a GPU the largest power of two for which ``VECTORS`` hidden vectors a token fit into
    ``SHARE`` of the memory that is free, less ``reserve`` bytes, at most ``LARGEST``: a power of
    two, so that a little more or less free memory does not change the last bits of results.
    """
    device = model.device
    if device.type == "cpu":
        return CPU_BATCH
    free, _ = torch.cuda.mem_get_info(device)
    # What PyTorch has set aside for itself and does not use is free as well.
    free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return fitting_batch(int(SHARE * free) - reserve, model.config.hidden_size, model.dtype)


def fitting_batch(room: int, hidden: int, dtype: torch.dtype) -> int:
    """Return the largest power of two of sequences that fit into a number of bytes.

    >>> fitting_batch(40 * 10**9, 5120, torch.float16)  # 12b: 10 MB a sequence
    2048
    >>> fitting_batch(0, 5120, torch.float16)
    1
    """
    bytes_each = VECTORS * hidden * (SEQUENCE - 1) * dtype.itemsize
    most = max(1, min(LARGEST, room // bytes_each))
    return 1 << (most.bit_length() - 1)


@torch.inference_mode()
def over_batches(
    compute: Callable[[torch.Tensor], Outputs],
    sequences: np.ndarray,
    device: torch.device,
    batch: int,
    advance: Callable[[int], None] = lambda done: None,
) -> tuple[np.ndarray, ...]:
    """Return what a function makes of sequences, int [n ≥ 1, 64], batch by batch, put together.

    Identical sequences are computed once, so they get identical results whatever the batches. On a
    GPU nothing in the loop waits for it: sequences come from page-locked memory ahead of their
    turn, and results stay there until the end. When memory runs out, the batch is halved.

    Parameters
    ----------
    compute : int64 [b, 64] on the device -> tensors of b rows.
    advance : told how many more of the n sequences were handed to the device.

    Raises
    ------
    UserError
        If memory does not suffice for a single sequence.
    """
    texts, inverse, counts = np.unique(sequences, axis=0, return_inverse=True, return_counts=True)
    results: list[Outputs] = []
    done = 0
    for rows in _on_device(torch.from_numpy(texts.astype(np.int32)), device, batch):
        first = done
        while done < first + len(rows):
            part = rows[done - first : done - first + batch].long()
            output = _unless_out_of_memory(compute, part)
            if output is None:
                if len(part) == 1:
                    raise UserError(
                        f"{device}: out of memory with one sequence; use a smaller model or "
                        "pythia.precision=float16, or free memory there"
                    )
                batch = len(part) // 2
                if device.type == "cuda":
                    torch.cuda.empty_cache()
                continue
            results.append(output)
            advance(int(counts[done : done + len(part)].sum()))
            done += len(part)
    each = inverse.reshape(-1)
    return tuple(torch.cat(column).cpu().numpy()[each] for column in zip(*results, strict=True))


def _unless_out_of_memory(
    compute: Callable[[torch.Tensor], Outputs], rows: torch.Tensor
) -> Outputs | None:
    """Return the outputs, or None; by then nothing holds on to the tensors that were too many."""
    try:
        return compute(rows)
    except torch.OutOfMemoryError:
        return None


def _on_device(sequences: torch.Tensor, device: torch.device, batch: int) -> Iterator[torch.Tensor]:
    """Yield the rows in pieces on the device, each copied while the one before is computed on."""
    if device.type != "cuda":
        yield sequences
        return
    here, aside = torch.cuda.current_stream(device), torch.cuda.Stream(device)
    ready = None
    for piece in sequences.split(max(1, AHEAD // batch) * batch):
        with torch.cuda.stream(aside):
            coming = piece.pin_memory().to(device, non_blocking=True)
        if ready is not None:
            yield ready
        here.wait_stream(aside)
        # Its memory was taken on the other stream, and must not be given away while used on this.
        coming.record_stream(here)
        ready = coming
    if ready is not None:
        yield ready
