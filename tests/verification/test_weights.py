"""What only the weights tell is found by downloading them, of models that were really trained."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from standin import Hub, connect
from standin.models import Shape, Weights, checkpoint_files, new_model, train
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, Olmo2Config, Olmo2ForCausalLM
from typer.testing import CliRunner
from verification.checkpoints import Files, facts

from memorization.cli import app
from memorization.errors import UserError
from memorization.verification.branches import Kind
from memorization.verification.command import Verified, declarations, verify
from memorization.verification.weights import Measuring
from memorization.verification.writing import summary

NAME = "EleutherAI/pythia-70m-v0"
SHAPE, VOCABULARY, STEPS = Shape(1, 16, 2), 256, (*range(10, 170, 10),)
MLP, HEAD = "gpt_neox.layers.0.mlp.dense_4h_to_h.weight", "lm_head.weight"
MEASURE = Measuring(torch.device("cpu"), torch.float32)

Suite = dict[int, Weights]


@cache
def trained() -> dict[int, Weights]:
    """Return the weights of a model that has learnt to write as licences do, by step."""
    pages = sorted((Path(__file__).parents[2] / "corpus/licences").glob("*.txt"))
    text = "".join(page.read_text("utf-8") for page in pages)
    n = STEPS[-1] * 6
    ids = Tokenizer.from_str(tokenizer().decode()).encode(text[: n * 64]).ids
    sequences = np.array(ids[: n * 64]).reshape(n, 64)
    return train(new_model(SHAPE, VOCABULARY, 0), sequences, 6, STEPS)


@cache
def tokenizer() -> bytes:
    """Return one that has a token for each byte."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    own = Tokenizer(models.BPE({letter: i for i, letter in enumerate(alphabet)}, []))
    own.pre_tokenizer = pre_tokenizers.ByteLevel()
    return own.to_str().encode()


def published(weights: Suite, forms: dict[int, str] | None = None) -> dict[str, Files]:
    """Return the branches of a model; most are safetensors."""
    common = {"tokenizer.json": tokenizer()}
    branches = {
        f"step{step}": common
        | checkpoint_files(SHAPE, VOCABULARY, weights[step], (forms or {}).get(step, "safetensors"))
        for step in STEPS
    }
    return branches | {"main": dict(branches[f"step{STEPS[-1]}"])}


def changed(step: int, name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Suite:
    """Return all weights, with one tensor of one step changed."""
    own = trained()
    return own | {step: own[step] | {name: change(own[step][name].clone())}}


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable]:
    said = facts() | {"steps": list(STEPS)}
    (tmp_path / "facts.json").write_text(json.dumps(said))

    def of(branches: dict[str, Files], measure: Measuring | None = MEASURE) -> Verified:
        with Hub({NAME: branches}) as hub:
            connect(monkeypatch, hub.endpoint, tmp_path / "home")
            return verify([NAME], declarations(tmp_path / "facts.json"), None, True, measure)

    yield of
    assert not list((tmp_path / "home").rglob("verified"))  # the weights are deleted


def found(verified: Verified) -> set[tuple[str, Kind]]:
    return {(each.branch, each.kind) for each in verified.findings}


def test_of_right_weights_nothing_is_wrong(verified: Callable) -> None:
    clean = verified(
        published(trained(), {20: "bin", 30: "sharded", 40: "both", 50: "sharded bin"})
    )
    assert clean.findings == []
    own = {branch.name: measured for branch, measured in clean.measured.items()}
    assert own["main"] == own[f"step{STEPS[-1]}"]
    # As one computes them by hand.
    weights = trained()[20]
    norm = np.sqrt(sum(float(own.double().square().sum()) for own in weights.values()))
    assert own["step20"].norm == pytest.approx(norm, rel=1e-5)
    assert 2 < own["main"].loss < own["step10"].loss < np.log(VOCABULARY)


def nan_in_a_weight() -> Suite:
    """Beyond the rows of the embedding that are read by range."""
    return changed(40, MLP, lambda own: own.index_fill_(0, torch.tensor([7]), torch.nan))


def infinity_in_a_weight() -> Suite:
    return changed(40, MLP, lambda own: own.index_fill_(0, torch.tensor([7]), torch.inf))


def rows_in_another_order() -> Suite:
    """As a conversion that mixes up the tokens: only the loss tells."""
    return changed(40, HEAD, lambda own: own.flip(0))


def large_weights() -> Suite:
    return changed(40, "gpt_neox.layers.0.input_layernorm.weight", lambda own: own + 30)


@pytest.mark.parametrize(
    ("spoil", "kinds"),
    [
        (nan_in_a_weight, {Kind.NOT_FINITE}),
        (infinity_in_a_weight, {Kind.NOT_FINITE}),
        (rows_in_another_order, {Kind.LOSS}),
        (large_weights, {Kind.LOSS, Kind.NORM}),
    ],
)
def test_wrong_weights_are_found(spoil: Callable, kinds: set[Kind], verified: Callable) -> None:
    branches = published(spoil())
    assert verified(branches, None).findings == []
    assert found(verified(branches)) == {("step40", kind) for kind in kinds}


