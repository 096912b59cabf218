"""Mixing the predictions of longer and shorter contexts, so that no probability is zero."""

from __future__ import annotations

import numpy as np


def mix(token: np.ndarray, context: np.ndarray, shorter: np.ndarray) -> np.ndarray:
    """Return the probability of a token after a context, given that after a shorter one.

    The shorter context's prediction counts as one observation (a Dirichlet prior; MacKay & Peto
    1995): (token + shorter) / (context + 1), where ``token`` and ``context`` are how often the
    context occurs with and without the token, ``shorter`` the probability after the shorter one.
    """
    return (token + shorter) / (context + 1)
