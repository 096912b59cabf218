"""What is wrong in params.yaml is refused when it is read: in one line, before any work is done."""

import json
from pathlib import Path

import pytest
from dvc.utils.serialize import parse_yaml

from memorization.errors import UserError
from memorization.features import FAMILIES
from memorization.params import load_params, read_yaml
from memorization.registered import registered, required
from memorization.suite.declared.declaration import read_declaration
from memorization.when.models import MODELS as WHEN
from memorization.whether.models import MODELS as WHETHER
from memorization.whether.models.classifier import FeatureModel

SHIPPED = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture
def load(tmp_path):
    """Load the shipped parameters with some of them changed, written as the YAML that is JSON."""

    def changed(**changes):
        raw = read_yaml(SHIPPED)
        for name, value in changes.items():
            *path, last = name.split("__")
            section = raw
            for part in path:
                section = section[part]
            section[last] = value
        path = tmp_path / "params.yaml"
        path.write_text(json.dumps(raw), encoding="utf-8")
        return load_params(path)

    return changed


@pytest.mark.parametrize(
    "text",
    ["a: 010", "a: 0o17", "a: 0x1f", "a: 1_000", "a: 1e3", "a: no", "a: 12:30:45", "a: .5", "a: ~",
     "%YAML 1.1\n---\na: 010", "a: 2020-01-01", "a: {b: [1, 2]}", "a: '7'"],
)  # fmt: skip
def test_a_value_is_the_one_that_dvc_locks(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    ours, dvcs = read_yaml(path)["a"], parse_yaml(text, path)["a"]
    assert (type(ours), ours) == (type(dvcs), dvcs)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\nseed: 2", 'not valid YAML: line 2: found duplicate key "seed"'),
        ("suite: {window: 1, window: 2}", "line 1: found duplicate key"),
        ("a: 1\n---\nb: 2", "line 2: but found another document"),
        ("a: !!python/object:os.system x", "line 1: could not determine a constructor"),
        ("\ta: 1", "line 1: found character"),
        ("a: \x00", "unacceptable character"),
        ("a: [", "not valid YAML"),
        ("a: 2020-13-45", "month must be in 1..12"),
        ("1: 2", "no key '1'; the keys are: target, variant, seed"),
        ("", "must be a mapping"),
        ("[]", "must be a mapping"),
        ("- a", "must be a mapping"),
    ],
)
def test_a_file_that_dvc_refuses_is_refused(tmp_path, text, message):
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message) as caught:
        load_params(path)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        load_params(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", "7"), ("seed", True), ("seed", 1.0), ("threads", True), ("threads", "2"),
        ("batch", 1.5), ("threads", 10**9), ("device", True), ("target", 70),
        ("pythia__compile", "no"), ("pythia__compile", 0), ("arm__enabled", "yes"),
        ("labels__checkpoints", True), ("labels__checkpoints", 8.0),
        ("pythia__sequences__cases", True), ("pythia__sequences__cases", "10"),
        ("pythia__facts", False), ("pythia__revisions", []), ("pythia__revisions", {"a/b": 7}),
        ("suite__training__learning_rate", "0.1"), ("suite__training__learning_rate", True),
        ("suite__training__learning_rate", float("nan")), ("bootstrap__level", float("inf")),
        ("suite__models__micro-140k", "small"), ("suite__models__micro-140k__hidden", "32"),
        ("suite__models__micro-140k__hidden", 10**9), ("suite__models__micro-140k__layers", 10**9),
        ("arm__doses", [False, 8, 96, 100]), ("arm__doses", "0896"),
        ("sequences__followed", {"1": True}), ("features__families", "duplication"),
        ("features__families", [1]), ("whether__models", {"logistic": 1}), ("split", None),
    ],
)  # fmt: skip
def test_a_value_of_another_type_or_no_measure_is_refused(load, key, value):
    with pytest.raises(UserError, match=key.replace("__", r"\.") + ".*=") as caught:
        load(**{key: value})
    assert "\n" not in str(caught.value)


