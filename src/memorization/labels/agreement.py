"""Does a scan find at the end of training what was published?"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

# Below it, what is scanned is hardly what was published.
EXPECTED = 0.99


def scan_agreement(scanned: np.ndarray, published: np.ndarray) -> dict[str, Any]:
    """Return how many labels of a scan at the last checkpoint are the published ones.

    Greedy decoding meets near-ties, which another precision, batch or GPU decides otherwise; some
    labels per thousand may differ for that. More is another model, another text or a fault.

    Parameters
    ----------
    scanned, published : bool [n], memorized at the end.

    >>> scan_agreement(np.array([True, True, False, False]), np.array([True, False, True, False]))
    {'n': 4, 'share': 0.5, 'published_only': 1, 'scan_only': 1}
    """
    n = len(scanned)
    return {
        "n": n,
        "share": float(np.mean(scanned == published)) if n else None,
        "published_only": int((published & ~scanned).sum()),
        "scan_only": int((scanned & ~published).sum()),
    }


def warn_if_low(found: dict[str, Any], target: str) -> None:
    """Say so, loudly, on standard error, when a scan agrees too little with what was published."""
    if found["share"] is None or found["share"] >= EXPECTED:
        return
    line = "!" * 90
    print(
        f"{line}\n"
        f"WARNING: at the last checkpoint the scan of {target} agrees with the published labels\n"
        f"on only {found['share']:.2%} of {found['n']:,} sequences; {EXPECTED:.0%} or more are "
        "expected.\n"
        f"Memorized by the published labels only: {found['published_only']:,}; by the scan only: "
        f"{found['scan_only']:,}.\n"
        "So its times may be those of another model than the labels. Likely causes: checkpoints\n"
        "of v1 (the labels come from v0; see pythia.models), another variant, another commit, or\n"
        f"too low a precision. The scan goes on.\n{line}",
        file=sys.stderr,
        flush=True,
    )
