"""The whole pipeline on a miniature: the most repetitive part of the corpus, three tiny models."""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
import yaml

ROOT = Path(__file__).parents[2]
MINIATURE = Path(__file__).with_name("params.yaml")
STAGES = list(yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"])
# Of the corpus, what repeats itself most, licences, and prose, of which are the units of the arm.
PARTS = (
    "clients/@adyen",
    "clients/@elastic",
    "clients/@opensearch",
    "clients/cloudflare",
    "clients/datadog",
    "clients/elasticsearch",
    "clients/golang",
    "clients/google",
    "clients/huawei",
    "clients/influx",
    "clients/kubernetes",
    "clients/msgraph",
    "licences/",
    "prose/dict-devil",
)


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

    def stages(self, *names: str) -> str:
        """Run stages without DVC and in one process, as the libraries take seconds to import."""
        code = f"from memorization.stages import {', '.join(names)}\n"
        return self.run("python", "-c", code + "\n".join(f"{name}.main()" for name in names)).stdout

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
            shutil.copy2(source, destination)
    _take_compiled(ROOT, folder)
    shutil.copyfile(MINIATURE, folder / "params.yaml")
    _shrink(folder / "corpus" / "corpus.tar.xz")
    _shrink_external(folder / "external" / "mempi.parquet")
    study.run("git", "init", "--quiet", "--initial-branch=main")
    study.run("git", "add", "--all")
    study.run("git", "commit", "--quiet", "--message", "Start")
    # As the design of the data flow says; the miniature has a corpus of its own.
    study.run("dvc", "import-url", "--quiet", "./corpus", "data")
    study.run("dvc", "unfreeze", "data.dvc")
    study.run("git", "add", "--all")
    study.run("git", "commit", "--quiet", "--message", "Import the corpus")
    return study


def _take_compiled(source: Path, destination: Path) -> None:
    """Take what Python and Numba have compiled of files of the same size and time.

    It would take a quarter of a minute in each copy.
    """
    for path in source.glob("src/**/__pycache__/*.*"):
        copy = destination / path.relative_to(source)
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, copy)


def _shrink(archive: Path) -> None:
    small = archive.with_name("small.tar.xz")
    with tarfile.open(archive) as source, tarfile.open(small, "w:xz", preset=0) as destination:
        for member in source:
            if member.name.startswith(PARTS):
                destination.addfile(member, source.extractfile(member))
    small.replace(archive)


def _shrink_external(path: Path) -> None:
    """Keep every sixth text of another model's, and the features that the miniatures have."""
    families = [*yaml.safe_load(MINIATURE.read_text("utf-8"))["features"]["families"], "position"]
    table = parquet.read_table(path)
    kept = [
        name for name in table.column_names if "." not in name or name.partition(".")[0] in families
    ]
    every_sixth = table["cluster"].to_numpy() % 6 == 0
    parquet.write_table(table.filter(every_sixth).select(kept), path)


@pytest.fixture(scope="session")
def new_study(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Study]:
    """Make copies of the repository with the miniature's corpus and parameters."""
    made = [copy_repository(tmp_path_factory.mktemp("origin")).folder]

    def copied() -> Study:
        folder = tmp_path_factory.mktemp("studies") / "study"
        shutil.copytree(made[0], folder, symlinks=True)
        _take_compiled(made[-1], folder)
        made.append(folder)
        return Study(folder)

    return copied


@pytest.fixture(scope="session")
def finished(new_study: Callable[[], Study]) -> Study:
    """A study after ``dvc repro``, committed."""
    study = new_study()
    study.run("dvc", "repro")
    study.run("git", "add", "--all")
    study.run("git", "commit", "--quiet", "--message", "Reproduce")
    return study
