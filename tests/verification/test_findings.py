"""Findings of hand-made listings of real sizes, as public reports have them."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from memorization.suite.declared.declaration import read_declaration
from memorization.suite.hub.repository import File
from memorization.verification.branches import Branch, Kind
from memorization.verification.command import cost
from memorization.verification.findings import copied, findings, missized, suspects

EARLY = read_declaration().early
STEPS = (*EARLY, *range(1000, 144_000, 1000))
# pythia-2.8b in float16: its listing, and two bytes a parameter.
NAME, SIZE, MASKS = "EleutherAI/pythia-2.8b", 5_684_548_288, 32 * 2048 * 2048
CONFIG = {"num_hidden_layers": 32, "max_position_embeddings": 2048, "torch_dtype": "float16"}


def branch(name: str, contents: dict[str, str], size: int = SIZE, repository: str = NAME) -> Branch:
    files = {
        file: File(size // len(contents), hashlib.sha256(text.encode()).hexdigest())
        for file, text in contents.items()
    }
    shards = dict.fromkeys(map(str, range(len(files))), "") if len(files) > 1 else {}
    places = dict(zip(shards, files, strict=False))
    indices = {"pytorch_model.bin.index.json": places} if places else {}
    commit = hashlib.sha1(f"{repository}{name}".encode()).hexdigest()
    is_final = name in ("main", "step143000")
    return Branch(repository, name, commit, files, is_final, CONFIG, indices)


def single(name: str, content: str, **options) -> Branch:
    return branch(name, {"model.safetensors": content}, **options)


def steps(found, kind: Kind) -> set[str]:
    return {each.branch for each in found if each.kind == kind}


def test_pythia_2_8b_as_reported() -> None:
    """EleutherAI/pythia issue 205: 76 branches are main, 10 more another blob, the last among them.

    https://github.com/EleutherAI/pythia/issues/205
    """
    mains = {*EARLY, *range(1000, 54_000, 1000), 55_000, 60_000, 65_000, 70_000, 80_000, 90_000}
    mains |= {100_000, 103_000, 110_000, 120_000, 130_000, 140_000}
    late = {54_000, *range(56_000, 60_000, 1000), 61_000, 62_000, 63_000, 64_000, 143_000}
    assert (len(STEPS), len(mains), len(late)) == (154, 76, 10)
    contents = {step: f"own {step}" for step in STEPS}
    contents |= dict.fromkeys(mains, "main") | dict.fromkeys(late, "late")
    branches = [single(f"step{step}", content) for step, content in contents.items()]
    found = findings([*branches, single("main", "main")], {NAME: list(map("step{}".format, STEPS))})
    expected = {f"step{step}" for step in (mains | late) - {143_000}}
    assert steps(found, Kind.IDENTICAL) == expected
    assert len(found) == 85 + 1
    assert {each.detail for each in found if each.branch in ("step0", "step64000", "main")} == {
        "identical to main",
        "identical to step143000",
        "model.safetensors is not that of step143000",
    }


def shards(step: int, first: int | None = None) -> dict[str, str]:
    names = [f"pytorch_model-{number:05d}-of-00003.bin" for number in (1, 2, 3)]
    contents = {name: f"{name} {step}" for name in names}
    return contents | {names[0]: f"{names[0]} {step if first is None else first}"}


def test_pythia_12b_as_reported() -> None:
    """EleutherAI/pythia issue 206: two steps hold the first shard of the end.

    https://github.com/EleutherAI/pythia/issues/206
    """
    branches = [branch(f"step{step}", shards(step)) for step in (49_000, 51_000, 143_000)]
    branches.append(branch("main", shards(143_000)))
    branches += [branch(f"step{step}", shards(step, 143_000)) for step in (50_000, 58_000)]
    found = findings(branches, {})
    assert steps(found, Kind.MIXTURE) == {"step50000", "step58000"}
    assert {each.detail for each in found} == {
        "holds files of step143000, but another pytorch_model-00002-of-00003.bin"
    }


def test_the_first_steps_of_all_models_as_reported() -> None:
    """EleutherAI/pythia issues 83 and 198: steps 0, 1 and 2 are one; nobody can tell which."""
    branches = [single(f"step{step}", str(max(step, 2))) for step in STEPS]
    assert steps(copied(branches), Kind.IDENTICAL) == {"step0", "step1", "step2"}


@pytest.mark.parametrize(
    ("places", "accused"),
    [
        (["a@step143000", "a@main"], []),
        (["a@step5", "a@step143000", "a@main"], ["a@step5"]),
        (["a@step5", "b@step143000"], ["a@step5"]),
        # Of two ends, nobody can tell whose it is.
        (["a@step143000", "b@step143000"], ["a@step143000", "b@step143000"]),
        (["a@step5", "b@step5"], ["a@step5", "b@step5"]),
        (["a@step5"], []),
    ],
)
def test_whose_it_is_and_who_is_accused(places: list[str], accused: list[str]) -> None:
    held = [single(place.split("@")[1], "same", repository=place.split("@")[0]) for place in places]
    assert list(map(str, suspects(held))) == accused


def test_causal_masks_may_be_saved_with_the_weights_or_not() -> None:
    sizes = {"step1000": SIZE, "step2000": SIZE, "step3000": SIZE - MASKS, "main": SIZE + MASKS}
    branches = [single(name, name, size=size) for name, size in sizes.items()]
    assert missized(branches) == []
    # But not other weights: float32, or a sixth less, as without a part of the layers.
    for size in (2 * SIZE, SIZE * 5 // 6):
        wrong = [single("step4000", "4", size=size)]
        assert steps(missized([*branches, *wrong]), Kind.SIZE) == {"step4000"}


def test_files_that_are_no_weights_may_be_shared() -> None:
    both = {"optimizer.bin": "same", "tokenizer.json": "same"}
    shared = branch("step0", both).files
    branches = [single(name, name) for name in ("step1000", "step2000")]
    branches = [replace(own, files={**own.files, **shared}) for own in branches]
    assert findings(branches, {NAME: ["step1000", "step2000"]}) == []


def test_the_order_of_branches_changes_nothing() -> None:
    branches = [single(f"step{step}", str(step // 3)) for step in range(12)]
    said = {str(each) for each in copied(branches)}
    assert said == {str(each) for each in copied(branches[::-1])}
    assert len(said) == 12


@pytest.mark.parametrize(
    ("new", "has_token", "minutes"),
    [(2480, False, "25 minutes"), (2480, True, "13 minutes"), (100, True, "1 minute")],
)
def test_the_cost_is_that_of_the_published_limits(new: int, has_token: bool, minutes: str) -> None:
    assert f"about {minutes} at the hub's limit" in cost(16, 2480, new, has_token, False)
    said = cost(16, 2480, new, has_token, True)
    assert "parts of files: about 7,440, about " + ("8" if has_token else "13") in said
