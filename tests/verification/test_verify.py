"""Every kind of wrong branch is found, by the real client from a stand-in; no right one is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from standin import Fault, Hub, connect
from standin.handler import HubHandler
from standin.repositories import File, Repositories
from verification.checkpoints import (
    LARGE,
    OLMO,
    SEEDS,
    SMALL,
    STEPS,
    Files,
    checkpoint,
    config,
    facts,
    repository,
    saved,
    stages,
    suite,
    weights,
)

from memorization.errors import UserError
from memorization.suite.declared.declaration import Declaration, read_declaration
from memorization.suite.hub import resolve
from memorization.verification.branches import Kind
from memorization.verification.command import Verified, declarations, verify
from memorization.verification.weights import Measuring
from memorization.verification.writing import grouped

Suite = dict[str, dict[str, Files]]
Found = set[tuple[str, str, Kind]]


@pytest.fixture
def own(tmp_path: Path) -> dict[str, Declaration]:
    (tmp_path / "own.json").write_text(json.dumps(facts()))
    return declarations(tmp_path / "own.json")


@pytest.fixture
def verified(
    own: dict[str, Declaration], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable:
    def of(repositories: Suite, has_ranges: bool = False, **options) -> Verified:
        with served(repositories, monkeypatch, tmp_path):
            return verify(list(repositories), own, options.get("steps"), has_ranges)

    return of


@contextmanager
def served(repositories: Suite, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Hub]:
    with Hub(repositories) as hub:
        connect(monkeypatch, hub.endpoint, folder / "home")
        yield hub


def found(verified: Verified) -> Found:
    return {(each.repository, each.branch, each.kind) for each in verified.findings}


def test_of_a_right_suite_nothing_is_wrong(verified: Callable) -> None:
    """Though its branches share configurations and tokenizers, and main the last step's weights."""
    clean = verified(suite(), has_ranges=True)
    assert clean.findings == []
    assert clean.excluded == {}
    assert len(clean.branches) == 2 * (len(STEPS) + 1)
    assert clean.unread == 0  # though one step is in two formats, and one in PyTorch's alone


def only(kind: Kind, *branches: str, repository: str = SMALL) -> Found:
    return {(repository, branch, kind) for branch in branches}


def final_elsewhere(own: Suite) -> Found:
    for branch in ("step1000", "step5000", "step6000"):
        own[SMALL][branch] = dict(own[SMALL]["main"])
    return only(Kind.IDENTICAL, "step1000", "step5000", "step6000")


def one_payload_for_two(own: Suite) -> Found:
    own[SMALL]["step6000"] = dict(own[SMALL]["step5000"])
    return only(Kind.IDENTICAL, "step5000", "step6000")


def of_another_size(own: Suite) -> Found:
    own[SMALL]["step5000"] = dict(own[LARGE]["step5000"])
    wrong = (Kind.IDENTICAL, Kind.SIZE, Kind.CONFIGURATION)
    return {(SMALL, "step5000", kind) for kind in wrong} | {(LARGE, "step5000", Kind.IDENTICAL)}


def main_elsewhere_and_a_late_blob(own: Suite) -> Found:
    """As pythia-2.8b: main is not the last step, and both are served by earlier branches."""
    own[SMALL]["step1000"] = own[SMALL]["main"] = checkpoint(SMALL, 8000, offset=0.01)
    own[SMALL]["step6000"] = dict(own[SMALL]["step8000"])
    return only(Kind.IDENTICAL, "step1000", "step6000") | only(Kind.MAIN, "main")


def no_branch(own: Suite) -> Found:
    del own[SMALL]["step5000"]
    return only(Kind.MISSING, "step5000")


def no_weights(own: Suite) -> Found:
    del own[SMALL]["step5000"]["model.safetensors"]
    return only(Kind.INCOMPLETE, "step5000")


def empty_weights(own: Suite) -> Found:
    own[SMALL]["step5000"]["model.safetensors"] = b""
    return only(Kind.INCOMPLETE, "step5000")


