import json
import shutil

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from memorization.errors import UserError
from memorization.risk import SHIPPED
from memorization.risk.model import CARD, WEIGHTS, TextModel
from memorization.whether.models.ngrams import hashed_counts

from .conftest import made_up


def texts(n=20, seed=1):
    rng = np.random.default_rng(seed)
    return made_up(n, rng, memorized=True) + made_up(n, rng, memorized=False)


def test_it_tells_texts_that_it_has_not_seen(model):
    scored = model.scored(texts())
    assert roc_auc_score(np.arange(40) < 20, scored.log_odds) == 1
    assert model.card["cases"] == 60
    assert model.card["n"] == 120
    assert model.card["prevalence"] == 0.5
    assert model.card["auroc"]["value"] > 0.9
    assert (model.card["about"], model.card["untested"]) == ("made-up texts", "all others")


def test_log_odds_are_a_plain_sum_over_the_words_of_the_bag(model):
    text = texts()[0]
    counts = dict(zip(*(own.tolist() for own in _counts(text)), strict=True))
    weights = {
        place: (1 + np.log(counts[word])) * model.bag.rarity[place]
        for place, word in enumerate(model.bag.words.tolist())
        if word in counts
    }
    length = np.sqrt(sum(weight**2 for weight in weights.values()))
    raw = model.intercept + sum(10 * w / length * model.slope[p] for p, w in weights.items())
    calibration = model.card["calibration"]
    (found,) = model.scored([text]).log_odds
    assert found == pytest.approx(calibration["intercept"] + calibration["slope"] * raw)


def _counts(text):
    counts = hashed_counts(np.array([text.strip().encode(), b""], dtype=object)[:-1])
    return counts.indices, counts.data


def test_reasons_are_the_words_that_moved_it_most(model):
    text = texts()[0]
    scored = model.scored([text])
    indices, _ = _counts(text)
    words = model.bag.weigh(hashed_counts(np.array([text.strip().encode(), b""], object)[:-1]))
    moved = np.abs(words.data * model.slope[words.indices])
    np.testing.assert_allclose(np.abs(scored.moved[0]), np.sort(moved)[::-1][:3])
    for reason, by in zip(model.named(scored, 0), scored.moved[0], strict=True):
        assert reason.startswith("raised by “" if by > 0 else "lowered by “")
        assert reason.partition("“")[2].removesuffix("”") in text
    assert len(indices) > 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (made_up(1, np.random.default_rng(2), memorized=False)[0], ""),
        ("alpha", "shorter than 99 of 100 texts"),
        ("今天天气很好我们去公园散步" * 20, "a language that the model hardly knows"),
        ("مرحبا بالعالم " * 20, "a language that the model hardly knows"),
    ],
)
def test_what_is_unlike_the_labelled_texts_is_said(model, text, said):
    (found,) = model.unlike(model.scored([text]))
    assert said in found
    assert bool(said) == bool(found)


def test_texts_have_the_same_scores_in_any_company(model):
    own = texts()
    together = model.scored(own)
    for row, text in enumerate(own):
        alone = model.scored([text])
        assert alone.log_odds[0] == together.log_odds[row]
        assert model.named(alone, 0) == model.named(together, row)
    assert len(model.scored([]).log_odds) == 0


def test_it_survives_the_disk_and_is_the_same_bytes_again(model, folder, tmp_path):
    model.save(tmp_path)
    for name in (WEIGHTS, CARD):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
    again = TextModel.load(tmp_path)
    assert again.card == model.card
    np.testing.assert_array_equal(again.runs, model.runs)
    np.testing.assert_array_equal(again.scored(texts()).log_odds, model.scored(texts()).log_odds)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda place: shutil.rmtree(place), "no text model here; `memorization validate"),
        (lambda place: (place / CARD).write_text("{"), "no text model here"),
        (lambda place: (place / WEIGHTS).write_bytes(b"PK"), "not a text model that can be read"),
        (lambda place: (place / WEIGHTS).unlink(), "not a text model that can be read"),
        (lambda place: _change(place, "schema", 0), "made by another version of this code"),
        (lambda place: _change(place, "probe", 0.5), "made by another version of this code"),
        (lambda place: _pickle(place), "not a text model that can be read"),
        (lambda place: _drop(place, "untested"), "card.json lacks untested"),
    ],
)
def test_a_folder_that_is_no_model_is_refused(folder, tmp_path, damage, message):
    place = shutil.copytree(folder, tmp_path / "model")
    damage(place)
    with pytest.raises(UserError, match=message):
        TextModel.load(place)


def _change(place, key, value):
    card = json.loads((place / CARD).read_text())
    (place / CARD).write_text(json.dumps(card | {key: value}))


def _drop(place, key):
    card = json.loads((place / CARD).read_text())
    del card[key]
    (place / CARD).write_text(json.dumps(card))


def _pickle(place):
    np.savez(place / WEIGHTS, words=np.array([{}], dtype=object), allow_pickle=True)


def test_the_model_that_is_shipped_can_be_loaded_and_says_what_it_is():
    from pathlib import Path

    shipped = TextModel.load(Path(__file__).parents[2] / SHIPPED)
    assert "Pythia-6.9b-deduped" in shipped.card["about"]
    assert shipped.card["cases"] == 505
    assert shipped.card["auroc"]["low"] > 0.8