def test_a_whole_number_may_stand_for_another(load):
    assert load(suite__training__weight_decay=0).suite.training.weight_decay == 0.0


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("features__families", ["semantics"], "features.families: no family 'semantics'; the fam"),
        ("features__families", ["domain", "domain"], "features.families: 'domain' is listed twice"),
        ("features__families", ["ngram_model"], "no family 'ngram_model'; .*, ngram,"),
        ("features__families", ["exposure"], r"families=\[exposure\]: .*list another family"),
        ("whether__models", ["logistic", "cox"], "whether.models: no model 'cox'; the models are:"),
        ("whether__models", ["prevalence"], "no model 'prevalence'"),
        ("when__models", ["cox", "cox"], "when.models: 'cox' is listed twice"),
        ("when__models", ["kaplan_meier", "count"], "when.models: .*kaplan_meier, count.* list at"),
        ("whether__models", ["stacked"], r"whether.models: .stacked.* one of logistic, boosting"),
        ("labels__checkpoints", 9999, "labels.checkpoints=9999: the suite has 143 checkpoints"),
        ("labels__checkpoints", "every-144", "checkpoints=every-144: .*must be 1 to 143"),
        ("labels__checkpoints", "log-144", "checkpoints=log-144: "),
        ("sequences__census", 144, "sequences.census=144: the suite has 143 checkpoints"),
        ("suite__checkpoints", 5, "sequences.census=6: the suite has 5 checkpoints"),
        ("target", "micro-9b", "target='micro-9b': must be a name from suite.models: micro-"),
        ("split__largest_cluster", 1.7, "split.largest_cluster=1.7: .*less than or equal to 1"),
        ("split__folds", 2, "split: folds=2: must be at least 3; .* is fitted to the rest"),
        ("split__folds", 21, "split.folds=21: .*less than or equal to 20"),
        ("suite__checkpoints", 99999, "suite: checkpoints=99999: must be at most .*steps=2288"),
        ("suite__models__micro-140k__heads", 3, "hidden=32 and heads=3: heads must divide"),
        ("pythia__sequences__cases", "some", "pythia.sequences.cases='some'"),
        (
            "sequences__followed",
            {"1": 9},
            "followed=.*a number for each of 1, 2-4, 5-19",
        ),
        ("sequences__census", 1, "sequences.census=1: .*greater than or equal to 2"),
        ("seed", -1, "seed=-1: .*greater than or equal to 0"),
        ("whether__models", [], r"whether.models=\[\]"),
        ("when__event", "last", "when.event='last': .*'first' or 'stable'"),
        ("suite__vocabulary", "big", "suite.vocabulary='big': .*integer"),
        ("target", "13b", "a Pythia model: 70m, 160m, .*12b"),
        ("pythia__reference", "1k", "pythia.reference='1k': must be one of 70m"),
        ("pythia__models", "v2", "pythia.models='v2': .*'v0' or 'v1'"),
        ("pythia__revisions", {"a/b": "main"}, "pythia.revisions.a/b='main'"),
        ("variant", "dedup", "variant='dedup': .*'duped' or 'deduped'"),
        ("labels__checkpoints", "some", "labels.checkpoints='some'"),
        ("labels__checkpoints", 0, "labels.checkpoints=0"),
        ("arm__doses", [0, 8, 4, 96], r"arm: doses=\[0, 8, 4, 96\]: must ascend"),
        ("arm__doses", [0, 7, 96, 99], "arm: doses: 7 is odd; a window holds two copies"),
        ("arm__doses", [0, 8, 16], r"contrast_dose=96: must be one of the doses \[0, 8, 16\]"),
        ("arm__doses", [0, 96], "contrast_dose=96: is the largest dose, which not all blocks have"),
        ("arm__blocks", 3, "arm: blocks_of_largest_dose=4: must be at most blocks=3"),
        ("arm__blocks", 60, "arm: takes 25,352 of 36,608 training windows, and may take half"),
        ("suite__window", 64, "must hold two copies, suite.window=128, not 64"),
    ],
)
def test_a_mistake_is_one_line_that_names_key_value_and_what_is_allowed(load, key, value, message):
    with pytest.raises(UserError, match=message) as caught:
        load(**{key: value})
    assert "\n" not in str(caught.value)


def test_another_suite_has_other_checkpoints(load):
    assert load(target="70m", labels__checkpoints=143, suite__checkpoints=5)
    with pytest.raises(UserError, match=r"labels\.checkpoints=144: the suite has 143 checkpoints"):
        load(target="70m", labels__checkpoints=144)


