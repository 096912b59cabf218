"""Files that are there whole or not at all, whenever a run is killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a file to write, beside ``path``, whose place it takes when the block ends well.

    Until then, and if it ends with an exception, what was there stays. A file that ``path`` is a
    link to, such as one in DVC's cache, stays as it is; the link is replaced. The folder is made if
    missing.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "new", "a.txt")
    ...     with replacing(path) as partial:
    ...         _ = partial.write_text("whole")
    ...     path.read_text(), [file.name for file in path.parent.iterdir()]
    ('whole', ['a.txt'])
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
