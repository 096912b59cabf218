"""What is taken up again is what was left; what is published is what was made."""

import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from memorization.errors import UserError
from memorization.params import Shape, Training
from memorization.resume import publish, work_folder
from memorization.suite.checkpoints import WEIGHTS
from memorization.suite.micro import train as module
from memorization.suite.micro.train import STATE, checkpoint_steps, new_model, train

SHAPE = Shape(hidden=16, layers=1, heads=2)
TRAINING = Training(steps=12, sequences_per_step=4, learning_rate=0.01, weight_decay=0.1)
STEPS = checkpoint_steps(12, 4)
WINDOWS = np.random.default_rng(0).integers(0, 300, (48, 64)).astype(np.uint16)


def trained(folder):
    train(new_model(SHAPE, 300, 64, 0), WINDOWS, TRAINING, STEPS, folder, torch.device("cpu"))
    return {
        step: (folder / f"step{step}" / WEIGHTS).read_bytes()
        for step in STEPS
        if (folder / f"step{step}").exists()
    }


@pytest.fixture
def halted(tmp_path, monkeypatch):
    """A folder that a run of training left after its third of four checkpoints."""
    rate = module.learning_rate

    def interrupt(step, steps, peak):
        if step == 11:
            raise KeyboardInterrupt
        return rate(step, steps, peak)

    with monkeypatch.context() as context:
        context.setattr(module, "learning_rate", interrupt)
        with pytest.raises(KeyboardInterrupt):
            trained(tmp_path / "micro-a")
    return tmp_path / "micro-a"


def alter(path):
    """Change one number of a file of tensors, whose size and layout stay the same."""
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    next(iter(tensors.values())).view(-1)[0] = torch.nan
    save_file(tensors, path, metadata=metadata)


@pytest.mark.parametrize("name", [f"step3/{WEIGHTS}", f"step9/{WEIGHTS}", STATE])
def test_training_goes_on_only_from_what_it_left(halted, tmp_path, capsys, name):
    size = (halted / name).stat().st_size
    alter(halted / name)
    assert (halted / name).stat().st_size == size
    assert trained(halted) == trained(tmp_path / "whole")
    assert f"{name}: damaged; micro-a is trained again" in capsys.readouterr().out


def test_a_model_that_is_done_is_made_again_if_it_was_damaged(tmp_path, capsys):
    whole = trained(tmp_path / "micro-a")
    alter(tmp_path / "micro-a" / "step6" / WEIGHTS)
    assert trained(tmp_path / "micro-a") == whole
    assert "damaged" in capsys.readouterr().out
    assert trained(tmp_path / "micro-a") == whole
    assert "damaged" not in capsys.readouterr().out


def test_only_what_belongs_to_it_is_published(tmp_path):
    work = tmp_path / "work"
    for name in ("a/weights", "a/optimizer", "kept.json", ".tmp1"):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(name)
    publish(work, tmp_path / "suite", {}, ["a/weights"])
    found = [path for path in (tmp_path / "suite").rglob("*") if path.is_file()]
    assert found == [tmp_path / "suite" / "a" / "weights"]


def test_what_is_not_whole_is_not_published(tmp_path):
    (tmp_path / "work").mkdir()
    with pytest.raises(FileNotFoundError, match="weights: was not made"):
        publish(tmp_path / "work", tmp_path / "suite", {}, ["a/weights"])
    assert not (tmp_path / "suite").exists()


def test_two_stages_do_not_work_in_one_folder(tmp_path):
    code = (
        "import sys; from pathlib import Path; from memorization.resume import work_folder\n"
        "work_folder('suite', {}, Path(sys.argv[1])); print('ready', flush=True); input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout.readline() == "ready\n"
    with pytest.raises(UserError, match=re.escape(f"suite.lock: process {other.pid} is at work")):
        work_folder("suite", {}, tmp_path)
    work_folder("labels", {}, tmp_path)
    other.communicate("")
    assert work_folder("suite", {}, tmp_path).is_dir()
