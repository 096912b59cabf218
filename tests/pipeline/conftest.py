"""The whole pipeline on a miniature: the most repetitive part of the corpus, three tiny models."""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MINIATURE = Path(__file__).with_name("params.yaml")
PARTS = ("clients/", "licences/", "prose/dict-devil")


class Study:
    """A copy of the repository with the miniature's corpus and parameters."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(folder / "src"),  # the copy's own code runs
            "GIT_AUTHOR_NAME": "test",
            "GIT_AUTHOR_EMAIL": "test@example.org",
            "GIT_COMMITTER_NAME": "test",
            "GIT_COMMITTER_EMAIL": "test@example.org",
        }

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, text=True, capture_output=True
        )
        assert not check or done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done

    def files(self, *folders: str) -> dict[str, bytes]:
        """Return every file below the folders, work in progress apart."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for folder in folders
            for path in sorted((self.folder / folder).rglob("*"))
            if path.is_file() and ".partial" not in path.parts
        }


def copy_repository(folder: Path) -> Study:
    """Return a study in a new git repository with what git would track here."""
    study = Study(folder)
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    for name in filter(None, listing.decode().split("\0")):
        source, destination = ROOT / name, folder / name
        if source.is_file() and name not in ("data.dvc", "dvc.lock"):
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, destination)
    shutil.copyfile(MINIATURE, folder / "params.yaml")
    _shrink(folder / "corpus" / "corpus.tar.xz")
    study.run("git", "init", "--quiet", "--initial-branch=main")
    study.run("git", "add", "--all")
    study.run("git", "commit", "--quiet", "--message", "Start")
    # As the design of the data flow says; the miniature has a corpus of its own.
    study.run("dvc", "import-url", "--quiet", "./corpus", "data")
    study.run("dvc", "unfreeze", "data.dvc")
    study.run("git", "add", "--all")
    study.run("git", "commit", "--quiet", "--message", "Import the corpus")
    return study


def _shrink(archive: Path) -> None:
    small = archive.with_name("small.tar.xz")
    with tarfile.open(archive) as source, tarfile.open(small, "w:xz", preset=0) as destination:
        for member in source:
            if member.name.startswith(PARTS):
                destination.addfile(member, source.extractfile(member))
    small.replace(archive)


@pytest.fixture(scope="session")
def new_study(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Study]:
    """Make copies of the repository with the miniature's corpus and parameters."""
    return lambda: copy_repository(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="session")
def finished(new_study: Callable[[], Study]) -> Study:
    """A study after ``dvc repro``, committed."""
    study = new_study()
    study.run("dvc", "repro")
    study.run("git", "add", "--all")
    study.run("git", "commit", "--quiet", "--message", "Reproduce")
    return study