def only_a_pointer(own: Suite) -> Found:
    """What git has in place of a large file, where the file itself was never sent."""
    for branch in ("step5000", "step7000"):
        file = File("model.safetensors", own[SMALL][branch]["model.safetensors"])
        own[SMALL][branch]["model.safetensors"] = file.pointer
    return only(Kind.INCOMPLETE, "step5000", "step7000")


def only_the_optimizer(own: Suite) -> Found:
    files = own[SMALL]["step5000"]
    files["optimizer.pt"] = files["global_step5000/states.pt"] = files.pop("model.safetensors")
    return only(Kind.INCOMPLETE, "step5000")


def a_shard_short(own: Suite) -> Found:
    del own[SMALL]["step4000"]["model-00002-of-00002.safetensors"]
    return only(Kind.INCOMPLETE, "step4000")


def an_index_of_absent_files(own: Suite) -> Found:
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "other.safetensors"}}
    own[SMALL]["step4000"]["model.safetensors.index.json"] = json.dumps(index).encode()
    return only(Kind.INCOMPLETE, "step4000")


def an_index_that_is_none(own: Suite) -> Found:
    own[SMALL]["step4000"]["model.safetensors.index.json"] = b"<html>"
    return only(Kind.INCOMPLETE, "step4000")


def no_index(own: Suite) -> Found:
    del own[SMALL]["step4000"]["model.safetensors.index.json"]
    return only(Kind.INCOMPLETE, "step4000")


def no_config(own: Suite) -> Found:
    del own[SMALL]["step5000"]["config.json"]
    return only(Kind.INCOMPLETE, "step5000")


def another_shape(own: Suite) -> Found:
    own[SMALL]["step5000"]["config.json"] = config(16, "float16")
    return only(Kind.CONFIGURATION, "step5000")


def another_dtype(own: Suite) -> Found:
    own[SMALL]["step5000"] = checkpoint(SMALL, 5000, np.float32)
    return only(Kind.CONFIGURATION, "step5000") | only(Kind.SIZE, "step5000")


def another_dtype_unsaid(own: Suite) -> Found:
    own[SMALL]["step5000"] |= saved(weights(SMALL, 5000, np.float32, 0), "safetensors")
    return only(Kind.SIZE, "step5000")


def the_final_first_shard(own: Suite) -> Found:
    """As pythia-12b, steps 50000 and 58000."""
    del own[SMALL]["step2000"]
    for branch, files in own[SMALL].items():
        step = STEPS[-1] if branch == "main" else int(branch.removeprefix("step"))
        for name in [name for name in files if name.startswith(("model", "pytorch"))]:
            del files[name]
        files |= saved(weights(SMALL, step, np.float16, 0), "sharded")
    name = "model-00001-of-00002.safetensors"
    for branch in ("step5000", "step6000"):
        own[SMALL][branch][name] = own[SMALL]["main"][name]
    return only(Kind.MIXTURE, "step5000", "step6000") | only(Kind.MISSING, "step2000")


def shards_of_two_steps(own: Suite) -> Found:
    name = "model-00002-of-00002.safetensors"
    own[SMALL]["step4000"][name] = own[SMALL]["step3000"][name]
    return only(Kind.MIXTURE, "step3000", "step4000")


def formats_of_two_steps(own: Suite) -> Found:
    """Its safetensors are the final's, its bin is its own."""
    for branch in ("step8000", "main"):
        own[SMALL][branch] |= saved(weights(SMALL, 8000, np.float16, 0), "bin")
    name = "model.safetensors"
    own[SMALL]["step7000"][name] = own[SMALL]["step8000"][name]
    return only(Kind.MIXTURE, "step7000")


def formats_of_two_sizes(own: Suite) -> Found:
    for step in (5000, 6000, 8000):
        own[SMALL][f"step{step}"] |= saved(weights(SMALL, step, np.float16, 0), "bin")
    own[SMALL]["main"] = dict(own[SMALL]["step8000"])
    own[SMALL]["step7000"] |= saved(weights(LARGE, 7000, np.float16, 1), "bin")
    return only(Kind.SIZE, "step7000")


