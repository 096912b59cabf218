import json
from dataclasses import asdict

import pytest

from memorization.errors import UserError
from memorization.protocol import PYTHIA
from memorization.registered import published
from memorization.suite.declared.declaration import SUITES, of_target, read_declaration
from memorization.suite.pythia.repositories import check_exclusions

PUBLISHED = read_declaration()


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
    assert read_declaration("pythia", path) == PUBLISHED
    assert read_declaration() is PUBLISHED


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "not valid JSON"),
        ("[1]", "must be a JSON object of keys to values"),
        ('{"population": "many"}', "population: Input should be a valid integer"),
        (json.dumps(asdict(PUBLISHED) | {"sized": 1}), "sized"),
    ],
)
def test_a_file_that_describes_no_suite(tmp_path, content, message):
    path = tmp_path / "facts.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=f"pythia.facts={path}: .*{message}"):
        read_declaration("pythia", path)


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
        read_declaration("pythia", path)
    assert "\n" not in str(caught.value)


def test_bytes_of_a_checkpoint():
    # The hub lists for 70m 166 MB, for 12b three shards of 9.81 + 9.93 + 4.11 GB.
    assert PUBLISHED.model("70m").checkpoint_bytes == pytest.approx(166e6, rel=0.01)
    assert PUBLISHED.model("12b").checkpoint_bytes == pytest.approx(23.85e9, rel=0.01)


def test_smaller_models():
    assert [model.name for model in PUBLISHED.smaller("410m")] == ["70m", "160m"]
    with pytest.raises(UserError, match="target='3b'"):
        PUBLISHED.model("3b")


@pytest.mark.parametrize(
    ("target", "suite", "n_steps", "repository", "last"),
    [
        ("12b", "pythia", 143, "EleutherAI/pythia-12b-v0", "step143000"),
        ("14m-seed0", "polypythias", 143, "EleutherAI/pythia-14m", "step143000"),
        ("410m-seed9", "polypythias", 143, "EleutherAI/pythia-410m-seed9", "step143000"),
        (
            "hubble-1b-100b-injectrange_0_25",
            "hubble",
            48,
            "allegrolab/hubble-1b-100b_toks-injectrange_0_25-hf",
            "step48000",
        ),
        (
            "hubble-8b-500b-standard",
            "hubble",
            239,
            "allegrolab/hubble-8b-500b_toks-standard-hf",
            "step238500",
        ),
    ],
)
def test_what_a_target_stands_for(target, suite, n_steps, repository, last):
    assert published()[target] == (suite, n_steps)
    declared = of_target(target)
    assert declared.suite == suite
    assert declared.repository_of(target, "duped", "v0") == repository
    steps = declared.steps_of(repository)
    assert len(steps) == n_steps
    assert declared.branch_of(steps[-1], repository) == last
    assert declared.model(target).name == target


def test_the_names_that_params_may_hold_are_those_that_are_declared():
    declared = [read_declaration(name) for name in SUITES]
    found = {t: own.suite for own in declared if own.layout != "checkpoints" for t in own.targets}
    assert found == {target: suite for target, (suite, _) in published().items()}


@pytest.mark.parametrize("suite", SUITES)
def test_what_is_wrong_is_a_checkpoint_that_is_declared(suite):
    declared = read_declaration(suite)
    check_exclusions(declared.wrong, declared)


def test_runs_of_a_size_and_the_labels_that_choose_what_is_studied():
    poly = read_declaration("polypythias")
    assert poly.runs_of("31m-seed4") == [f"31m-seed{seed}" for seed in range(10)]
    assert len(poly.targets) == 50
    assert PUBLISHED.runs_of("70m") == []
    assert [poly.cases_of(f"{size}-seed1") for size in ("14m", "31m", "70m", "160m")] == [
        "70m", "70m", "70m", "160m",
    ]  # fmt: skip
    assert [model.name for model in poly.smaller("410m-seed1")] == ["70m", "160m"]
    assert poly.smaller("70m-seed1") == []
    assert poly.all_datasets() == [
        *(PUBLISHED.dataset(what, "duped") for what in PUBLISHED.datasets),
        "EleutherAI/pile-preshuffled-seeds",
    ]


@pytest.mark.parametrize(
    ("model", "step", "branch"),
    [
        ("0425-1B", 0, "stage1-step0-tokens0B"),
        ("0425-1B", 10_000, "stage1-step10000-tokens21B"),
        ("0425-1B", None, "stage1-step1907359-tokens4001B"),
        ("1124-7B", None, "stage1-step928646-tokens3896B"),
        ("1124-13B", None, "stage1-step596057-tokens5001B"),
    ],
)
def test_branches_of_olmo(model, step, branch):
    olmo, repository = read_declaration("olmo2"), f"allenai/OLMo-2-{model}"
    assert olmo.repository_of(f"OLMo-2-{model}") == repository
    last = olmo.steps_of(repository)[-1]
    assert olmo.branch_of(last if step is None else step, repository) == branch


@pytest.mark.parametrize(
    ("name", "shape", "keys", "inner"),
    [
        ("hubble-1b-100b", "hubble", 512, 8192),
        ("hubble-8b-500b", "hubble", 1024, 14_336),
        ("OLMo-2-0425-1B", "olmo2", 2048, 8192),
        ("OLMo-2-1124-7B", "olmo2", 4096, 11_008),
        ("OLMo-2-1124-13B", "olmo2", 5120, 13_824),
    ],
)
def test_parameters_of_gated_models_follow_from_their_shapes(name, shape, keys, inner):
    model = read_declaration(shape).model(name)
    h, norms = model.hidden, 4 if shape == "olmo2" else 2
    layer = 2 * h * h + 2 * h * keys + 3 * h * inner + norms * h
    assert model.parameters == 2 * model.vocabulary * h + model.layers * layer + h
    assert model.checkpoint_bytes == 2 * model.parameters


def test_in_which_part_of_training_texts_are_inserted():
    hubble = read_declaration("hubble")
    runs = hubble.runs_of("hubble-1b-100b-standard")
    phases = {run.removeprefix("hubble-1b-100b-"): hubble.phase_of(run) for run in runs}
    assert phases.pop("standard") is None
    assert phases.pop("perturbed") == (0, 1)
    for name, phase in phases.items():
        assert name == "injectrange_{:.0f}_{:.0f}".format(*(100 * part for part in phase))
    assert len(phases) == 6
    assert hubble.runs_of("hubble-8b-100b-perturbed") == [
        "hubble-8b-100b-standard",
        "hubble-8b-100b-perturbed",
    ]
    assert PUBLISHED.phase_of("70m") is None


def test_values_of_a_file_hold_instead_of_the_declared_ones(tmp_path):
    path = tmp_path / "facts.json"
    path.write_text(json.dumps({"steps": {"every": 5, "last": 12}, "population": 60}))
    own = read_declaration("polypythias", path)
    assert (own.steps, own.population, own.early, own.wrong) == ((5, 10, 12), 60, (), {})
    assert own.targets == read_declaration("polypythias").targets
