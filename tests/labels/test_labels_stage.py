"""The stage on a suite of published labels: every source of times, and a real hub's clients."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import torch
import yaml
from labels.remote import (
    PER_STEP,
    REPOSITORY,
    SHAPE,
    STEPS,
    VOCABULARY,
    stopping_after,
    wait_for_fetches,
)
from standin.models import is_memorized, new_model, right_tokens, with_weights

from memorization.errors import UserError
from memorization.extraction.margins import margins
from memorization.labels import scan
from memorization.labels.trajectories import Trajectories
from memorization.stages import labels as stage
from memorization.tables import (
    LABELS,
    MARGINS,
    SEQUENCES,
    read_table,
    token_column,
    write_table,
)

PARAMS = Path(__file__).parents[1] / "pipeline" / "params.yaml"
EARLIER = (40, 80)


@pytest.fixture
def run(remote, memorized, tmp_path, monkeypatch):
    """Run the stage on a suite and a sample; returns metrics, labels and trajectories."""
    monkeypatch.chdir(tmp_path)
    _write_suite(remote, memorized[STEPS[-1]])
    last = with_weights(new_model(SHAPE, VOCABULARY, 0), remote.weights[STEPS[-1]])
    _write_scores(right_tokens(last, remote.sequences))
    _write_sample(remote.sequences)
    raw = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    facts = {"population": 800, "sequences_per_step": PER_STEP, "window": 65, "steps": STEPS}
    facts |= {"models": [vars(remote.model)], "rows": {}, "sample_rows": 800, "evaluated": {}}
    Path("facts.json").write_text(json.dumps(facts), encoding="utf-8")

    def run_stage(device="cpu", **labels):
        changed = raw | {"target": "410m", "device": device, "labels": raw["labels"] | labels}
        changed["pythia"] = raw["pythia"] | {"facts": "facts.json"}
        Path("params.yaml").write_text(yaml.safe_dump(changed), encoding="utf-8")
        stage.main()
        metrics = json.loads(Path("results/metrics/labels.json").read_text(encoding="utf-8"))
        table = read_table("results/labels.parquet", LABELS)
        return metrics, table, Trajectories.read("results/trajectories.npz")

    return run_stage


@pytest.fixture(scope="module")
def memorized(remote):
    """What the model has memorized at each step, as the published script would say, bool [n]."""
    model = new_model(SHAPE, VOCABULARY, 0)
    return {
        step: is_memorized(with_weights(model, remote.weights[step]), remote.sequences)
        for step in STEPS
    }


def _write_evals(name, index):
    table = pa.table({"index": pa.array(index, pa.int64())})
    parquet.write_table(table, f"results/suite/evals/{name}.parquet")


def _write_suite(remote, at_end):
    folder = Path("results/suite/evals")
    folder.mkdir(parents=True)
    _write_evals("410m", np.flatnonzero(at_end))
    _write_evals("70m", np.flatnonzero(at_end)[::7])
    manifest = {"suite": "pythia", "population": 800, "sequences_per_step": PER_STEP}
    manifest |= {
        "steps": STEPS,
        "labelled": ["70m", "410m"],
        "scored": ["70m", "410m"],
        "runs": {},
        "models": [
            {"name": "70m", "parameters": 10, "repository": "EleutherAI/pythia-70m-v0"},
            {"name": "410m", "parameters": remote.model.parameters, "repository": REPOSITORY},
        ],
    }
    (folder.parent / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def _write_scores(equal):
    """Write the published sample: a third of what is studied, and both models' equal tokens."""
    folder, index = Path("results/suite/sample"), np.arange(0, 800, 9)
    folder.mkdir()
    np.save(folder / "index.npy", index)
    scores = np.stack([np.zeros(len(index)), equal[index]], axis=1)
    np.save(folder / "equal.npy", scores.astype(np.uint8))