LISTED = [
    final_elsewhere,
    one_payload_for_two,
    of_another_size,
    main_elsewhere_and_a_late_blob,
    no_branch,
    no_weights,
    empty_weights,
    only_a_pointer,
    only_the_optimizer,
    a_shard_short,
    an_index_of_absent_files,
    an_index_that_is_none,
    no_index,
    no_config,
    another_shape,
    another_dtype,
    another_dtype_unsaid,
    the_final_first_shard,
    shards_of_two_steps,
    formats_of_two_steps,
    formats_of_two_sizes,
]


@pytest.mark.parametrize("spoil", LISTED)
def test_a_wrong_branch_is_found_by_its_listing(spoil: Callable, verified: Callable) -> None:
    spoiled = suite()
    expected = spoil(spoiled)
    assert found(verified(spoiled)) == expected


def anew(step: int, ending: str) -> dict[str, bytes]:
    """Weights with the embedding of a step, of which every file differs."""
    tensors = weights(SMALL, step, np.float16, 0)
    tensors["embed_out.weight"] = -tensors["embed_out.weight"]
    return saved(tensors, ending)


def saved_anew(own: Suite) -> Found:
    own[SMALL]["step6000"] |= anew(5000, "safetensors")
    return only(Kind.EMBEDDING, "step5000", "step6000")


def the_final_saved_anew(own: Suite) -> Found:
    own[SMALL]["step5000"] |= anew(8000, "safetensors")
    return only(Kind.EMBEDDING, "step5000")


def out_of_line(own: Suite) -> Found:
    """As pythia-12b-deduped, step 32000: late weights of nobody else."""
    own[SMALL]["step4000"] |= saved(weights(SMALL, 100_000, np.float16, 0), "sharded")
    return only(Kind.JUMP, "step4000")


def not_finite(own: Suite) -> Found:
    tensors = weights(SMALL, 5000, np.float16, 0)
    tensors["gpt_neox.embed_in.weight"][0, 0] = np.nan
    own[SMALL]["step5000"] |= saved(tensors, "safetensors")
    return only(Kind.NOT_FINITE, "step5000")


def no_safetensors(own: Suite) -> Found:
    name = "model.safetensors"
    own[SMALL]["step5000"][name] = b"?" * len(own[SMALL]["step5000"][name])
    return only(Kind.INCOMPLETE, "step5000")


def out_of_line_in_bin(own: Suite) -> Found:
    """As pythia-12b-deduped, which has bin files alone: step 32000 is out of line."""
    for step in STEPS:
        place, offset = own[SMALL][f"step{step}"], 100_000 if step == 4000 else step
        for name in [name for name in place if name.startswith(("model", "pytorch"))]:
            del place[name]
        place |= saved(weights(SMALL, offset, np.float16, 0), "bin")
    own[SMALL]["main"] = dict(own[SMALL]["step8000"])
    return only(Kind.JUMP, "step4000")


def the_final_saved_anew_in_bin(own: Suite) -> Found:
    """Of safetensors and bin, the embeddings are compared with each other."""
    own[SMALL]["step2000"] |= anew(8000, "bin")
    return only(Kind.EMBEDDING, "step2000")


def formats_of_two_models(own: Suite) -> Found:
    own[SMALL]["step7000"] |= saved(weights(SMALL, 6900, np.float16, 0), "bin")
    return only(Kind.FORMATS, "step7000")


def no_bin(own: Suite) -> Found:
    own[SMALL]["step2000"]["pytorch_model.bin"] = b"?" * len(
        own[SMALL]["step2000"]["pytorch_model.bin"]
    )
    return only(Kind.INCOMPLETE, "step2000")


NOTHING_MORE = [
    empty_weights,
    only_the_optimizer,
    a_shard_short,
    an_index_of_absent_files,
    no_weights,
    no_index,
]


