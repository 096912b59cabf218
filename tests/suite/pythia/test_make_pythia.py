import errno
import os
import shutil
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pyarrow as pa
import pytest
import torch
import yaml
from huggingface_hub import close_session
from safetensors import SafetensorError
from standin import Fault, Hub
from standin.tables import parquet_shards
from suite.pythia.miniature import DUPLICATES, EVALS, MODEL, SAMPLE, labels

from memorization.errors import UserError
from memorization.suite.declared.declaration import read_declaration
from memorization.suite.pythia import make
from memorization.suite.pythia.make import make_suite
from memorization.suite.pythia.repositories import check_pins
from memorization.suite.read import read_suite

SUITE = Path("suite")
EVALUATIONS = EVALS.removeprefix("datasets/")


@pytest.fixture
def suite(hub, params):
    make_suite(params(), SUITE)
    return read_suite(SUITE)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def fetched(hub: Hub) -> list[str]:
    """Names of the files whose bytes the hub was asked for."""
    return [request.path.rpartition("/")[2] for request in hub.requests if request.method == "GET"]


def test_what_was_published_is_what_is_on_disk(suite, published):
    assert (suite.name, suite.population, suite.sequences_per_step) == ("pythia", 600, 6)
    assert suite.steps == (25, 50, 75, 100)
    assert suite.parameters == {"70m": 1000, "160m": 2000, "410m": 3000}
    for model in suite.models:
        np.testing.assert_array_equal(suite.memorized(model), published.memorized[f"duped.{model}"])
    np.testing.assert_array_equal(suite.pool, published.sampled)
    assert suite.manifest["vocabulary"] == published.tokenizer.get_vocab_size()
    assert suite.tokenizer.to_str() == published.tokenizer.to_str()
    # 6 sequences a step, and the first round of the data ends with step 60.
    assert suite.epoch(np.array([0, 359, 360, 599])).tolist() == [0, 0, 1, 1]


def test_evaluations_of_earlier_checkpoints(suite, published):
    assert suite.manifest["evaluations"] == [25, 50, 100]
    found = suite.evaluations("410m")
    assert list(found) == [25, 50, 100]
    for step in (25, 50):
        np.testing.assert_array_equal(found[step], published.memorized[f"duped.410m.{step}"])
    assert list(suite.evaluations("70m")) == [100]


def test_an_earlier_evaluation_is_cut_to_what_the_checkpoint_has_seen(serve, params, published):
    known = published.memorized["duped.410m.25"]
    files = published.files(EVALS)
    for name in [name for name in files if "duped.410m.25-" in name]:
        del files[name]
    over = np.append(known, [150, 151])  # 6 sequences a step: 0 … 149
    files["data/duped.410m.25-00000-of-00001.parquet"] = labels(over, published.rows)
    serve()
    make_suite(params(), SUITE)
    np.testing.assert_array_equal(read_suite(SUITE).evaluations("410m")[25], known)


def test_tokens_of_the_pool_and_of_the_memorized(suite, published):
    index = np.union1d(published.sampled, published.memorized["duped.410m"])
    index = np.union1d(index, published.memorized["duped.70m"])[::-1]
    tokens = suite.tokens(index)
    assert tokens.dtype == np.int32
    np.testing.assert_array_equal(tokens, published.rows[index, :64])
    assert suite.domains(index[:3]).tolist() == [None] * 3
    # The sample is what is counted over, if nothing else is asked for.
    rows = suite.corpus_rows(index)
    np.testing.assert_array_equal(rows >= 0, np.isin(index, published.sampled))
    np.testing.assert_array_equal(suite.corpus[rows[rows >= 0]], suite.tokens(index[rows >= 0]))
    unknown = np.setdiff1d(np.arange(600), index)[:1]
    with pytest.raises(UserError, match=f"index {unknown[0]}: its tokens are not known"):
        suite.tokens(unknown)


def test_the_sample_agrees_with_the_labels(suite, published, capsys):
    checks = suite.manifest["checks"]
    # Repeated indices are counted, and kept once.
    assert checks["labels"] == {
        split: {"rows": len(index) + 2, "sequences": len(index)}
        for split, index in published.memorized.items()
    }
    assert checks["sample"] == {"rows": 201, "sequences": 200}
    scored = np.load(SUITE / "sample" / "equal.npy") == 32
    for place, (model, found) in enumerate(checks["agreement"].items()):
        both = np.isin(published.sampled, published.memorized[f"duped.{model}"])
        np.testing.assert_array_equal(scored[:, place], both)
        assert (found["both"], found["share_both"]) == (both.sum(), 1)
        assert (found["sample_only"], found["labels_only"]) == (0, 0)
    assert "WARNING" not in capsys.readouterr().err