def _write_sample(sequences):
    index = np.arange(0, 800, 3)
    frame = pd.DataFrame({"index": index})
    frame["step"] = (index // PER_STEP + 1).astype(np.int32)
    frame["tokens"] = token_column(sequences[index])
    frame["domain"] = pd.Series([None] * len(index), dtype=object)
    frame["case"] = index % 2 == 0
    frame["weight"] = 3.0
    frame["followed"] = True
    frame["when_weight"] = 3.0
    write_table(frame, "results/sequences.parquet", SEQUENCES)


def test_with_neither_gpu_nor_published_times_only_the_end_is_known(run, memorized, capsys):
    metrics, table, trajectories = run()
    times = metrics["times"]
    assert times["source"] == "none"
    assert "no earlier evaluations of 410m were published" in times["reason"]
    assert times["reason"] in capsys.readouterr().out
    assert (times["checkpoints"], times["of"], times["cost"]["checkpoints"]) == (1, 5, 5)
    assert times["cost"]["gigabytes"] > 0
    assert metrics["agreement"] is metrics["target_commits"] is None
    at_end = memorized[100][table["index"]]
    np.testing.assert_array_equal(table["memorized"], at_end)
    assert table["first_step"].isna().all()
    assert table["upper"].notna().to_numpy().tolist() == at_end.tolist()
    assert trajectories.steps.tolist() == [100]
    assert metrics["memorized_by_model"]["410m"] == memorized[100].sum()
    assert metrics["population"] == 800
    assert metrics["margins"] is None
    assert len(read_table("results/margins.parquet", MARGINS)) == 0


def test_published_times(run, memorized):
    for step in EARLIER:  # of what was seen by then
        index = np.flatnonzero(memorized[step])
        _write_evals(f"410m.step{step}", index[index < step * PER_STEP])
    metrics, table, trajectories = run()
    assert metrics["times"]["source"] == "published"
    assert trajectories.steps.tolist() == [*EARLIER, 100]
    index = table["index"].to_numpy()
    for row, i in enumerate(index):
        known = {s: bool(memorized[s][i]) for s in (*EARLIER, 100) if i < s * PER_STEP}
        first = next((s for s, on in known.items() if on), None)
        expected = {"first_step": first, "entry": 0 if i < 320 else min(known), "upper": first}
        for name, value in expected.items():
            assert (None if pd.isna(table[name][row]) else table[name][row]) == value
    assert metrics["of_the_memorized"]["before_being_seen"] is None


def test_a_scan_of_a_grid_on_purpose(run, hub, memorized, capsys):
    metrics, table, trajectories = run(checkpoints=2)
    assert metrics["times"]["source"] == "scan"
    assert "labels.checkpoints=2 asks for this grid" in metrics["times"]["reason"]
    assert trajectories.steps.tolist() == [40, 100]
    for column, step in enumerate((40, 100)):
        np.testing.assert_array_equal(
            trajectories.memorized[:, column], memorized[step][table["index"]]
        )
    assert metrics["agreement"] == {
        "n": len(table),
        "share": 1.0,
        "published_only": 0,
        "scan_only": 0,
        "shares": {"n": 89, "share": 1.0, "fewer": 0, "all": 0},
    }
    assert metrics["target_commits"] == {
        f"step{step}": hub.repositories.commit(REPOSITORY, f"step{step}") for step in (40, 100)
    }
    assert capsys.readouterr().err == ""
    assert not list(Path("results/.partial").rglob("*.safetensors"))


def test_a_scan_says_how_narrowly_its_labels_are_decided(run, hub, remote, memorized):
    # As if one of those that are most clearly memorized were not by the published labels.
    model = with_weights(new_model(SHAPE, VOCABULARY, 0), remote.weights[100])
    expected, decided = margins(model, remote.sequences, 64, end_of_text=False)
    index = np.arange(0, 800, 3)
    [clear] = index[expected[index] == expected[index].max()][:1]
    assert expected[clear] > 1
    _write_evals("410m", np.setdiff1d(np.flatnonzero(memorized[100]), [clear]))
    metrics, labels, _ = run(checkpoints=2)
    table = read_table("results/margins.parquet", MARGINS)
    np.testing.assert_array_equal(table["index"], labels["index"])
    np.testing.assert_array_equal(table["memorized"], labels["memorized"])
    np.testing.assert_array_equal(table["memorized"], decided[index])
    finite = np.isfinite(expected[index])
    assert not finite.all()  # end-of-text occurs
    np.testing.assert_allclose(table["margin"][finite], expected[index][finite], atol=1e-4)
    about = metrics["margins"]
    assert (about["n"], about["precision"]) == (len(index), "float32")
    assert set(about["flips"]) == {"other_batches", "bfloat16", "float16"}
    assert about["fragile"] == table["fragile"].sum()
    assert sum(band["sequences"] for band in about["bands"].values()) == len(index)
    for band, found in about["bands"].items():
        if band == "1 and above":
            n = int((table["margin"] >= 1).sum())
            assert found["sequences"] == found["memorized"] == n
            assert found["agreement"] == pytest.approx(1 - 1 / n)
        else:
            assert found["agreement"] in (None, 1)


def test_a_scan_that_finds_something_else_says_so_loudly_and_goes_on(run, hub, memorized, capsys):
    # As if the labels were those of another model.
    _write_evals("410m", np.flatnonzero(memorized[100])[::2])
    metrics, _, _ = run(times="scan", checkpoints="every-2")
    assert metrics["agreement"]["share"] < 0.99
    assert metrics["agreement"]["published_only"] == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "WARNING: at the last checkpoint the scan of 410m agrees" in said


def test_an_interrupted_stage_ends_with_the_same_bytes(run, hub, monkeypatch):
    run(checkpoints=3)
    files = ("labels.parquet", "margins.parquet", "trajectories.npz", "metrics/labels.json")
    whole = [Path("results", file).read_bytes() for file in files]
    shutil.rmtree("results/.partial")
    done = []
    monkeypatch.setattr(scan, "score", stopping_after(2, done))
    with pytest.raises(KeyboardInterrupt):
        run(checkpoints=3)
    done.clear()
    run(checkpoints=3)
    assert len(done) == 1
    assert [Path("results", file).read_bytes() for file in files] == whole


@pytest.mark.parametrize(
    "change",
    [
        ("memorization.labels.make.code_digest", lambda *_, **__: "of other code"),
        ("memorization.labels.make.library_versions", lambda *_: {"transformers": "99.0"}),
    ],
)
def test_what_older_code_or_another_library_made_is_not_taken_up(run, hub, monkeypatch, change):
    monkeypatch.setattr(scan, "score", stopping_after(2, []))
    with monkeypatch.context() as older:
        older.setattr(*change)
        with pytest.raises(KeyboardInterrupt):
            run(checkpoints=3)
    wait_for_fetches()
    assert len(list(Path("results/.partial").rglob("step*.npz"))) == 2
    done = []
    monkeypatch.setattr(scan, "score", stopping_after(4, done))
    run(checkpoints=3)
    assert len(done) == 3


def test_a_finished_scan_is_kept_and_gone_on_with(run, hub, monkeypatch):
    first = run(checkpoints=2)
    done = []
    monkeypatch.setattr(scan, "score", stopping_after(9, done))
    asked = len(hub.requests)
    again = run(checkpoints=2)
    assert (len(done), len(hub.requests)) == (0, asked)
    assert again[0] == first[0]
    pd.testing.assert_frame_equal(again[1], first[1])
    run(checkpoints=3)
    assert len(done) == 2  # the last checkpoint is there
    [one] = Path("results/.partial").glob("labels-*/step100-0.npz")
    one.write_bytes(one.read_bytes()[:-1] + b"!")
    run(checkpoints=3)
    assert len(done) == 3
    [one] = Path("results/.partial").glob("labels-*/margins.npz")
    kept = one.read_bytes()
    one.unlink()
    run(checkpoints=3)
    assert one.read_bytes() == kept
    assert len(done) == 3  # they are among what was found at the last checkpoint
    monkeypatch.setenv("FRESH", "1")
    run(checkpoints=3)
    assert len(done) == 6


def test_wrong_checkpoints_are_left_out_of_a_scan(run, hub, memorized, capsys):
    """The others give what a scan of all gives of them; what was scanned before is not again."""
    whole = run(times="scan")[2]
    assert whole.steps.tolist() == list(STEPS)
    asked = len(hub.requests)
    exclude = {f"{REPOSITORY}@step60": "mixture", f"{REPOSITORY}@step20": "identical, size"}
    # Those of another release, and those that no scan reads, are no matter.
    others = {"EleutherAI/pythia-410m@step80": "missing", f"{REPOSITORY}@step0": "identical"}
    capsys.readouterr()
    metrics, table, trajectories = run(times="scan", exclude=exclude | others)
    assert len(hub.requests) == asked
    assert trajectories.steps.tolist() == [40, 80, 100]
    for name in ("match_length", "continuation_logprob"):
        expected = getattr(whole, name)[:, [1, 3, 4]]
        np.testing.assert_array_equal(getattr(trajectories, name), expected)
    assert set(table["first_step"].dropna()) <= {40, 80, 100}
    times = metrics["times"]
    assert times["excluded"] == {"step20": "identical, size", "step60": "mixture"}
    assert (times["checkpoints"], times["of"], times["cost"]["checkpoints"]) == (3, 5, 3)
    said = (
        "labels.exclude: left out of the scan of 410m: step20 (identical, size), step60 (mixture)"
    )
    assert said in capsys.readouterr().out
    # A grid is laid over those that are left.
    assert run(checkpoints=2, exclude=exclude)[2].steps.tolist() == [40, 100]
    with pytest.raises(UserError, match="the suite has 3 checkpoints to scan"):
        run(checkpoints=4, exclude=exclude)


def test_nothing_is_left_out_where_nothing_is_scanned(run, capsys):
    metrics, _, _ = run(times="none", exclude={f"{REPOSITORY}@step100": "size"})
    assert metrics["times"]["excluded"] == {}
    assert "labels.exclude" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            f"{REPOSITORY}@step100",
            r"step100 is the last checkpoint of 410m \(size\), .*cannot",
        ),
        (f"{REPOSITORY}@step50", rf"'{REPOSITORY}@step50' is no checkpoint; .* there are step\d+"),
        (
            "allenai/OLMo@step20",
            "'allenai/OLMo@step20' is nothing that is read; there are Eleuther",
        ),
    ],
)
def test_what_cannot_be_left_out_is_refused_before_the_hub_is_asked(run, hub, name, message):
    with pytest.raises(UserError, match=f"^labels.exclude: .*{message}") as caught:
        run(times="scan", exclude={name: "size"})
    assert "\n" not in str(caught.value)
    assert not hub.requests
    assert not Path("results/trajectories.npz").exists()


