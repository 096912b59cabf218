"""A stage runs the code of its own checkout, and ends when DVC does."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def stage(folder, code, *, dvc_yaml=True):
    """Run a stage that does nothing in a folder, with the package of another."""
    if dvc_yaml:
        (folder / "dvc.yaml").write_text("stages: {}\n")
    command = "from memorization.stages import run_stage; run_stage(lambda: print('ran'))"
    return subprocess.run(
        [sys.executable, "-c", command],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(code)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("has_own", [True, False])
def test_the_code_of_another_checkout_is_refused(tmp_path, has_own):
    if has_own:
        shutil.copytree(ROOT / "src", tmp_path / "src")
    done = stage(tmp_path, ROOT / "src")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: this is the code in {ROOT / 'src'}")
    assert "PYTHONPATH" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("dvc_yaml", [True, False])
def test_its_own_code_runs_and_any_where_there_is_no_pipeline(tmp_path, dvc_yaml):
    if dvc_yaml:
        shutil.copytree(ROOT / "src", tmp_path / "src")
    code = tmp_path / "src" if dvc_yaml else ROOT / "src"
    assert stage(tmp_path, code, dvc_yaml=dvc_yaml).stdout == "ran\n"


def test_a_stage_ends_when_dvc_is_killed(tmp_path):
    """DVC's part is played by a process that starts the stage as DVC does, by the user's shell."""
    code = (
        "import os, time; from memorization.stages import run_stage\n"
        "def main():\n"
        "    print(os.getpid(), flush=True)\n"
        "    time.sleep(60)\n"
        "run_stage(main)"
    )
    (tmp_path / "stage.py").write_text(code)
    dvc = (
        "import os, subprocess, sys; subprocess.Popen(['/bin/sh', '-c', "
        f"'exec env PYTHONPATH={ROOT / 'src'} {sys.executable} stage.py'], "
        "env=os.environ | {'DVC_STAGE': 'suite'}).wait()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", dvc], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        if not _lives(child):
            return
        time.sleep(0.1)
    os.kill(child, 9)
    pytest.fail("the stage trains on after DVC was killed")


def _lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