def test_disagreement_is_said_aloud(serve, params, published, capsys):
    """A few of those that the labels call memorized, the sample does not: another precision."""
    index = np.append(published.sampled, published.sampled[:1])
    memorized = np.isin(index, published.memorized["duped.70m"])
    score = np.where(memorized, 1.0, 0.5)
    score[np.flatnonzero(memorized)[-1]] = 0.9
    published.repositories[SAMPLE]["main"] = published.sample(index, score)
    serve()
    make_suite(params(target="70m"), SUITE)
    found = read_suite(SUITE).manifest["checks"]["agreement"]["70m"]
    n = memorized[:200].sum()
    assert (found["both"], found["labels_only"], found["sample_only"]) == (n - 1, 1, 0)
    assert found["share_both"] == (n - 1) / n
    assert f"both do of only {(n - 1) / n:.2%}" in capsys.readouterr().err


def test_the_reference_is_the_published_model(hub, suite, published):
    model = suite.load("70m")
    for name, value in published.weights.items():
        np.testing.assert_array_equal(model.state_dict()[name], value.float())
    tokens = torch.arange(1, 65)[None]
    with torch.inference_mode():
        expected = published.reference(tokens).logits
        torch.testing.assert_close(model(tokens).logits, expected, rtol=0, atol=1e-5)
    assert [suite.has(name) for name in suite.models] == [True, False, False]
    described = {m["name"]: m for m in suite.manifest["models"]}
    assert described["70m"]["repository"] == MODEL
    assert described["70m"]["commit"] == hub.commit(MODEL, "step100")
    assert described["160m"]["commit"] is None
    # The weights are there twice, and the optimizer's state as well: one copy is enough.
    assert "pytorch_model.bin" not in fetched(hub)
    assert "optimizer.pt" not in fetched(hub)


def test_a_reference_that_is_there_only_as_bin(serve, params, published):
    del published.files(MODEL)["model.safetensors"]
    serve()
    make_suite(params(), SUITE)
    model = read_suite(SUITE).load("70m")
    for name, value in published.weights.items():
        np.testing.assert_array_equal(model.state_dict()[name], value.float())


def test_the_smallest_model_has_no_reference(hub, params):
    make_suite(params(target="70m"), SUITE)
    suite = read_suite(SUITE)
    assert suite.models == ["70m"]
    assert not suite.has("70m")
    assert suite.manifest["evaluations"] == [100]
    assert "model.safetensors" not in fetched(hub)


def test_commits_are_recorded_and_can_be_pinned(hub, params, capsys):
    commit = hub.commit(EVALS)
    make_suite(params(), SUITE)
    assert read_suite(SUITE).manifest["datasets"][EVALUATIONS] == commit
    said = capsys.readouterr().out
    assert f"{EVALUATIONS}: {commit}" in said
    assert f"{MODEL}@step100: {hub.commit(MODEL, 'step100')}" in said
    make_suite(params({"revisions": {EVALUATIONS: commit}}), Path("pinned"))
    assert commit not in capsys.readouterr().out
    with pytest.raises(UserError, match="has no commit"):
        make_suite(params({"revisions": {EVALUATIONS: "0" * 40}}), Path("wrong"))
    assert not Path("wrong").exists()


@pytest.mark.parametrize(
    ("pin", "message"),
    [
        ("EleutherAI/pythia-memorised-evals", r"nothing that is read; .*/pythia-memorized-evals"),
        (f"{EVALUATIONS}@main", "is nothing that is read; there are Eleu.*-eva"),
        ("EleutherAI/pythia-1b-v0@step100", r"is nothing that is read; .*pythia-\d+m-v0@step100"),
        (MODEL, f"is no checkpoint; .*, as {MODEL}@step100; there are step"),
        (f"{MODEL}@step55", r"is no checkpoint; .*; there are step\d+, step"),
        (f"{MODEL}@main", "is no checkpoint"),
    ],
)
def test_a_pin_of_nothing_that_is_read_is_an_error(hub, params, pin, message):
    with pytest.raises(UserError, match=message) as caught:
        make_suite(params({"revisions": {pin: "a" * 40}}), SUITE)
    assert str(caught.value).startswith(f"pythia.revisions: '{pin}'")
    assert not hub.requests


