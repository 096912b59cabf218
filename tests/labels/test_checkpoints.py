import json

import numpy as np
import pytest
import torch
from labels.remote import (
    REPOSITORY,
    SHAPE,
    STEPS,
    VOCABULARY,
    assert_same,
    stopping_after,
    wait_for_fetches,
)
from standin.models import is_memorized, new_model, with_weights

from memorization.errors import UserError
from memorization.extraction.score import score
from memorization.labels import scan as module
from memorization.labels.checkpoints import RemoteModels, streamed
from memorization.labels.scan import scan

CPU = torch.device("cpu")


def models(remote, work, pins=None, dtype=torch.float32):
    return RemoteModels(REPOSITORY, remote.model, pins or {}, work, dtype)


def scanned(remote, work, source=None, steps=STEPS):
    tokens = remote.sequences.astype(np.int32)
    source = source or models(remote, work)
    index = np.arange(len(tokens))
    return scan(index, tokens, steps, source, 256, work, CPU, end_of_text=False)


def fetched(hub):
    """Revisions whose weights were asked for, by commit."""
    got = [request.path for request in hub.requests if request.method == "GET"]
    return {path.split("/raw/")[1].split("/")[0] for path in got if "/raw/" in path}


def test_every_form_of_checkpoint_gives_the_labels_of_its_weights(
    remote, hub, tmp_path, monkeypatch
):
    """With at most two of them on disk, the next one fetched while the one before is in use."""
    work, seen = tmp_path / "work", []

    def watched(*arguments):
        wait_for_fetches()  # as slow as the evaluation may be, no third one comes
        seen.append({path.name for path in (work / "checkpoints").iterdir()})
        return score(*arguments)

    monkeypatch.setattr(module, "score", watched)
    found = scanned(remote, work)
    for column, step in enumerate(STEPS):
        model = with_weights(new_model(SHAPE, VOCABULARY, 0), remote.weights[step])
        expected = is_memorized(model, remote.sequences)
        np.testing.assert_array_equal(found.memorized[:, column], expected)
    counts = found.memorized.sum(0)
    assert counts[0] == 0
    assert counts[-1] > 100
    pairs = [(100, 20), (20, 40), (40, 60), (60, 80), (80,)]
    assert seen == [{f"step{step}" for step in pair} for pair in pairs]
    assert list((work / "checkpoints").iterdir()) == []
    cached = [path.stat().st_size for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert sum(cached) < 10_000  # nothing piles up in the hub's cache either


def test_an_interrupted_scan_goes_on_with_the_same_bytes(remote, hub, tmp_path, monkeypatch):
    whole = scanned(remote, tmp_path / "whole")
    commits = {step: hub.repositories.commit(REPOSITORY, f"step{step}") for step in STEPS}
    monkeypatch.setattr(module, "score", stopping_after(2, []))
    with pytest.raises(KeyboardInterrupt):
        scanned(remote, tmp_path / "work")
    wait_for_fetches()
    # What is of another step is deleted.
    (tmp_path / "work" / "checkpoints" / "step77.partial").mkdir()
    assert len(list((tmp_path / "work" / "checkpoints").iterdir())) == 3
    monkeypatch.setattr(module, "score", score)
    hub.requests.clear()
    source = models(remote, tmp_path / "work")
    assert_same(scanned(remote, tmp_path / "work", source), whole)
    assert fetched(hub) == {commits[80]}  # 100 and 20 are done, 40 and 60 were on disk
    assert source.commits == {f"step{step}": commits[step] for step in STEPS}


def test_a_missing_revision_leaves_the_finished_checkpoints(remote, hub, tmp_path):
    with pytest.raises(UserError, match=r"no revision 'step50'; there are .*step40"):
        scanned(remote, tmp_path / "work", steps=(20, 50, 100))
    found = sorted(path.name for path in (tmp_path / "work").glob("*.npz"))
    assert found == ["step100-0.npz", "step20-0.npz"]
    hub.requests.clear()
    scanned(remote, tmp_path / "work", steps=(20, 100))
    assert hub.requests == []


def test_a_pinned_commit_is_the_one_that_is_read(remote, hub, tmp_path):
    other = hub.repositories.commit(REPOSITORY, "step60")
    source = models(remote, tmp_path / "work", {f"{REPOSITORY}@step100": other})
    found = scanned(remote, tmp_path / "work", source, (100,))
    expected = scanned(remote, tmp_path / "other", steps=(60,))
    np.testing.assert_array_equal(found.match_length, expected.match_length)
    assert source.commits == {"step100": other}
    none = models(remote, tmp_path / "none", {f"{REPOSITORY}@step100": "0" * 40})
    with pytest.raises(UserError, match="has no commit 0000"):
        scanned(remote, tmp_path / "none", none, (100,))


def test_a_commit_that_is_gone_is_told_by_who_asked_for_it(remote, hub, tmp_path):
    """Nothing is pinned: the commit is the one that an interrupted run began to read."""
    work = tmp_path / "work"
    work.mkdir()
    record = work / "commits.json"
    record.write_text(json.dumps({"step40": "1" * 40, "step100": "0" * 40}))
    message = f"began to read step100 at commit {'0' * 40}, .*; delete step100 from {record}"
    with pytest.raises(UserError, match=message) as caught:
        scanned(remote, work, steps=(100,))
    assert "pythia.revisions" not in str(caught.value)
    record.write_text(json.dumps({"step40": "1" * 40}))
    scanned(remote, work, steps=(100,))
    assert models(remote, work).commits == {
        "step40": "1" * 40,
        "step100": hub.repositories.commit(REPOSITORY, "step100"),
    }


def test_in_float16(remote, hub, tmp_path):
    """The loaded weights are those that were published, in the precision that is asked for."""
    for dtype in (torch.float16, torch.float32):
        ((_, model),) = models(remote, tmp_path / str(dtype), dtype=dtype)([100])
        assert model.dtype == dtype
        for name, published in remote.weights[100].items():
            assert torch.equal(model.state_dict()[name], published.to(dtype)), name


def stream(folder, steps, fail_at=None, error=None):
    """Stream steps, one of which cannot be fetched."""

    def fetch(step, place):
        if step == fail_at:
            raise error
        with (place / "weights").open("a") as file:
            file.write(f"{step}")

    return streamed(steps, fetch, lambda place: (place / "weights").read_text(), folder)


def test_a_half_fetched_step_is_gone_on_with_and_never_taken_for_a_whole_one(tmp_path):
    half = tmp_path / "step40.partial"
    half.mkdir()
    (half / "weights").write_text("half of ")
    assert list(stream(tmp_path, [40])) == [(40, "half of 40")]
    assert list(stream(tmp_path, [])) == []


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (UserError("EleutherAI/pythia: no revision"), "no revision"),
        (OSError(28, "No space left on device"), r"No space left.*two checkpoints must fit"),
    ],
)
def test_a_failure_comes_in_one_line_when_its_step_is_asked_for(error, message, tmp_path):
    steps = stream(tmp_path / "new", [40, 10, 20, 30], 20, error)
    assert [next(steps), next(steps)] == [(40, "40"), (10, "10")]
    with pytest.raises(UserError, match=message) as caught:
        next(steps)
    assert "\n" not in str(caught.value)
