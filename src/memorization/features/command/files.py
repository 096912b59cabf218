"""What is read must be readable, and what is written must not replace what it should not."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from memorization.errors import UserError


@contextmanager
def readable(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a library raises on a file that it cannot read into a UserError.

    Only calls of that library belong inside: on damaged files they raise nearly anything.

    >>> with readable(Path("x.npy"), "NumPy file"):
    ...     raise EOFError("no data left")
    Traceback (most recent call last):
    memorization.errors.UserError: x.npy: not a NumPy file (no data left)
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{path}: not a {kind} ({reason(error)})") from None


def reason(error: Exception) -> str:
    """Return what an error says, in one line."""
    said = getattr(error, "strerror", None) or str(error)
    return " ".join(said.split()) or type(error).__name__


def partial_of(destination: Path) -> Path:
    """Return the file that is written first, and becomes the destination once it is whole."""
    return destination.with_name(destination.name + ".partial")


def check_destination(destination: Path, *sources: Path) -> Path:
    """Return the file to write, with links followed; nothing is created.

    Parameters
    ----------
    sources : files and folders that are read, which writing must leave as they are.

    Raises
    ------
    UserError
        If it is one of the sources or in one, is there and no regular file, or cannot be created.
    """
    try:
        real = destination.resolve()
        if real.is_dir():
            raise UserError(f"{destination}: a folder; name the Parquet file to write")
        folder = next(above for above in real.parents if above.exists())
        # Its name is as long as the partial file's.
        tempfile.NamedTemporaryFile(prefix=real.name, dir=folder).close()
        for target in (real, partial_of(real)):
            if target.exists() and not target.is_file():
                raise UserError(f"{target}: no regular file, not replaced; name another to write")
            for source in sources:
                if target.is_relative_to(source.resolve()):
                    raise UserError(
                        f"{destination}: writing it would change {source}, which is read; name "
                        "another file to write"
                    )
    except (OSError, RuntimeError) as error:
        raise UserError(f"{destination}: cannot be written ({reason(error)})") from None
    return real