def test_what_may_be_pinned_is_what_is_read_of_any_variant_and_release(published):
    pins = yaml.safe_load((Path(__file__).parents[3] / "params.yaml").read_text())["pythia"]
    check_pins(pins["revisions"], read_declaration())
    more = ["EleutherAI/pythia-12b-deduped@step1000", DUPLICATES.removeprefix("datasets/")]
    check_pins(more, read_declaration())
    for facts in (read_declaration(), published.facts):
        check_pins([f"{MODEL}@step{step}" for step in facts.steps], facts)


def test_a_suite_that_is_there_asks_nothing(hub, params, suite):
    before, n = contents(SUITE), len(hub.requests)
    hub.stop()
    make_suite(params(), SUITE)
    # What is studied of the suite, and how, is no part of it.
    make_suite(params({"sequences": {"cases": 5, "cohort": 5}, "precision": "float16"}), SUITE)
    assert len(hub.requests) == n
    assert contents(SUITE) == before


def test_offline_from_a_warm_cache_when_all_is_pinned(hub, params, suite, monkeypatch):
    pins = suite.manifest["datasets"] | {f"{MODEL}@step100": hub.commit(MODEL, "step100")}
    pinned = params({"revisions": pins})
    first = contents(SUITE)
    shutil.rmtree(SUITE)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    close_session()
    n = len(hub.requests)
    make_suite(pinned, SUITE)
    assert len(hub.requests) == n
    assert contents(SUITE) == first


@pytest.mark.parametrize(("part", "made_before"), [("fetch_labels", 1), ("fetch_sample", 5)])
def test_an_interrupted_run_goes_on_and_gives_the_same_bytes(
    hub, params, monkeypatch, part, made_before
):
    make_suite(params(), Path("whole"))
    fetch, made = getattr(make, part), []

    def interrupted(*arguments):
        made.append(arguments[-1])
        if part == "fetch_sample" or len(made) == 2:
            raise KeyboardInterrupt
        return fetch(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(make, part, interrupted)
        with pytest.raises(KeyboardInterrupt):
            make_suite(params(), SUITE)
    assert not SUITE.exists()
    later: list[Path] = []
    fetch_labels = make.fetch_labels

    def recorded(*arguments):
        later.append(arguments[-1])
        return fetch_labels(*arguments)

    monkeypatch.setattr(make, "fetch_labels", recorded)
    make_suite(params(), SUITE)
    assert contents(SUITE) == contents(Path("whole"))
    assert len(later) == 5 - made_before


def test_another_target_takes_over_what_is_there(serve, params):
    serve()
    make_suite(params(target="160m"), SUITE)
    # A second hub and an empty cache: what is fetched now is seen.
    hub = serve("other")
    make_suite(params(), SUITE)
    names = fetched(hub)
    assert any("duped.410m-" in name for name in names)
    assert not any("duped.70m-" in name or name.startswith("train-") for name in names)
    assert "model.safetensors" not in names
    assert read_suite(SUITE).models == ["70m", "160m", "410m"]
    serve("third")
    make_suite(params(), Path("anew"))
    assert contents(SUITE) == contents(Path("anew"))


@pytest.mark.parametrize(
    "damaged", ["evals/70m.parquet", "sample/tokens.npy", "70m/step100/model.safetensors"]
)
def test_a_damaged_suite_is_not_taken_over(params, suite, damaged):
    whole = contents(SUITE)
    (SUITE / damaged).write_bytes((SUITE / damaged).read_bytes()[:100])
    make_suite(params(), SUITE)
    assert contents(SUITE) == whole


def _name(files, part):
    return next(name for name in files if part in name)


def _more_rows(files, published):
    index = published.memorized["duped.410m"]
    files[_name(files, "duped.410m-00000")] = labels(index, published.rows)


def _no_split(files, published):
    for name in [name for name in files if "duped.160m-" in name]:
        del files[name]


def _cut_short(files, published):
    name = _name(files, "duped.410m-00001")
    files[name] = files[name][:-100]


def _two_texts(files, published):
    index = published.memorized["duped.410m"][-10:]
    files[_name(files, "duped.410m-00000")] = labels(index, published.rows[::-1])


def _outside(files, published):
    rows = np.vstack([published.rows, published.rows[:2]])
    files[_name(files, "duped.410m-00001")] = labels(np.array([600, 601]), rows)


def _other_columns(files, published):
    [other] = parquet_shards("any", pa.table({"index": [1]}), 1).values()
    files[_name(files, "duped.410m-00000")] = other


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_more_rows, r"duped.410m has \d+ rows, but \d+ were published; pin a commit"),
        (_no_split, r"no file matches 'data/duped.160m-\*.parquet'; there are .*duped.410m"),
        (_cut_short, r"not a whole Parquet file .*; pin another commit"),
        (_two_texts, r"index \d+ occurs twice, with different tokens"),
        (_outside, r"600 in 'index'; all must be 0 to 599"),
        (_other_columns, r"no column 'tokens'; it has index"),
    ],
)
def test_labels_that_are_not_as_published(serve, params, published, change, message):
    change(published.files(EVALS), published)
    serve()
    with pytest.raises(UserError, match=message):
        make_suite(params(), SUITE)
    assert not SUITE.exists()
    assert not list(Path("results/.partial").rglob("*410m.parquet*"))


