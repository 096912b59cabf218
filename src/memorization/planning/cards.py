"""GPUs, by what their data sheets say and what they are taken to sustain."""

from __future__ import annotations

import re
from dataclasses import dataclass

from memorization.errors import UserError
from memorization.labels.plan import SUSTAINED_TFLOPS

# Of the peak, where `SUSTAINED_TFLOPS` has no rate: the lower end of the 30 to 40 % that its rates
# were taken from.
EFFICIENCY = 0.3


@dataclass(frozen=True)
class Card:
    """What computes.

    Attributes
    ----------
    sustained : TFLOP/s that it keeps up, in the operations that `scan_cost` counts.
    peak : TFLOP/s of 16-bit matrix products that are summed in 32 bits, without sparsity; None:
        not known, as the next two.
    memory : GB.
    memory_bandwidth : GB/s.
    source : where the numbers are from.
    """

    name: str
    sustained: float
    peak: float | None
    memory: float | None
    memory_bandwidth: float | None
    source: str


def _card(name: str, peak: float, memory: float, memory_bandwidth: float, source: str) -> Card:
    sustained = SUSTAINED_TFLOPS.get(name, EFFICIENCY * peak)
    return Card(name, sustained, peak, memory, memory_bandwidth, source)


# As sold for servers (SXM) where there are several; sheets that give the peak with sparsity give
# twice these.
CARDS = {
    card.name.lower(): card
    for card in (
        _card("T4", 65, 16, 320, "NVIDIA T4 data sheet"),
        _card("V100", 125, 32, 900, "NVIDIA V100 data sheet (SXM2)"),
        _card("A100", 312, 80, 2039, "NVIDIA A100 data sheet (SXM, 80 GB)"),
        _card("L4", 121, 24, 300, "NVIDIA L4 data sheet"),
        _card("L40S", 362, 48, 864, "NVIDIA L40S data sheet"),
        _card("RTX4090", 165, 24, 1008, "NVIDIA Ada GPU architecture, appendix A"),
        _card("H100", 989, 80, 3350, "NVIDIA H100 data sheet (SXM)"),
        _card("H200", 989, 141, 4800, "NVIDIA H200 data sheet (SXM)"),
    )
}


def card_named(name: str) -> Card:
    """Return a card of the table, or one of which nothing is known but a rate, as in ``250``.

    Raises
    ------
    UserError
        If it is neither.
    """
    if name.lower() in CARDS:
        return CARDS[name.lower()]
    if re.fullmatch(r"\d+(\.\d+)?", name) and float(name) > 0:
        return Card("GPU", float(name), None, None, None, "rate as given")
    raise UserError(
        f"--card: '{name}' is none of {', '.join(CARDS)}; of another, give the TFLOP/s that it "
        "sustains, such as 250, or say `here` to measure this machine"
    )