def test_a_missing_branch_is_left_out_as_the_error_says(run, hub, memorized):
    del hub.repositories.branches(REPOSITORY)["step40"]
    with pytest.raises(UserError, match="no revision 'step40'") as caught:
        run(times="scan")
    advice = str(caught.value).rpartition("put it into params.yaml: labels.exclude: ")[2]
    metrics, table, trajectories = run(times="scan", exclude=yaml.safe_load(advice))
    assert metrics["times"]["excluded"] == {"step40": "missing"}
    assert trajectories.steps.tolist() == [20, 60, 80, 100]
    for column, step in enumerate((20, 60, 80, 100)):
        expected = memorized[step][table["index"]]
        np.testing.assert_array_equal(trajectories.memorized[:, column], expected)


def test_on_a_gpu_a_scan_is_the_default(run, hub, monkeypatch):
    """Told that there is one, of which the CPU plays the part."""

    def on_cpu(index, tokens, steps, models, batch, work, device, **options):
        asked.append((device.type, batch, models.dtype, len(steps), options["end_of_text"]))
        models = replace(models, dtype=torch.float32)
        device = torch.device("cpu")
        return scan.scan(index, tokens, steps, models, 64, work, device, **options)

    asked = []
    monkeypatch.setattr(stage, "choose_device", torch.device)
    monkeypatch.setattr("memorization.labels.make.scan", on_cpu)
    metrics, _, _ = run(device="cuda")
    assert asked == [("cuda", "auto", torch.float16, 5, False)]
    assert metrics["times"]["reason"] == "there is a GPU"
    assert metrics["agreement"]["share"] == 1


def test_published_times_that_do_not_exist(run):
    with pytest.raises(UserError, match=r"no earlier evaluations of 410m were published"):
        run(times="published")
