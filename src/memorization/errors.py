"""The one exception that is written for the person at the keyboard, and how a command ends."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from types import TracebackType

GO_ON = "interrupted; run the same command again to go on"


class UserError(Exception):
    """A mistake in the input: the message says what was wrong, what is allowed and what to do.

    Stages and commands print it as one line, without a traceback, and exit with status 1.
    """


def run(main: Callable[[], None], interrupted: str = GO_ON) -> None:
    """Run a stage or a command; a user's mistake becomes one line and exit status 1.

    So does what the machine lacks: memory, room on the disk, or the right to write.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Where a terminal or a pipe has no such letter, a dash say, the rest is worth printing.
        sys.stdout.reconfigure(errors="replace")
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(interrupted)
    except BrokenPipeError:
        # Who reads has had enough, as `head` has. What is still held would be written at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        lacking = lack_of(error)
        if lacking is None:
            raise
        sys.exit(f"error: {lacking}")


def lack_of(error: Exception) -> str | None:
    """Return what the machine lacked where an error was raised, in words; None: nothing.

    Libraries raise what they like when memory or disks are full, so their words count, too.

    >>> lack_of(RuntimeError("[enforce fail at alloc_cpu.cpp] can't allocate memory: 8 bytes"))
    'out of memory; make models or batch smaller, lower threads, or use a larger machine'
    """
    words, code = " ".join(str(error).split()), getattr(error, "errno", None)
    if isinstance(error, BrokenExecutor):
        return (
            "a worker process was ended from outside, most often for want of memory; lower "
            "threads in params.yaml, or use a larger machine"
        )
    if isinstance(error, MemoryError) or re.search("allocate memory|out of memory", words):
        return "out of memory; make models or batch smaller, lower threads, or use a larger machine"
    # NumPy tells how much it wrote, safetensors the number alone.
    full = "No space left|os error 28|disk quota|[0-9]+ requested and [0-9]+ written"
    if code in (errno.ENOSPC, errno.EDQUOT) or re.search(full, words):
        return f"no room on the disk ({words}); make room and run the same command again to go on"
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"may not be read or written here ({words}); change its permissions or the place"
    return None


def tell_interrupts() -> None:
    """See to it that Ctrl-C ends in one line also before `run` begins, while libraries load."""
    otherwise = sys.excepthook

    def tell(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            print(GO_ON, file=sys.stderr)
        else:
            otherwise(kind, error, traceback)

    sys.excepthook = tell
