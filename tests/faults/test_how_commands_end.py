"""What the machine lacks, and Ctrl-C at any time, end a command in one line."""

import errno
import os
import signal
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from safetensors import SafetensorError

from memorization.errors import run
from memorization.parallel import side_by_side

FULL = Path("/dev/full")


def ended(main):
    with pytest.raises(SystemExit) as stopped:
        run(main)
    assert "\n" not in str(stopped.value.code)
    return str(stopped.value.code)


def raises(error):
    def main():
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "out of memory"),
        (MemoryError("Unable to allocate 7.45 EiB for an array"), "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "out of memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "out of memory"),
        (BrokenProcessPool("A process in the process pool was terminated"), "a worker process"),
        (OSError(errno.ENOSPC, "No space left on device", "x"), "no room on the disk"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "x"), "no room on the disk"),
        (SafetensorError("I/O error: No space left on device (os error 28)"), "no room on the dis"),
        (OSError("4096 requested and 512 written"), "no room on the disk"),
        (PermissionError(errno.EACCES, "Permission denied", "x"), "may not be read or written"),
        (OSError(errno.EROFS, "Read-only file system", "x"), "may not be read or written"),
    ],
)
def test_what_the_machine_lacks_is_one_line(error, message):
    assert message in ended(raises(error))


def test_a_defect_is_still_a_traceback():
    for error in (ValueError("x"), RuntimeError("x"), FileNotFoundError(2, "x")):
        with pytest.raises(type(error)):
            run(raises(error))


@pytest.mark.skipif(not FULL.is_char_device(), reason="no device that is always full")
@pytest.mark.parametrize(
    "write",
    [
        lambda file: file.write(b"a" * 100_000),
        lambda file: np.save(file, np.zeros(100_000)),
        lambda file: parquet.write_table(pa.table({"a": np.arange(100_000)}), file),
    ],
    ids=["text", "numpy", "parquet"],
)
def test_a_full_disk_is_known_whichever_library_meets_it(write):
    def main():
        # Opened here: to a library that is told its name it may be a file to replace or delete.
        with FULL.open("wb", buffering=0) as file:
            write(file)

    assert "no room on the disk" in ended(main)


def test_a_killed_worker_is_one_line():
    def main():
        side_by_side(signal.raise_signal, [signal.SIGKILL] * 2, processes=2)

    assert "a worker process was ended" in ended(main)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_letter_that_the_output_lacks_ends_nothing(encoding):
    code = "from memorization.errors import run; run(lambda: print('a – b ≥ é'))"
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"a ? b ? ")


def test_ctrl_c_while_libraries_load_is_one_line(tmp_path):
    """A stage whose imports wait, as those of torch do, is interrupted in them."""
    (tmp_path / "slow.py").write_text("import time\nprint('waits', flush=True)\ntime.sleep(60)\n")
    # What runs in a shell's background would ignore the signal, and so would its children.
    code = (
        "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import memorization.stages, slow"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": f"{os.environ.get('PYTHONPATH', '')}:{tmp_path}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "waits\n"
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)[1]
    assert said == "interrupted; run the same command again to go on\n"
    assert process.returncode != 0


def test_a_reader_that_has_had_enough_ends_a_command_in_silence(tmp_path):
    (tmp_path / "texts.csv").write_text("text\n" + "one two three\n" * 20_000)
    code = "from memorization.cli import app; app()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "features", "texts.csv", "-"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().startswith('{"index": 0')
    process.stdout.close()
    process.stdout = None
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "error" not in said
    assert "Traceback" not in said