@pytest.mark.parametrize("spoil", NOTHING_MORE)
def test_what_is_not_there_is_not_read(spoil: Callable, verified: Callable) -> None:
    spoiled = suite()
    expected = spoil(spoiled)
    assert found(verified(spoiled, has_ranges=True)) == expected


EMBEDDED = [
    saved_anew,
    the_final_saved_anew,
    out_of_line,
    not_finite,
    no_safetensors,
    out_of_line_in_bin,
    the_final_saved_anew_in_bin,
    formats_of_two_models,
    no_bin,
]


@pytest.mark.parametrize("spoil", EMBEDDED)
def test_a_wrong_branch_is_found_by_its_embedding(spoil: Callable, verified: Callable) -> None:
    spoiled = suite()
    expected = spoil(spoiled)
    assert found(verified(spoiled)) == set()
    assert found(verified(spoiled, has_ranges=True)) == expected


def test_seeds_are_compared_with_each_other(verified: Callable) -> None:
    """Of one size and shape, at the same steps, and of which no weights are alike."""
    seeds = {name: repository(name) for name in SEEDS}
    assert verified(seeds, has_ranges=True).findings == []
    one, two, three = SEEDS
    seeds[one]["step4000"] = dict(seeds[two]["step4000"])
    seeds[three]["step6000"] = dict(seeds[two]["main"])
    tensors = weights(three, 5000, np.float16, 0)
    tensors["embed_out.weight"] = -tensors["embed_out.weight"]
    seeds[one]["step5000"] |= saved(tensors, "safetensors")
    wrong = verified(seeds, has_ranges=True)
    assert {(each.repository, each.branch, each.detail) for each in wrong.findings} == {
        (one, "step4000", f"identical to {two}@step4000"),
        (two, "step4000", f"identical to {one}@step4000"),
        (three, "step6000", f"identical to {two}@step8000"),
        (one, "step5000", f"its embedding begins as that of {three}@step5000"),
        (three, "step5000", f"its embedding begins as that of {one}@step5000"),
    }


def three_branches_with_one_payload(own: dict[str, Files]) -> Found:
    """As allenai/OLMo issue 915."""
    names = [f"stage1-step{step}-tokens{step // 500}B" for step in (1000, 3000, 4000)]
    for name in names:
        own[name] = dict(own[names[0]])
    return only(Kind.IDENTICAL, *names, repository=OLMO)


def the_mean_elsewhere(own: dict[str, Files]) -> Found:
    own["stage2-ingredient1-step1000-tokens2B"] = dict(own["main"])
    return only(Kind.IDENTICAL, "stage2-ingredient1-step1000-tokens2B", repository=OLMO)


def one_end_for_two_ways(own: dict[str, Files]) -> Found:
    names = [f"stage2-ingredient{way}-step3000-tokens6B" for way in (1, 2)]
    own[names[0]] = dict(own[names[1]])
    return only(Kind.IDENTICAL, *names, repository=OLMO)


def out_of_its_stage(own: dict[str, Files]) -> Found:
    """Weights of long after."""
    name = "stage1-step3000-tokens6B"
    own[name] |= saved(weights(OLMO, 100_000, np.float16, 0), "sharded")
    return only(Kind.JUMP, name, repository=OLMO)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda own: set(),
        three_branches_with_one_payload,
        the_mean_elsewhere,
        one_end_for_two_ways,
        out_of_its_stage,
    ],
)
def test_branches_may_be_named_by_stage_and_tokens_as_well(
    spoil: Callable, verified: Callable
) -> None:
    branches = stages()
    expected = spoil(branches)
    wrong = verified({OLMO: branches}, has_ranges=True)
    assert found(wrong) == expected
    assert len(wrong.branches) == 5 + 2 * 3 + 1
    names = {branch for _, branch, _ in expected}
    assert set(wrong.excluded) == {f"{OLMO}@{name}" for name in names}


