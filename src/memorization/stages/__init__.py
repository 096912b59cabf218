"""The stages of the pipeline, one thin script each: read params and tables, call, write.

``dvc repro`` runs those whose inputs changed, each as ``python -m memorization.stages.NAME``.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from memorization.errors import run, tell_interrupts

PACKAGE = Path(__file__).parents[1]
PIPELINE = "dvc.yaml"
LOOK = 0.5  # seconds between two looks whether DVC still runs

tell_interrupts()


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage: by the code of the checkout that it works in, and no longer than DVC does."""
    here = Path("src/memorization")
    if Path(PIPELINE).exists() and not (here.is_dir() and here.samefile(PACKAGE)):
        sys.exit(
            f"error: this is the code in {PACKAGE}, but {PIPELINE} is about {here.absolute()}; "
            f"run `dvc repro`, or set PYTHONPATH={here.parent.absolute()}"
        )
    if "DVC_STAGE" in os.environ:
        threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    run(main)


def _end_with(parent: int) -> None:
    """End this process when its parent, DVC, has ended: nobody would take up what it makes."""
    while os.getppid() == parent:
        time.sleep(LOOK)
    os.kill(os.getpid(), signal.SIGTERM)
