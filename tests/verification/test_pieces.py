"""The embedding is read as safetensors and PyTorch read it, from a few parts of the file."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
import pytest
import torch
from safetensors.torch import save

from memorization.verification.pieces import EMBEDDINGS, PART, ROWS, Parts, members, read_piece

TENSOR = EMBEDDINGS[0]


def saved(tensors: dict[str, torch.Tensor], ending: str) -> bytes:
    if ending == "safetensors":
        return save(tensors)
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("name", EMBEDDINGS)
@pytest.mark.parametrize("ending", ["safetensors", "bin"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("n_others", [0, 600])
def test_the_first_values_are_those_that_were_saved(
    name: str, ending: str, dtype: torch.dtype, n_others: int
) -> None:
    embedding = torch.randn(100, 64, generator=torch.Generator().manual_seed(0)).to(dtype)
    others = {f"a.long.name.of.a.tensor.{i}": torch.zeros(2) for i in range(n_others)}
    large = {"z": torch.zeros(1 << 20)}
    content = saved(others | {name: embedding} | large, ending)
    asked: list[int] = []

    def read(start: int, stop: int) -> bytes:
        asked.append(stop - start)
        return content[start:stop]

    values = read_piece(read, len(content), ending)
    assert values is not None
    assert np.array_equal(values, embedding.float().reshape(-1)[: ROWS // dtype.itemsize])
    # Of 4 MB: a part at the start and one where the tensor or the directory is; with hundreds of
    # tensors, as in 12b, what these need more.
    assert len(asked) <= 2 + 3 * (n_others > 0)
    assert sum(asked) <= (2 if not n_others else 7) * PART


def test_a_tensor_that_begins_in_the_middle_of_a_storage_is_read_there() -> None:
    both = torch.randn(2, 40, 8)
    content = saved({"first": both[0], TENSOR: both[1]}, "bin")
    values = read_piece(lambda start, stop: content[start:stop], len(content), "bin")
    assert np.array_equal(values, both[1].reshape(-1).double())


def test_a_pickle_is_never_loaded() -> None:
    class Bad:
        def __reduce__(self) -> tuple[Callable, tuple]:
            return pytest.fail, ("it was",)

    content = in_zip(pickle.dumps({TENSOR: Bad()}, protocol=2))
    with pytest.raises(ValueError, match="no file that PyTorch saved"):
        read_piece(lambda start, stop: content[start:stop], len(content), "bin")


def in_zip(content: bytes, name: str = "archive/data.pkl", **options) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def test_before_version_1_6_nothing_is_told() -> None:
    buffer = io.BytesIO()
    torch.save({TENSOR: torch.zeros(4, 4)}, buffer, _use_new_zipfile_serialization=False)
    content = buffer.getvalue()
    assert read_piece(lambda start, stop: content[start:stop], len(content), "bin") is None
    assert members(lambda start, stop: content[start:stop], len(content)) == set()


@pytest.mark.parametrize("ending", ["safetensors", "bin"])
def test_of_other_models_nothing_is_told(ending: str) -> None:
    content = saved({"transformer.wte.weight": torch.zeros(4, 4)}, ending)
    assert read_piece(lambda start, stop: content[start:stop], len(content), ending) is None


def header(said: object) -> bytes:
    text = json.dumps(said).encode()
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1", "no safetensors file"),
        (b"", "no safetensors file"),
        ((1 << 40).to_bytes(8, "little"), "no safetensors file"),
        (header([1]), "no safetensors file"),
        (b"\3" + bytes(7) + b"\xff{}", "no safetensors file"),
        (header({TENSOR: {"dtype": "I64", "data_offsets": [0, 8]}}), "holds no"),
        (header({TENSOR: {"dtype": "F16", "data_offsets": [0, 8]}}), "not hold"),
        (header({TENSOR: {"dtype": "F16", "data_offsets": [-8, 0]}}) + bytes(8), "not hold"),
        (header({TENSOR: {"dtype": "F16", "data_offsets": [0, 7]}}) + bytes(8), "not hold"),
        (header({TENSOR: {"dtype": "F16", "data_offsets": ["a", 8]}}) + bytes(8), "no safetensors"),
    ],
)
def test_what_is_no_safetensors_file_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_piece(lambda start, stop: content[start:stop], len(content), "safetensors")


WHOLE = saved({TENSOR: torch.zeros(40, 8), "z": torch.ones(1000)}, "bin")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1", "no file that PyTorch saved"),
        (b"", "no file that PyTorch saved"),
        (WHOLE[:-100], "no file that PyTorch saved"),
        (saved({TENSOR: torch.zeros(2, dtype=torch.int64)}, "bin"), "holds no"),
        (in_zip(b"", "archive/other"), "no file that PyTorch saved"),
        (in_zip(b"\x80\x02X"), "no file that PyTorch saved"),
        (in_zip(pickle.dumps([TENSOR])), "no file that PyTorch saved"),
        (in_zip(bytes(1 << 25), compression=zipfile.ZIP_DEFLATED), "no file that PyTorch saved"),
    ],
)
def test_what_pytorch_did_not_save_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_piece(lambda start, stop: content[start:stop], len(content), "bin")


def test_no_damage_of_a_byte_is_more_than_a_value_error() -> None:
    rng = np.random.default_rng(0)
    for place in rng.permutation(len(WHOLE))[:1500]:
        content = bytearray(WHOLE)
        content[place] ^= int(rng.integers(1, 256))
        try:
            values = read_piece(lambda s, e, own=bytes(content): own[s:e], len(content), "bin")
        except ValueError:
            continue
        assert values is None or len(values)


def test_the_directory_has_the_checksums_of_the_tensors() -> None:
    tensors = {"a": torch.arange(5.0), "b": torch.ones(3, dtype=torch.bool)}
    content = saved(tensors, "bin")
    found = members(lambda start, stop: content[start:stop], len(content))
    assert found == {(own.nbytes, zlib.crc32(own.numpy().tobytes())) for own in tensors.values()}


def test_parts_are_a_file() -> None:
    content = bytes(range(256)) * 600
    file, plain = Parts(lambda start, stop: content[start:stop], len(content)), io.BytesIO(content)
    rng = np.random.default_rng(0)
    for _ in range(300):
        offset, n = int(rng.integers(len(content))), int(rng.integers(-1, 70_000))
        for place in ((offset, 0), (-offset, 2), (7, 1)):
            assert file.seek(*place) == plain.seek(*place)
            assert file.read(n) == plain.read(n)
            plain.seek(file.tell())
    with pytest.raises(OSError, match="before the start"):
        file.seek(-len(content) - 1, 2)
