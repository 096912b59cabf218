"""The one exception that is written for the person at the keyboard, and how a command ends."""

from __future__ import annotations

import sys
from collections.abc import Callable


class UserError(Exception):
    """A mistake in the input: the message says what was wrong, what is allowed and what to do.

    Stages and commands print it as one line, without a traceback, and exit with status 1.
    """


def run(
    main: Callable[[], None],
    interrupted: str = "interrupted; run the same command again to go on",
) -> None:
    """Run a stage or a command; a user's mistake becomes one line and exit status 1."""
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(interrupted)
