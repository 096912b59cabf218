"""Ray, started here or joined: the optional engine of scans and counts (pip install '.[ray]')."""

from __future__ import annotations

import logging
import os
import socket
from typing import Any

from memorization.errors import UserError

# What has ended so many processes is not tried again: most likely it is what ends them.
MOST_LOSSES = 3


def started(parameter: str) -> Any:
    """Return Ray, connected to the cluster that RAY_ADDRESS names, or else started here.

    Parameters
    ----------
    parameter : which asks for it, to name in an error: ``labels.engine``.

    Raises
    ------
    UserError
        If it is not installed, or no cluster answers.
    """
    # Neither should it tell its makers of each start, nor hide a GPU from who asks for none.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError:
        raise UserError(
            f"{parameter}=ray: Ray is not installed; run pip install '.[ray]' here and on every "
            f"machine of the cluster, or set {parameter}=local"
        ) from None
    if not ray.is_initialized():
        address = os.environ.get("RAY_ADDRESS", "local")
        host, _, port = address.rpartition(":")
        try:
            if address not in ("local", "auto"):
                # Ray itself would try for minutes.
                socket.create_connection((host, int(port)), timeout=10).close()
            ray.init(
                address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
            )
        except (OSError, ValueError, OverflowError) as error:
            raise UserError(
                f"RAY_ADDRESS={address}: no Ray cluster answers ({error}); set it to the HOST:PORT "
                "that ray start --head prints, or unset it to use this machine alone"
            ) from None
    return ray


def lost(parameter: str, what: str, error: Exception, advice: str) -> UserError:
    """Return what to tell the user of a loss that is not tried again: of what, and what to do."""
    reason = " ".join(str(error).split())[:200]
    return UserError(f"{parameter}=ray: {what}, most often for want of memory ({reason}); {advice}")
