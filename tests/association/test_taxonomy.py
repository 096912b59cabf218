from __future__ import annotations

import numpy as np

from memorization.association.kinds import TAXONOMY, taxonomy


def test_every_combination():
    duplicates, repeating, incrementing = np.meshgrid([1, 5, 6, 500], [0, 1], [0, 1])
    found = taxonomy(duplicates.ravel(), repeating.ravel(), incrementing.ravel())
    for kind, d, r, i in zip(
        found, duplicates.flat, repeating.flat, incrementing.flat, strict=True
    ):
        if d >= 6:
            assert kind == "recitation"
        else:
            assert kind == ("reconstruction" if r or i else "recollection")
    assert set(found) == set(TAXONOMY)
