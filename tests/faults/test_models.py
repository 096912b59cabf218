"""A damaged model is not one that has memorized nothing."""

import numpy as np
import pytest
import torch

from memorization.errors import UserError
from memorization.extraction.score import memorized, score
from memorization.features.surprisal import predictions
from memorization.labels.checkpoints import models_on_disk
from memorization.labels.scan import scan, scan_states
from memorization.params import Shape
from memorization.suite.checkpoints import save_checkpoint
from memorization.suite.micro.suite import MicroSuite
from memorization.suite.micro.train import new_model

CPU = torch.device("cpu")
STEPS = (5, 10, 15)
TOKENS = np.random.default_rng(0).integers(0, 300, (20, 64)).astype(np.int32)
# Which parameter is damaged, where, and by what: all of it, one token's row, one bias.
DAMAGE = {
    "all of the embeddings": ("gpt_neox.embed_in.weight", slice(None), torch.nan),
    "one token's embedding": ("gpt_neox.embed_in.weight", int(TOKENS[7, 3]), torch.nan),
    "a layer's bias": ("gpt_neox.layers.0.mlp.dense_h_to_4h.bias", 0, torch.nan),
    "the head": ("lm_head.weight", slice(None), torch.nan),
    "one token's row of the head": ("lm_head.weight", int(TOKENS[7, 40]), torch.inf),
    "the last norm": ("gpt_neox.final_layer_norm.weight", 0, -torch.inf),
}


def damaged(part, where, value, seed=0):
    model = new_model(Shape(hidden=16, layers=2, heads=2), 300, 64, seed).eval()
    with torch.no_grad():
        model.get_parameter(part)[where] = value
    model.name_or_path = "micro-a/step10"
    return model


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("use", [score, memorized, predictions])
def test_logits_that_are_not_finite_are_refused_by_the_models_name(use, damage):
    with pytest.raises(UserError, match=r"^micro-a/step10: .* not finite for [\d,]+ of 20 .*rows"):
        use(damaged(*damage), TOKENS, 8)


@pytest.mark.parametrize("way", [scan, scan_states])
def test_a_scan_names_the_checkpoint_and_writes_nothing_of_it(tmp_path, way):
    for step in STEPS:
        model = damaged(*DAMAGE["the head"]) if step == 10 else damaged("lm_head.weight", 0, 0.0)
        save_checkpoint(model, tmp_path / "micro-a" / f"step{step}")
    suite = MicroSuite(tmp_path, {"suite": "micro", "models": [], "steps": list(STEPS)})
    rest = TOKENS, STEPS, models_on_disk(suite, "micro-a"), 8, tmp_path / "work", CPU
    with pytest.raises(UserError, match=r"micro-a/step10: .* not finite"):
        way(np.arange(20), *rest) if way is scan else way(*rest)
    assert not (tmp_path / "work" / "step10-0.npz").exists()
    assert (tmp_path / "work" / "step15-0.npz").exists()
