from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from parallel_work import refuse, scaled

from memorization.errors import UserError
from memorization.parallel import side_by_side


def test_any_number_of_processes_gives_the_same_in_order():
    values, done = np.arange(5.0), []
    alone = side_by_side(scaled, [3, 1, 2], values)
    together = side_by_side(scaled, [3, 1, 2], values, processes=2, advance=done.append)
    assert [value for value, _ in together] == [value for value, _ in alone] == [30, 10, 20]
    assert {process for _, process in alone} == {os.getpid()}
    assert os.getpid() not in {process for _, process in together}
    assert done == [1, 1, 1]


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_of_the_work_is_raised(processes):
    with pytest.raises(UserError, match="two is too many"):
        side_by_side(refuse, [1, 2, 3], processes=processes)


def test_nothing_to_do():
    assert side_by_side(scaled, [], np.zeros(1), processes=4) == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_workers_end_when_their_parent_is_killed(tmp_path):
    script = tmp_path / "work.py"
    script.write_text(
        "import os, time\n"
        "from pathlib import Path\n"
        "from memorization.parallel import side_by_side\n"
        "def work(item):\n"
        f"    Path({str(tmp_path)!r}, f'{{os.getpid()}}.pid').touch()\n"
        "    time.sleep(60)\n"
        "if __name__ == '__main__':\n"
        "    side_by_side(work, [1, 2], processes=2)\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)])
    end = time.monotonic() + 60
    while len(workers := list(tmp_path.glob("*.pid"))) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert len(workers) == 2
    while any(Path("/proc", w.stem).exists() for w in workers) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(Path("/proc", worker.stem).exists() for worker in workers)
