import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load, save
from standin.models import checkpoint_files
from suite.pythia.miniature import MODEL, SHAPES, VOCABULARY

from memorization.errors import UserError
from memorization.suite.hub import resolve
from memorization.suite.pythia.checkpoints import download_checkpoint, load_published


@pytest.mark.parametrize("form", ["sharded", "sharded bin"])
def test_weights_in_shards(serve, published, tmp_path, form):
    files = published.files(MODEL)
    del files["model.safetensors"], files["pytorch_model.bin"]
    shape, weights = SHAPES["70m"], published.weights
    files |= checkpoint_files(shape, VOCABULARY, weights, form)
    serve()
    folder = download_checkpoint(resolve("model", MODEL, "step100"), tmp_path / "checkpoint")
    assert folder == tmp_path / "checkpoint"
    assert "optimizer.pt" not in {path.name for path in folder.iterdir()}
    model = load_published(folder, published.facts.model("70m"))
    assert model.dtype == torch.float16
    assert not model.training
    for name, value in published.weights.items():
        assert torch.equal(model.state_dict()[name], value)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({"weight_map": {"a": "../../victim"}}, r"names weights in '../../victim', which is no"),
        ({"weight_map": {"a": "model-00001-of-00002.safetensors"}}, "which is no file of this"),
        ({"weight_map": {"a": 1}}, "names weights in '1'"),
        ({"weight_map": []}, "is no index of weights; pin another commit"),
        ([], "is no index of weights"),
    ],
)
def test_an_index_cannot_name_files_that_the_revision_does_not_hold(
    serve, published, tmp_path, index, message
):
    files = published.files(MODEL)
    del files["model.safetensors"]
    files["model.safetensors.index.json"] = json.dumps(index).encode()
    serve()
    with pytest.raises(UserError, match=message):
        download_checkpoint(resolve("model", MODEL, "step100"), tmp_path / "a" / "b")
    assert not (tmp_path / "victim").exists()


def test_in_another_type(hub, published, tmp_path):
    folder = download_checkpoint(resolve("model", MODEL, "step100"))
    model = load_published(folder, published.facts.model("70m"), torch.float32)
    assert model.dtype == torch.float32
    for name, value in published.weights.items():
        assert torch.equal(model.state_dict()[name], value.float())


def test_a_revision_without_weights(serve, published, tmp_path):
    files = published.files(MODEL)
    del files["model.safetensors"], files["pytorch_model.bin"]
    serve()
    with pytest.raises(UserError, match=r"holds no checkpoint; expected config\.json and one of"):
        download_checkpoint(resolve("model", MODEL, "step100"), tmp_path)


def test_weights_that_lack_a_tensor(serve, published, tmp_path):
    files = published.files(MODEL)
    weights = load(files["model.safetensors"])
    del weights["embed_out.weight"]
    files["model.safetensors"] = save(weights, {"format": "pt"})
    serve()
    folder = download_checkpoint(resolve("model", MODEL, "step100"), tmp_path)
    with pytest.raises(UserError, match=r"the weights lack .*weight"):
        load_published(folder, published.facts.model("70m"))


@pytest.mark.parametrize("part", ["layers", "hidden", "heads", "vocabulary"])
def test_another_model_than_it_should_be(hub, published, part):
    folder = download_checkpoint(resolve("model", MODEL, "step100"))
    model = published.facts.model("70m")
    other = replace(model, **{part: getattr(model, part) + 1})
    with pytest.raises(UserError, match=r"are \(1, 16, 2, 320\), .*; it is another model"):
        load_published(folder, other)
