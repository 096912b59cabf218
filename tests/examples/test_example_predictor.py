"""The example runs as it stands, and finds what it says that it looks for."""

import runpy
import sys
from pathlib import Path

import numpy as np
from miniature_study import MEMORIZED, windows, write_study

EXAMPLE = Path(__file__).parents[2] / "examples" / "predictor.py"


def test_the_example_runs_on_a_results_folder(tmp_path, monkeypatch, capsys):
    study = write_study(tmp_path / "results")
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), str(study)])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    output = capsys.readouterr().out
    assert [line for line in output.splitlines() if line.startswith(("---", "target"))] == [
        "--- occurs_again ---",
        "target      micro-b",
        "--- compressed_size ---",
        "target      micro-b",
        "--- occurs_again ---",
        "target      micro-c",
        "--- compressed_size ---",
        "target      micro-c",
    ]
    # Every tenth text, from the sixth on, occurs twice; all that micro-b memorized is among them.
    rows, counts = np.unique(windows(), axis=0, return_counts=True)
    assert len(rows) == 380
    said, hits = counts[counts > 1].sum(), len(MEMORIZED["micro-b"])
    assert f"found {hits} memorized, missed 0, with {said - hits} false alarms" in output


def test_the_header_says_how_to_run_it():
    assert "python examples/predictor.py" in EXAMPLE.read_text().split('"""')[1]
