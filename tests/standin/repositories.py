"""What the stand-in serves: repositories, their revisions and the files in them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

Content = bytes | Path
Files = Mapping[str, Content]

# The hub keeps files of these kinds, and large ones, outside of git, and knows their SHA-256.
LARGE = (".bin", ".idx", ".parquet", ".safetensors", ".zst")
LARGE_SIZE = 10_000_000


@dataclass(frozen=True)
class File:
    """A file of a revision, in memory or on disk."""

    path: str
    content: Content

    @cached_property
    def size(self) -> int:
        if isinstance(self.content, bytes):
            return len(self.content)
        return self.content.stat().st_size

    @property
    def is_large(self) -> bool:
        return self.path.endswith(LARGE) or self.size >= LARGE_SIZE

    @cached_property
    def sha256(self) -> str:
        if isinstance(self.content, bytes):
            return hashlib.sha256(self.content).hexdigest()
        with self.content.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @cached_property
    def blob(self) -> str:
        """The id that git gives to the file, or to the pointer that stands for a large one."""
        content = self.pointer if self.is_large else self.read(0, self.size)
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    @property
    def pointer(self) -> bytes:
        return (
            "version https://git-lfs.github.com/spec/v1\n"
            f"oid sha256:{self.sha256}\nsize {self.size}\n"
        ).encode()

    @property
    def etag(self) -> str:
        return self.sha256 if self.is_large else self.blob

    def read(self, start: int, stop: int) -> bytes:
        if isinstance(self.content, bytes):
            return self.content[start:stop]
        with self.content.open("rb") as file:
            file.seek(start)
            return file.read(stop - start)

    def description(self) -> dict:
        """The file as the hub's tree describes it."""
        entry = {"type": "file", "oid": self.blob, "size": self.size, "path": self.path}
        if self.is_large:
            lfs = {"oid": self.sha256, "size": self.size, "pointerSize": len(self.pointer)}
            entry["lfs"] = lfs
        return entry


@dataclass(frozen=True)
class Revision:
    """One commit: its files by path."""

    name: str
    files: dict[str, File]

    @cached_property
    def commit(self) -> str:
        total = hashlib.sha1(self.name.encode())
        for path, file in sorted(self.files.items()):
            total.update(f"{path} {file.size} ".encode())
            # Hashing gigabytes would delay the first answer; a file on disk is known by its time.
            if isinstance(file.content, bytes):
                total.update(file.content)
            elif file.size < LARGE_SIZE:
                total.update(file.content.read_bytes())
            else:
                total.update(b"%d" % file.content.stat().st_mtime_ns)
        return total.hexdigest()

    def folders(self) -> list[str]:
        paths = {parent.as_posix() for path in self.files for parent in Path(path).parents}
        return sorted(paths - {"."})


class Repositories:
    """Repositories by the path that they have on the hub: ``datasets/OWNER/NAME``, ``OWNER/NAME``.

    Parameters
    ----------
    source : name -> revision -> path -> bytes or a path on disk; or a folder that holds
        ``datasets/OWNER/NAME/REVISION/…`` and ``models/OWNER/NAME/REVISION/…``.
    """

    def __init__(self, source: Mapping[str, Mapping[str, Files]] | str | Path) -> None:
        if isinstance(source, str | Path):
            source = _read(Path(source))
        self._revisions = {
            name.removeprefix("models/"): {
                revision: Revision(
                    f"{name}@{revision}", {path: File(path, files[path]) for path in sorted(files)}
                )
                for revision, files in revisions.items()
            }
            for name, revisions in source.items()
        }

    def names(self) -> list[str]:
        return sorted(self._revisions)

    def branches(self, name: str) -> dict[str, Revision] | None:
        return self._revisions.get(name)

    def revision(self, name: str, revision: str) -> Revision | None:
        """Return a revision by its branch or its commit."""
        branches = self._revisions.get(name, {})
        if revision in branches:
            return branches[revision]
        return next((r for r in branches.values() if r.commit == revision), None)

    def commit(self, name: str, revision: str = "main") -> str:
        found = self.revision(name, revision)
        if found is None:
            raise KeyError(f"{name}@{revision}")
        return found.commit


def _read(folder: Path) -> dict[str, dict[str, dict[str, Content]]]:
    found: dict[str, dict[str, dict[str, Content]]] = {}
    for revision in sorted(folder.glob("*/*/*/*")):
        kind, owner, name = revision.relative_to(folder).parts[:3]
        if kind in ("datasets", "models") and revision.is_dir():
            prefix = "datasets/" if kind == "datasets" else ""
            files = {
                path.relative_to(revision).as_posix(): path
                for path in sorted(revision.rglob("*"))
                if path.is_file()
            }
            found.setdefault(f"{prefix}{owner}/{name}", {})[revision.name] = files
    return found


def write(folder: Path, repositories: Mapping[str, Mapping[str, Files]]) -> None:
    """Write repositories in the layout that `Repositories` reads."""
    for name, revisions in repositories.items():
        place = folder / (name if name.startswith("datasets/") else f"models/{name}")
        for revision, files in revisions.items():
            for path, content in files.items():
                file = place / revision / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
