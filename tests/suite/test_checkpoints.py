import numpy as np
import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from memorization.params import Shape
from memorization.suite.checkpoints import load_checkpoint, save_checkpoint
from memorization.suite.micro.train import new_model


def test_transformers_and_we_load_the_same_model(tmp_path):
    logging.disable_progress_bar()
    model = new_model(Shape(hidden=32, layers=2, heads=2), 300, 64, seed=5).eval()
    save_checkpoint(model, tmp_path / "step1")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "step1", dtype=torch.float32)
    ours = load_checkpoint(tmp_path / "step1")
    tokens = torch.from_numpy(np.random.default_rng(0).integers(0, 300, (4, 64)))
    with torch.inference_mode():
        expected = model(tokens).logits
        torch.testing.assert_close(theirs(tokens).logits, expected, rtol=0, atol=0)
        torch.testing.assert_close(ours(tokens).logits, expected, rtol=0, atol=0)
    assert not ours.training
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step1"]


def test_the_model_has_the_architecture_of_pythia(tmp_path):
    save_checkpoint(new_model(Shape(hidden=32, layers=1, heads=2), 300, 64, seed=0), tmp_path / "c")
    config = load_checkpoint(tmp_path / "c").config
    assert config.use_parallel_residual
    assert not config.tie_word_embeddings
    assert config.rope_parameters["partial_rotary_factor"] == 0.25
