"""The stages of the pipeline, one thin script each: read params and tables, call, write.

``python -m memorization.stages.NAME`` runs one; ``dvc repro`` runs those whose inputs changed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from memorization.errors import UserError


def run(main: Callable[[], None]) -> None:
    """Run a stage; a user's mistake becomes one line and exit status 1, without a traceback."""
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted; run the same command again to go on")
