"""How narrowly labels are decided: the table, and what it says by margin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from memorization.extraction.margins import DTYPES
from memorization.tables import MARGINS, empty_table

# Margins in logits, each band from its first edge on to below its second.
EDGES = (-1.0, -0.1, 0.0, 0.1, 1.0)
BANDS = ("below -1", "-1 to -0.1", "-0.1 to 0", "0 to 0.1", "0.1 to 1", "1 and above")


def margins_table(labels: pd.DataFrame, found: dict[str, np.ndarray] | None) -> pd.DataFrame:
    """Return the margins table of labels, of which `flips` found this; no rows if of none.

    A label of which another scan says otherwise, as of a sequence that is in the census and is
    followed, is one that other batches flip.

    >>> labels = pd.DataFrame({"index": [3, 7], "memorized": [False, True]})
    >>> found = {"margin": np.array([-2, 0.5], np.float32), "memorized": np.array([False, True])}
    >>> found |= {"precision": np.array("float32"), "float32": np.zeros(2, bool)}
    >>> found |= {"bfloat16": np.array([False, True]), "float16": np.zeros(2, bool)}
    >>> margins_table(labels, found)["fragile"].tolist()
    [False, True]
    """
    if found is None:
        return empty_table(MARGINS)
    memorized = labels["memorized"].to_numpy()
    differs = memorized != found["memorized"]
    flipped = {name: found[name] ^ differs for name in DTYPES}
    own = str(found["precision"])
    flipped[own] = found[own] | differs
    return pd.DataFrame(
        {
            "index": labels["index"].to_numpy(),
            "memorized": memorized,
            "margin": found["margin"],
            "fragile": np.any(list(flipped.values()), axis=0),
            **flipped,
        }
    )


def margin_statistics(
    table: pd.DataFrame, published: np.ndarray | None, found: dict[str, np.ndarray] | None
) -> dict[str, Any] | None:
    """Return what the margins table says as a whole; None if nothing was scanned.

    Parameters
    ----------
    published : bool [n], whether a sequence is memorized by the labels of the population; None:
        there are none.
    found : what `flips` found.

    Returns
    -------
    dict
        ``n``; ``precision`` of the scan; ``fragile``; ``flips``, by other batches and by each other
        precision; ``bands``, by margin: sequences, memorized and fragile ones, and the share whose
        label is the published one, null where there are none.
    """
    if found is None:
        return None
    own = str(found["precision"])
    places = np.digitize(table["margin"].to_numpy(), EDGES)
    memorized, fragile = table["memorized"].to_numpy(), table["fragile"].to_numpy()
    agrees = None if published is None else memorized == published
    bands = {}
    for place, band in enumerate(BANDS):
        inside = places == place
        known = None if agrees is None or not inside.any() else agrees[inside]
        bands[band] = {
            "sequences": int(inside.sum()),
            "memorized": int(memorized[inside].sum()),
            "fragile": int(fragile[inside].sum()),
            "agreement": None if known is None else float(known.mean()),
        }
    return {
        "n": len(table),
        "precision": own,
        "fragile": int(fragile.sum()),
        "flips": {
            "other_batches": int(table[own].sum()),
            **{name: int(table[name].sum()) for name in DTYPES if name != own},
        },
        "bands": bands,
    }
