"""The repository itself: however git is set up, and without git."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder, *arguments):
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


def test_a_clone_has_the_same_bytes_wherever_lines_end(tmp_path):
    """Git for Windows turns line ends into CRLF; digests in dvc.lock are of the bytes."""
    files = {"unix.txt": b"a\nb\n", "windows.txt": b"a\r\nb\r\n", "both.txt": b"a\r\nb\n"}
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    origin.mkdir()
    shutil.copyfile(ROOT / ".gitattributes", origin / ".gitattributes")
    for name, content in files.items():
        (origin / name).write_bytes(content)
    git(origin, "init", "--quiet")
    git(origin, "add", "--all")
    git(origin, "commit", "--quiet", "--message", "x")
    git(tmp_path, "clone", "--quiet", "--config", "core.autocrlf=true", str(origin), str(clone))
    assert {name: (clone / name).read_bytes() for name in files} == files
    assert git(clone, "status", "--short") == ""


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_without_git_the_study_says_what_to_do(tmp_path):
    shutil.copyfile(ROOT / "Makefile", tmp_path / "Makefile")
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}

    def make():
        return subprocess.run(
            ["make", "repository"], cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    without = make()
    assert without.returncode != 0
    assert "in an unpacked source archive, run: git init && git add -A" in without.stderr
    git(tmp_path, "init", "--quiet")
    assert make().returncode == 0
