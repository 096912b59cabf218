"""What a scan costs: bytes to download and operations to run, by arithmetic alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from memorization.protocol import SEQUENCE

# What one GPU is taken to sustain: 30 to 40 % of what data sheets give for 16-bit matrix products
# without sparsity (A100: 312, H100: 989 TFLOP/s), rounded down.
SUSTAINED_TFLOPS = {"A100": 100, "H100": 300}


@dataclass(frozen=True)
class ScanCost:
    """The cost of a scan.

    Attributes
    ----------
    checkpoints, sequences : what is scanned.
    bytes : to download, all in all; never more than two checkpoints are on disk.
    flops : floating-point operations.
    """

    checkpoints: int
    sequences: int
    bytes: int
    flops: float

    def hours(self, tflops: float) -> float:
        """Return the hours that it takes at a rate, in TFLOP/s, when downloads keep up."""
        return self.flops / (tflops * 1e12) / 3600

    def metrics(self) -> dict[str, Any]:
        """Return the cost as plain values."""
        return {
            "checkpoints": self.checkpoints,
            "sequences": self.sequences,
            "gigabytes": self.bytes / 1e9,
            "flops": self.flops,
            "gpu_hours": {gpu: self.hours(rate) for gpu, rate in SUSTAINED_TFLOPS.items()},
            "assumed_tflops": dict(SUSTAINED_TFLOPS),
        }

    def __str__(self) -> str:
        """One phrase for a person."""
        hours = ", ".join(
            f"{self.hours(rate):.2g} h on one {gpu} ({rate} TFLOP/s)"
            for gpu, rate in SUSTAINED_TFLOPS.items()
        )
        return (
            f"{self.checkpoints} checkpoints, {self.bytes / 1e9:,.0f} GB to download, "
            f"{self.flops:.1e} FLOP: {hours}"
        )


def scan_cost(
    parameters: int, sequences: int, checkpoints: int, checkpoint_bytes: int = 0
) -> ScanCost:
    """Return the cost of one teacher-forced pass over sequences at some checkpoints.

    A pass takes two operations a parameter and token (Kaplan et al. 2020, "Scaling laws for neural
    language models", section 2.1), over the 63 tokens that decide a sequence.

    Parameters
    ----------
    parameters : of the model, embeddings included; so an upper bound for small models.
    sequences : distinct ones, each evaluated at every checkpoint.
    checkpoints : how many.
    checkpoint_bytes : of one checkpoint to download; 0 where they are on disk.

    >>> cost = scan_cost(1_414_647_808, 60_000, 143, 2_930_000_000)
    >>> cost.bytes / 1e9, cost.flops, round(cost.hours(tflops=100), 1)
    (418.99, 1.52934745227264e+18, 4.2)
    """
    flops = 2.0 * parameters * (SEQUENCE - 1) * sequences * checkpoints
    return ScanCost(checkpoints, sequences, checkpoints * checkpoint_bytes, flops)
