"""A text model of other labels is applied as ``score`` does, and a reference tells perplexity."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from made_up_texts import WORDS, lists_and_words
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from memorization.cli import app
from memorization.evaluation.bootstrap import Bootstrap
from memorization.params import Shape
from memorization.risk.model import TextModel, digests
from memorization.study import Study
from memorization.suite.checkpoints import save_checkpoint
from memorization.suite.micro.train import new_model
from memorization.validation.analyse import calibration
from memorization.validation.models import log_perplexity


def made_up(seed, n=60):
    texts, truth = lists_and_words(n, seed)
    return pd.DataFrame({"text": texts, "memorized": truth})


def validate(*arguments):
    options = ["--tokenizer", "bytes", "--replicates", "20", "--output", "found.json"]
    result = CliRunner().invoke(app, ["validate", *map(str, arguments), *options])
    return result, json.loads(Path("found.json").read_text()) if not result.exit_code else None


@pytest.fixture(scope="module")
def there(tmp_path_factory, few_features_in_module):
    """The folder of a text model that was fitted to the texts of ``first.parquet`` beside it."""
    place = tmp_path_factory.mktemp("there")
    made_up(0).to_parquet(place / "first.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        about = ("--about", "made-up texts & lists")
        result, found = validate("first.parquet", "--model", "model", *about)
    assert result.exit_code == 0
    # There is no model of this study here, which is said.
    assert "no text model is applied as it is (--apply names one)" in result.output
    assert "applied" not in found
    return place


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch, few_features_in_module):
    monkeypatch.chdir(tmp_path)
    made_up(1).to_parquet("other.parquet")


def test_a_model_of_other_labels_is_scored_without_refitting(there):
    result, found = validate("other.parquet", "--apply", there / "model", "--report", "page.html")
    assert found["applied"] == {
        "about": "made-up texts & lists", "n": 60, "cases": 20, "seen": 0, "seen_cases": 0
    }  # fmt: skip
    assert "are among those" not in result.output
    for way in ("as_it_is", "plain"):
        scores = found[way]["scores"]
        own, ngrams = scores["applied"], scores["ngrams"]
        assert 0.6 < own["auroc"]["low"] < own["auroc"]["value"]
        for metric in ("auroc", "average_precision"):
            over = own[metric]["value"] - ngrams[metric]["value"]
            assert own["over_ngrams"][metric]["value"] == pytest.approx(over)
        assert own["random_split"] is None
        assert ngrams["random_split"] is not None
    page = Path("page.html").read_text(encoding="utf-8")
    assert "fitted to made-up texts &amp; lists (20 memorized of 60)" in page
    assert page.count("<td>text model, not refitted</td>") == 4  # scores and calibration


def test_its_scores_are_those_of_the_score_command(there):
    from memorization.validation.models import Applied

    foreign = made_up(4, 1)["text"][0] + "汉字" * 200  # with care: ranked after what is like others
    texts = ["1, 2, 3", "", *made_up(2, 20)["text"], " ".join(made_up(3, 9)["text"]), foreign]
    pd.DataFrame({"text": texts}).to_json("texts.jsonl", orient="records", lines=True)
    options = ["--output", "risk.csv", "--model", str(there / "model")]
    assert CliRunner().invoke(app, ["score", "texts.jsonl", *options]).exit_code == 0
    risk = pd.read_csv("risk.csv").sort_values("index")
    odds = Applied.read(there / "model").odds(texts)
    assert risk["index"].tolist() == [0, *range(2, len(texts))]
    np.testing.assert_allclose(np.delete(odds, 1), risk["text_score"], atol=1e-6)
    assert odds[1] == TextModel.load(there / "model").scored([""]).log_odds[0]


def test_texts_that_it_was_fitted_to_are_told_though_cut_or_spaced_in_another_way(there):
    table = pd.concat([made_up(0).head(30), made_up(1).tail(30)])
    table["text"] = table["text"].str[:100].str.replace(" ", "\n\n")
    table.to_parquet("mixed.parquet")
    result, found = validate("mixed.parquet", "--apply", there / "model")
    assert (found["applied"]["seen"], found["applied"]["seen_cases"]) == (30, 10)
    assert "30 of the 60 texts, 10 of them memorized, are among those that the text" in (
        result.output
    )
    assert "no out-of-sample scores" in result.output
    assert "text model, not refitted (has seen 50.0%)" in result.output


def test_other_texts_have_other_digests():
    own = digests([*made_up(0)["text"], *made_up(1)["text"]])
    assert len(np.unique(own)) == 120
    assert len(digests([])) == 0


def test_the_model_that_is_applied_is_not_written_over(there):
    before = (there / "model/text.npz").read_bytes()
    for option, value in (("--model", there / "model"), ("--report", there / "model/card.json")):
        result, _ = validate("other.parquet", "--apply", there / "model", option, value)
        assert result.exit_code == 1
        assert "which is read" in result.output
    assert (there / "model/text.npz").read_bytes() == before


def test_a_folder_without_a_model_is_refused():
    result, _ = validate("other.parquet", "--apply", "nothing")
    assert result.exit_code == 1
    assert "nothing: no text model here" in result.output
    assert not Path("found.json").exists()


@pytest.fixture(scope="module")
def reference():
    # Numbers as large as those of a trained model, so that texts differ.
    model = new_model(Shape(hidden=16, layers=1, heads=2), 300, 64, 0)
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(40)
    return model.eval()


def test_log_perplexity_is_the_mean_loss_of_the_tokens_that_are_there(reference):
    rng = np.random.default_rng(0)
    lengths = np.array([64, 1, 7, 64, 0, 2])
    tokens = np.where(np.arange(64) < lengths[:, None], rng.integers(1, 300, (6, 64)), 0)
    found = log_perplexity(reference, tokens, lengths, batch=2)
    for row, length in enumerate(lengths):
        if length < 2:
            assert np.isnan(found[row])
            continue
        own = torch.from_numpy(tokens[row : row + 1, :length])
        with torch.inference_mode():
            loss = reference(own, labels=own).loss
        assert found[row] == pytest.approx(float(loss), rel=1e-5)


def test_perplexity_is_scored_alone_and_with_the_text(reference):
    from memorization.features.own.command import read_tokenizer
    from memorization.features.use import taken
    from memorization.features.vocabulary import Vocabulary

    rng = np.random.default_rng(4)
    texts = [" ".join(rng.choice(WORDS, 40)) for _ in range(120)]
    flat, lengths = Vocabulary(read_tokenizer("bytes")).encode(texts, first=True)
    length = np.minimum(lengths, 64)
    rows = taken(flat, np.cumsum(lengths) - lengths, length)
    surprisal = log_perplexity(reference, rows, length, 64)
    # Memorized are those that the reference finds easy, whatever they say.
    truth = surprisal + rng.normal(0, surprisal.std() / 3, 120) < np.quantile(surprisal, 0.4)
    pd.DataFrame({"text": texts, "memorized": truth}).to_parquet("easy.parquet")
    save_checkpoint(reference, Path("small"))
    options = ("--reference", "small", "--report", "page.html")
    result, found = validate("easy.parquet", *options)
    assert result.exit_code == 0
    scores = found["as_it_is"]["scores"]
    expected = roc_auc_score(truth, -surprisal)
    # Of pairs within a fold.
    assert scores["perplexity"]["auroc"]["value"] == pytest.approx(expected, abs=0.03)
    assert scores["perplexity"]["over_ngrams"]["auroc"]["low"] > 0
    gained = scores["boosting_perplexity"]["auroc"]["value"] - scores["boosting"]["auroc"]["value"]
    assert gained > 0.1
    page = Path("page.html").read_text(encoding="utf-8")
    for name in ("perplexity alone", "boosted trees with perplexity"):
        assert f"<td>{name}</td>" in page
        assert name in result.output
    # What reads the text alone is the same without a reference.
    _, without = validate("easy.parquet")
    for model, own in without["as_it_is"]["scores"].items():
        assert own == scores[model]


def test_a_reference_of_another_tokenizer_is_refused(reference):
    save_checkpoint(new_model(Shape(hidden=16, layers=1, heads=2), 90, 64, 0), Path("few"))
    for folder, message in (("few", "knows tokens 0 to 89"), ("lacking", "lacking: no model here")):
        result, _ = validate("other.parquet", "--reference", folder)
        assert result.exit_code == 1
        assert message in result.output
        assert "Traceback" not in result.output


def test_calibration_is_that_of_a_logistic_regression_on_the_log_odds():
    rng = np.random.default_rng(5)
    n = 400
    odds = rng.normal(-1, 1.5, n)
    truth = rng.random(n) < 1 / (1 + np.exp(0.5 - 0.6 * odds))
    splits = pd.DataFrame({"cluster": np.arange(n), "fold": np.arange(n) % 5})
    study = Study(np.arange(n), pd.DataFrame(index=range(n)), truth, np.ones(n), splits)
    bootstrap = Bootstrap.of(splits["cluster"].to_numpy(), 200, 0.95, rng)
    found = calibration(study, odds, bootstrap)
    slope = LogisticRegression(C=np.inf, tol=1e-8).fit(odds[:, None], truth).coef_[0, 0]
    assert found["slope"]["value"] == pytest.approx(slope, rel=1e-4)
    assert found["slope"]["high"] < 1  # it was made too sure
    expected = truth.sum() / (1 / (1 + np.exp(-odds))).sum()
    assert found["observed_to_expected"]["value"] == pytest.approx(expected)
    constant = calibration(study, np.full(n, -1.0), bootstrap)
    assert np.isnan(constant["slope"]["value"])
    assert constant["observed_to_expected"]["value"] == pytest.approx(truth.mean() * (1 + np.e))