def _small_sample(published):
    sample = published.sample(published.sampled, np.zeros(200))
    published.repositories[SAMPLE]["main"] = sample


def _no_tokenizer(published):
    published.files(MODEL)["tokenizer.json"] = b"{}"


def _other_shape(published):
    files = published.files(MODEL)
    heads = b'"num_attention_heads": '
    files["config.json"] = files["config.json"].replace(heads + b"2", heads + b"1")


def _damaged_weights(published):
    files = published.files(MODEL)
    del files["model.safetensors"]
    files["pytorch_model.bin"] = files["pytorch_model.bin"][:1000]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_small_sample, "200 rows, but 201 were published"),
        (_no_tokenizer, "not a tokenizer"),
        (_other_shape, r"\(1, 16, 1, 320\), those of 70m are \(1, 16, 2, 320\)"),
        (_damaged_weights, "not a checkpoint that can be loaded"),
    ],
)
def test_what_is_not_as_published(serve, params, published, change, message):
    change(published)
    serve()
    with pytest.raises(UserError, match=message):
        make_suite(params(), SUITE)
    assert not SUITE.exists()


def test_a_target_that_the_described_suite_lacks(hub, params):
    with pytest.raises(UserError, match=r"target='12b': .* has only 70m, 160m, 410m"):
        make_suite(params(target="12b"), SUITE)
    assert not hub.requests


def test_without_network_nothing_is_begun(hub, params):
    hub.stop()
    with pytest.raises(UserError, match="cannot be reached"):
        make_suite(params(), SUITE)
    assert not SUITE.exists()
    assert not Path("results").exists()


def test_a_hub_that_fails_midway_leaves_what_is_finished(hub, params):
    hub.fail(Fault("status", "*train-00000*", status=404))
    with pytest.raises(UserError):
        make_suite(params(), SUITE)
    hub.heal()
    n = len(hub.requests)
    make_suite(params(), SUITE)
    later = [request.path for request in hub.requests[n:] if "/resolve/" in request.path]
    assert all("random-sampled" in path for path in later), later


NO_ROOM = os.strerror(errno.ENOSPC)


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("numpy.save", OSError(errno.ENOSPC, NO_ROOM)),
        ("pyarrow.parquet.write_table", OSError(errno.ENOSPC, NO_ROOM)),
        ("memorization.suite.checkpoints.save_file", SafetensorError(f"I/O error: {NO_ROOM}")),
        ("shutil.copyfile", OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))),
    ],
)
def test_a_full_disk(hub, params, monkeypatch, where, error):
    def full(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(where, full)
        with pytest.raises(UserError, match="disk full; make room and run the same command"):
            make_suite(params(), SUITE)
    assert not SUITE.exists()
    files = [path for path in Path("results/.partial").rglob("*") if path.is_file()]
    assert not [path for path in files if path.suffix == ".partial"]
    make_suite(params(), SUITE)
    assert SUITE.exists()


def test_another_fault_of_the_disk_is_not_hidden(hub, params, monkeypatch):
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(np, "save", broken)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        make_suite(params(), SUITE)