def test_a_stage_is_named_before_its_steps(verified: Callable) -> None:
    branches = stages()
    three_branches_with_one_payload(branches)
    branches["stage2-ingredient2-step1000-tokens2B"]["config.json"] = b"?"
    assert grouped(verified({OLMO: branches})) == [
        (OLMO, "incomplete", "stage2-ingredient2 step 1000", "no config.json that can be read"),
        (
            OLMO,
            "identical",
            "stage1 step 1000, 4000",
            "identical to stage1-step3000-tokens6B",
        ),
        (OLMO, "identical", "stage1 step 3000", "identical to stage1-step4000-tokens8B"),
    ]


def test_which_branches_a_declared_suite_must_have(
    verified: Callable,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    declared, steps = read_declaration("olmo2"), (10_000, 20_000, 30_000, 1_907_359)
    name = declared.repository_of("OLMo-2-0425-1B")
    branches = {declared.branch_of(step, name): checkpoint(OLMO, step) for step in steps}
    branches |= {"main": checkpoint(OLMO, steps[-1], offset=0.01)}
    assert found(verified({name: branches}, steps=steps)) == set()
    assert "olmo2: not known: which of the listed steps have a branch" in capsys.readouterr().out
    with served({name: branches}, monkeypatch, tmp_path):
        commits = {resolve("model", name, declared.branch_of(s, name)).commit for s in steps}
    assert len(commits) == len(steps)
    del branches["stage1-step20000-tokens42B"]
    wrong = verified({name: branches}, steps=steps)
    assert found(wrong) == only(Kind.MISSING, "stage1-step20000-tokens42B", repository=name)
    every = verified({name: branches})
    assert len(every.findings) == len(declared.steps_of(name)) + 1 - 3


def test_what_was_listed_and_read_is_not_asked_for_again(
    own: dict[str, Declaration],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with served(suite(), monkeypatch, tmp_path) as hub:
        hub.fail(Fault("status", f"*{LARGE}/tree*", status=404))
        with pytest.raises(UserError, match="not found"):
            verify([SMALL, LARGE], own, None, True)
        hub.heal()
        assert "listed before: 0; listings to ask for: 18, about" in capsys.readouterr().out
        verify([SMALL, LARGE], own, None, True)
        assert "listed before: 9; listings to ask for: 9, about" in capsys.readouterr().out
        trees = [request.path for request in hub.requests if "/tree/" in request.path]
        assert len(trees) == 18 + 1  # the one that failed
        before = len(hub.requests)
        assert verify([SMALL, LARGE], own, None, True).findings == []
        asked = [request.path for request in hub.requests[before:]]
        assert asked == [f"/api/models/{name}/refs" for name in (SMALL, LARGE)]


def test_some_steps_alone(verified: Callable) -> None:
    spoiled = suite()
    spoiled[SMALL]["step5000"] = dict(spoiled[SMALL]["main"])
    del spoiled[LARGE]["step3000"]
    some = verified(spoiled, steps=[3000, 5000])
    assert [branch.name for branch in some.branches] == [
        *("step3000", "step5000", "main"),
        *("step5000", "main"),
    ]
    assert some.excluded == {f"{SMALL}@step5000": "identical", f"{LARGE}@step3000": "missing"}


ODD = ("refs/convert/parquet", "step3000/x", "step03000", "step1٣", "step 5000", "../../etc", "é")


def test_branches_of_other_names_are_no_checkpoints(verified: Callable) -> None:
    """Nor are steps that no table holds, and a step after the last is none that must be there."""
    odd = suite()
    odd[SMALL] |= {name: dict(odd[SMALL]["step1000"]) for name in (*ODD, "step" + "9" * 5000)}
    odd[SMALL]["step9000"] = checkpoint(SMALL, 9000)
    del odd[LARGE]["main"]
    clean = verified(odd, has_ranges=True)
    assert (clean.findings, len(clean.branches)) == ([], 2 * len(STEPS) + 2)


def test_a_step_is_missing_only_where_it_must_be(verified: Callable) -> None:
    other = suite()
    other[SMALL]["step500"] = checkpoint(SMALL, 500)
    some = verified(other, steps=[500, 1000])
    assert (some.findings, len(some.branches)) == ([], 5)
    with pytest.raises(UserError, match=r"--steps: 1500 is no checkpoint of these models; near it"):
        verified(other, steps=[1000, 1500])
    # Nobody knows what there must be of a suite that is not declared and names stages.
    with pytest.raises(UserError, match=r"--steps: 8000 is no checkpoint of these models; near it"):
        verified({OLMO: stages()}, steps=[8000])
    assert len(verified({OLMO: stages()}, steps=[3000]).branches) == 1 + 2 + 1


def test_a_branch_that_is_moved_meanwhile_is_said_to_be(
    own: dict[str, Declaration], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its commit is gone when it is listed; the next run reads the new one."""
    later = suite()
    later[SMALL]["step5000"] = checkpoint(SMALL, 5001)
    with served(suite(), monkeypatch, tmp_path) as hub:
        new, old = Repositories(later), hub.repositories
        monkeypatch.setattr(old, "revision", new.revision)
        with pytest.raises(UserError, match="; step5000 was moved meanwhile: run the same command"):
            verify([SMALL], own, None, True)
        hub.repositories = new
        clean = verify([SMALL], own, None, True)
        assert clean.findings == []
        [moved] = [branch for branch in clean.branches if branch.name == "step5000"]
        assert (
            moved.commit == new.commit(SMALL, "step5000") != old.branches(SMALL)["step5000"].commit
        )


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("/refs", lambda said: {"branches": [each | {"name": 5} for each in said["branches"]]}),
        ("/tree/", lambda said: [each | {"size": "5"} for each in said]),
        ("/tree/", lambda said: [each | {"size": None} for each in said]),
        ("/tree/", lambda said: [each | {"size": 1 << 63} for each in said]),
    ],
)
def test_what_is_no_listing_is_not_kept(
    what: str,
    change: Callable,
    own: dict[str, Declaration],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    answer = HubHandler._json
    with served(suite(), monkeypatch, tmp_path):
        with monkeypatch.context() as spoilt:
            spoilt.setattr(
                HubHandler,
                "_json",
                lambda self, said, *rest: answer(
                    self, change(said) if what in self.path else said, *rest
                ),
            )
            with pytest.raises(UserError, match="does not answer as a hub does"):
                verify([SMALL], own, None, False)
        assert verify([SMALL], own, None, False).findings == []


def test_no_weights_are_downloaded(
    own: dict[str, Declaration], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with served(suite(), monkeypatch, tmp_path) as hub:
        verify([SMALL, LARGE], own, None, False)
        # One configuration a model and one index, both of which all branches share.
        files = [request.path for request in hub.requests if "/resolve/" in request.path]
        assert not any("safetensors" in path and "index" not in path for path in files)
        assert len({path.rsplit("/", 1)[1] for path in files}) == 2
        before = len(hub.requests)
        verify([SMALL], own, None, True)
        parts = [request.range for request in hub.requests[before:] if "/raw/" in request.path]
        # Of each file that holds an embedding, its directory and the first rows; near in a shard.
        assert len(parts) == 2 * (len(STEPS) + 1) - 2
        assert all(asked.startswith("bytes=") for asked in parts)


def test_the_miniature_of_pythia_is_right(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Models that were really trained, from their first steps to their last."""
    from standin.pythia import miniature

    folder, _ = miniature()
    names = [f"EleutherAI/pythia-{model}-v0" for model in ("70m", "410m", "1.4b", "12b")]
    with Hub(folder) as hub:
        connect(monkeypatch, hub.endpoint, tmp_path / "home")
        measure = Measuring(torch.device("cpu"), torch.float32)
        clean = verify(names, declarations(folder / "facts.json"), None, True, measure)
        assert clean.findings == []
        assert len(clean.branches) == len(clean.measured) == 4 * 10
        assert all(own.loss is not None for own in clean.measured.values())