def test_a_suite_that_a_file_describes_has_its_own_checkpoints(load, tmp_path):
    mine = {"target": "70m", "pythia__facts": str(tmp_path / "mine.json")}
    (tmp_path / "mine.json").write_text(json.dumps({"steps": [10, 20, 30]}))
    assert load(**mine, labels__checkpoints="log-3")
    for spec in (4, "every-4", "log-4"):
        with pytest.raises(UserError, match=f"labels.checkpoints={spec}: the suite has 3 checkp"):
            load(**mine, labels__checkpoints=spec)
    # What else is wrong with the file is told where all of it is read.
    for text in ("[]", "{", '{"steps": 7}'):
        (tmp_path / "mine.json").write_text(text)
        assert load(**mine, labels__checkpoints=4)
        with pytest.raises(UserError, match=r"pythia\.facts=.*mine\.json: "):
            read_declaration("pythia", tmp_path / "mine.json")


@pytest.mark.parametrize(
    ("parameter", "registry"),
    [("features.families", FAMILIES), ("whether.models", WHETHER), ("when.models", WHEN)],
)
def test_names_read_from_the_source_are_those_of_the_registry(parameter, registry):
    assert registered(parameter) == tuple(registry)


def test_models_that_must_be_listed_are_those_that_are_reported():
    # Where nothing was counted there is none without text.
    whether, when = ({n: m for n, m in of.items() if n != "without_text"} for of in (WHETHER, WHEN))
    assert required("when.models") == tuple(n for n, m in when.items() if not m.is_baseline)
    of_features = tuple(n for n, m in whether.items() if issubclass(m, FeatureModel))
    assert required("whether.models") == of_features
    assert not any(WHETHER[name].is_baseline for name in of_features)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("sede", "no key 'sede'; do you mean 'seed'?"),
        ("suite__checkpoint", "suite: no key 'checkpoint'; do you mean 'checkpoints'?"),
        ("suite__models__micro-140k__hiden", "suite.models.micro-140k: no key 'hiden'; do you me"),
        ("split__colour", "split: no key 'colour'; the keys are: folds, shared_tokens, largest_cl"),
    ],
)
def test_an_unknown_key_names_the_nearest_or_all(load, key, message):
    with pytest.raises(UserError) as caught:
        load(**{key: 1})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("pythia__sequences__cases", "ALL", "cases='ALL': must be a number from 1, or all"),
        ("pythia__sequences__cases", 0, "cases=0: must be a number from 1, or all"),
        (
            "labels__checkpoints",
            "every-0",
            "'every-0': must be all, a number from 1, every-K or ",
        ),
        ("labels__checkpoints", "All", "'All': must be all, a number"),
        ("labels__checkpoints", "8", "checkpoints='8': must be all, a number"),
        ("labels__exclude", [50000], "labels.exclude=[50000]: must be OWNER/NAME@stepK: what is"),
        ("labels__exclude", None, "labels.exclude=None: must be OWNER/NAME@stepK: what is wrong"),
        ("labels__exclude", {"a/b@main": "size"}, "must be OWNER/NAME@stepK: what is wrong"),
        ("labels__exclude", {"a/b@step1": True}, "must be OWNER/NAME@stepK: what is wrong"),
        ("features__engine", "spark", "features.engine='spark': Input should be 'local' or 'ray'"),
        ("labels__engine", "spark", "labels.engine='spark': Input should be 'local' or 'ray'"),
    ],
)
def test_alternatives_are_all_named(load, key, value, allowed):
    with pytest.raises(UserError) as caught:
        load(**{key: value})
    assert allowed in str(caught.value)


@pytest.mark.parametrize(
    "name", ["micro-../../x", "micro-a b", "micro-", "micro-é", "micro-a/b", "micro-a\n", "mini-a"]
)
def test_a_model_has_a_name_that_a_folder_can_have(load, name):
    shape = {"hidden": 32, "layers": 1, "heads": 2}
    with pytest.raises(UserError, match="a name must be 'micro-' and letters"):
        load(suite__models={"micro-1100k": shape, name: shape})