def test_early_weights_in_two_late_steps_are_found_by_their_norm(verified: Callable) -> None:
    own = trained()
    rest = {name: own[0][name] for name in own[0] if "embed_in" not in name}
    wrong = verified(published(own | {step: own[step] | rest for step in (50, 60)}))
    assert {branch for branch, kind in found(wrong) if kind is Kind.NORM} == {"step50", "step60"}
    assert set(wrong.excluded) == {f"{NAME}@step50", f"{NAME}@step60"}


def test_two_formats_of_two_models_are_found_by_their_checksums(verified: Callable) -> None:
    branches = published(trained(), {40: "both"})
    other = published(changed(40, MLP, lambda own: -own), {40: "bin"})
    branches["step40"]["pytorch_model.bin"] = other["step40"]["pytorch_model.bin"]
    assert verified(branches, None).findings == []
    [wrong] = verified(branches).findings
    assert (wrong.branch, wrong.kind) == ("step40", Kind.FORMATS)
    assert wrong.detail == f"its bin weights hold another {MLP} than its safetensors"


def test_weights_that_cannot_be_loaded_are_found(verified: Callable) -> None:
    own = trained()
    lacking = {name: own[40][name] for name in own[40] if "final_layer_norm.bias" not in name}
    [wrong] = verified(published(own | {40: lacking})).findings
    assert (wrong.branch, wrong.kind) == ("step40", Kind.INCOMPLETE)
    assert wrong.detail == "the weights lack gpt_neox.final_layer_norm.bias"


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 48 GB")]
)
def test_a_model_that_does_not_fit_is_an_error_and_no_finding(
    error: Exception, verified: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", full)
    with pytest.raises(UserError, match="step10: does not fit into memory"):
        verified(published(trained()))


def test_without_a_tokenizer_the_loss_is_not_told(verified: Callable) -> None:
    branches = published(changed(40, HEAD, lambda own: own.flip(0)))
    # Those of words can make nothing of the text, or next to nothing.
    words = [models.WordLevel({"a": 0}), models.WordLevel({"a": 0, "?": 1}, unk_token="?")]
    for content in (None, b"{}", *(Tokenizer(own).to_str().encode() for own in words)):
        for files in branches.values():
            files.pop("tokenizer.json")
            files |= {} if content is None else {"tokenizer.json": content}
        found = verified(branches)
        assert found.findings == []
        assert all(own.loss is None for own in found.measured.values())
        assert summary(found).endswith("; without a tokenizer, so without a loss: 17")
        branches = {name: files | {"tokenizer.json": b""} for name, files in branches.items()}


def test_a_model_of_another_kind_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
    config = Olmo2Config(vocab_size=VOCABULARY, num_attention_heads=2, **shape)
    branches = {}
    for step in (1000, 2000):
        torch.manual_seed(step)
        Olmo2ForCausalLM(config).to(torch.bfloat16).save_pretrained(tmp_path / str(step))
        files = {path.name: path.read_bytes() for path in (tmp_path / str(step)).iterdir()}
        branches[f"stage1-step{step}-tokens3B"] = files | {"tokenizer.json": tokenizer()}
    name = "allenai/OLMo-miniature"
    with Hub({name: branches}) as hub:
        connect(monkeypatch, hub.endpoint, tmp_path / "home")
        own = verify([name], declarations(None), None, True, MEASURE)
    assert own.findings == []
    assert own.unread == 0
    for measured in own.measured.values():
        assert measured.loss == pytest.approx(np.log(VOCABULARY), rel=0.05)


def test_what_was_measured_is_not_downloaded_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "facts.json").write_text(json.dumps(facts() | {"steps": list(STEPS)}))
    with Hub({NAME: published(nan_in_a_weight())}) as hub:
        connect(monkeypatch, hub.endpoint, folder / "home")
        command = ["verify-checkpoints", "--models", NAME, "--download", "--output", "found.json"]
        first = CliRunner().invoke(app, command)
        asked = len(hub.requests)
        again = CliRunner().invoke(app, command)
        assert len(hub.requests) == asked + 1  # which branches there are
    assert (first.exit_code, again.exit_code) == (1, 1)
    assert "weights: 17 branches; to download" in first.output
    assert first.output.splitlines()[-1] == "branches: 17; wrong or missing: 1"
    assert first.output.splitlines()[-3:] == again.output.splitlines()[-3:]
    said = json.loads((folder / "found.json").read_text())
    assert list(said["exclude"]) == [f"{NAME}@step40"]
    assert said["weights"] == {"factor": 10.0, "nats": 0.01, "around": 10, "shrinkage": 0.2}
    by_branch = {each["branch"]: each for each in said["branches"]}
    assert "loss" not in by_branch["step40"]
    assert by_branch["main"]["loss"] < by_branch["step10"]["loss"]
