"""Where models run."""

from __future__ import annotations

import os

import torch

from memorization.errors import UserError


def choose_device(name: str) -> torch.device:
    """Return the device for ``cpu``, ``cuda`` or ``auto``, set up so that results repeat.

    Raises
    ------
    UserError
        If a GPU is asked for and there is none.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise UserError("device='cuda': no CUDA device here; use cpu or auto")
    if name == "cpu" or not available:
        return torch.device("cpu")  # every operation used here repeats its bits, given the threads
    torch.use_deterministic_algorithms(True)
    # By default the line above also fills all new memory, which costs a fifth of the speed.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    # cuBLAS repeats its bits only with a workspace of a fixed size.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    return torch.device("cuda")
