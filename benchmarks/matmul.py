"""The floor that the other benchmarks are measured against: what this machine's cores multiply."""

from __future__ import annotations

import time

import torch


def peak_gflops(
    device: torch.device, seconds: float = 1.0, dtype: torch.dtype = torch.float32
) -> float:
    """Return the best rate of a matrix product here, GFLOP/s, over a few shapes."""
    best = 0.0
    shapes = [(2048, 2048, 2048), (1024, 128, 512), (1024, 512, 128)]
    if device.type == "cuda":
        shapes.append((8192, 8192, 8192))
    for m, k, n in shapes:
        a = torch.randn(m, k, device=device, dtype=dtype)
        b = torch.randn(k, n, device=device, dtype=dtype)
        a @ b
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            for _ in range(20):
                a @ b
            if device.type == "cuda":
                torch.cuda.synchronize()
            best = max(best, 20 * 2 * m * k * n / (time.perf_counter() - start) / 1e9)
    return best
