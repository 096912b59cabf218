import json
from dataclasses import asdict

import pytest

from memorization.errors import UserError
from memorization.protocol import PYTHIA
from memorization.suite.pythia.facts import PUBLISHED, read_facts


def test_parameters_follow_from_the_shapes():
    for model in PUBLISHED.models:
        h, layers, vocabulary = model.hidden, model.layers, model.vocabulary
        # Two embeddings; in a layer attention 4h² + 4h, feed-forward 8h² + 5h, two norms 4h.
        assert model.parameters == 2 * vocabulary * h + layers * (12 * h * h + 13 * h) + 2 * h
        assert h % model.heads == 0


def test_the_published_suite():
    assert tuple(model.name for model in PUBLISHED.models) == PYTHIA
    assert len(PUBLISHED.steps) == 143
    assert PUBLISHED.steps[-1] * PUBLISHED.sequences_per_step == PUBLISHED.population
    # The shards of the training data on the hub: twenty of 30 GB and a rest.
    assert PUBLISHED.population * PUBLISHED.window * 2 == 20 * 30_000_000_000 + 78_336_000
    for variant in ("duped", "deduped"):
        counts = [PUBLISHED.rows[f"{variant}.{name}"] for name in PYTHIA]
        assert counts == sorted(counts)


def test_facts_of_another_suite_are_read_from_a_file(tmp_path):
    path = tmp_path / "facts.json"
    path.write_text(json.dumps(asdict(PUBLISHED)))
    assert read_facts(path) == PUBLISHED
    assert read_facts(None) is PUBLISHED


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "Invalid JSON"),
        ('{"population": 1}', "sequences_per_step: Field required"),
        (json.dumps(asdict(PUBLISHED) | {"sized": 1}), "sized"),
    ],
)
def test_a_file_that_describes_no_suite(tmp_path, content, message):
    path = tmp_path / "facts.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=f"pythia.facts={path}: .*{message}"):
        read_facts(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": PUBLISHED.models[::-1]}, "models: must be from small to large"),
        ({"models": PUBLISHED.models[:1] * 2}, "models: must be from small to large, each larger"),
        ({"models": ()}, "models: must be"),
        ({"steps": PUBLISHED.steps[::-1]}, "steps: must be above 0 and ascend"),
        ({"steps": (0, 1)}, "steps: must be above 0"),
        ({"steps": ()}, "steps: must be"),
        ({"evaluated": {"12b": (2000, 1000)}}, "evaluated: 12b: must ascend and be before the la"),
        (
            {"evaluated": {"12b": (143_000,)}},
            r"evaluated: 12b: .* the last step, 143000; \[143000\]",
        ),
    ],
)
def test_facts_in_another_order_describe_no_suite(tmp_path, change, message):
    path = tmp_path / "facts.json"
    described = asdict(PUBLISHED)
    shown = (
        {"models": [asdict(model) for model in change["models"]]} if "models" in change else change
    )
    path.write_text(json.dumps(described | shown))
    with pytest.raises(UserError, match=f"pythia.facts={path}: {message}") as caught:
        read_facts(path)
    assert "\n" not in str(caught.value)


def test_bytes_of_a_checkpoint():
    # The hub lists for 70m 166 MB, for 12b three shards of 9.81 + 9.93 + 4.11 GB.
    assert PUBLISHED.model("70m").checkpoint_bytes == pytest.approx(166e6, rel=0.01)
    assert PUBLISHED.model("12b").checkpoint_bytes == pytest.approx(23.85e9, rel=0.01)


def test_models_up_to_one():
    assert [model.name for model in PUBLISHED.up_to("410m")] == ["70m", "160m", "410m"]
    with pytest.raises(UserError, match="target='3b'"):
        PUBLISHED.model("3b")
