"""What does a scan of each Pythia model cost? Arithmetic, not a measurement.

python benchmarks/scan_cost.py [SEQUENCES [CHECKPOINTS [TFLOPS]]]

Prints a table: gigabytes to download (two checkpoints are on disk at a time), operations, and hours
of one GPU that sustains so many TFLOP/s; `benchmarks/extraction.py` measures what yours sustains.
"""

from __future__ import annotations

import sys

from memorization.labels.plan import SUSTAINED_TFLOPS, scan_cost
from memorization.suite.pythia.facts import PUBLISHED

# Cases and cohort of the default sample.
SEQUENCES = 60_000


def main() -> None:
    """Print the table as Markdown."""
    given = [float(argument) for argument in sys.argv[1:]]
    sequences, checkpoints = (
        int(value) for value in (*given[:2], *(SEQUENCES, len(PUBLISHED.steps))[len(given[:2]) :])
    )
    rates = {f"{given[2]:g} TFLOP/s": given[2]} if len(given) > 2 else SUSTAINED_TFLOPS
    print(f"{sequences:,} sequences at {checkpoints} checkpoints\n")
    print("| target | GB on disk at most | GB to download | FLOP |", end="")
    print("".join(f" hours, {name} |" for name in rates))
    print("| --- | ---: | ---: | ---: |" + " ---: |" * len(rates))
    for model in PUBLISHED.models:
        cost = scan_cost(model.parameters, sequences, checkpoints, model.checkpoint_bytes)
        hours = "".join(f" {cost['flops'] / (rate * 1e12) / 3600:.1f} |" for rate in rates.values())
        print(
            f"| {model.name} | {2 * model.checkpoint_bytes / 1e9:.1f} | {cost['gigabytes']:,.0f} | "
            f"{cost['flops']:.1e} |{hours}"
        )


if __name__ == "__main__":
    main()
