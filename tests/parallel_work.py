"""Work for other processes, which can import what is on the path of the tests, but no test."""

from __future__ import annotations

import os

import numpy as np

from memorization.errors import UserError


def scaled(item: int, values: np.ndarray) -> tuple[float, int]:
    return float((values * item).sum()), os.getpid()


def refuse(item: int) -> None:
    if item == 2:
        raise UserError("two is too many")
