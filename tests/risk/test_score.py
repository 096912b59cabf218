"""``memorization score``: anybody's texts in, ranks with reasons and a page out."""

import io
import json
import os
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
import pytest
from typer.testing import CliRunner

from memorization.cli import app

from .conftest import made_up

RESULTS = Path(__file__).parents[2] / "results"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def texts():
    rng = np.random.default_rng(3)
    return made_up(4, rng, memorized=True) + made_up(6, rng, memorized=False)


@pytest.fixture
def score(folder, monkeypatch):
    """Run the command; with text, on standard input, which typer's runner cannot play whole."""

    def run(*arguments, text=None):
        options = ["--model", str(folder), "--results", str(RESULTS), *map(str, arguments)]
        if text is None:
            return CliRunner().invoke(app, ["score", *options])
        data = io.BufferedReader(io.BytesIO(text.encode()))
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(data))
        return app(["score", *options], standalone_mode=False)

    return run


def scored(score, texts, *arguments):
    """Score texts in a table; return the rows."""
    pd.DataFrame({"text": texts}).to_parquet("texts.parquet")
    done = score("texts.parquet", "--output", "risk.parquet", *arguments)
    assert done.exit_code == 0, done.output
    return pd.read_parquet("risk.parquet")


def test_the_riskiest_are_ranked_first_with_reasons(score, texts):
    found = scored(score, texts)
    assert found["index"].tolist() == list(range(10))
    assert set(found["rank"][:4]) == {1, 2, 3, 4}
    order = found["text_score"].rank(ascending=False, method="min").astype(int)
    assert found["rank"].tolist() == order.tolist()
    assert found["reason_1"].str.startswith(("raised by", "lowered by")).all()
    assert "risk" not in found
    assert "text_risk" not in found


def test_every_output_says_what_the_scores_are_of(score, texts, capsys):
    score("-", "--output", "risk.csv", "--report", "risk.html", text="\n".join(texts))
    page = Path("risk.html").read_text()
    for said in (capsys.readouterr().err, page):
        assert "made-up texts (60 memorized of 120); AUROC" in said
        assert "Never tested on: all others" in said
        assert "no probabilities without --prevalence" in said
        assert "no corpus" in said.lower()


def test_what_the_model_cannot_judge_is_ranked_last(score, texts):
    odd = ["1", "今天天气很好我们去公园散步" * 20]
    found = scored(score, [*odd, *texts, *odd])
    assert sorted(found["rank"][[0, 1, 12, 13]]) == [11, 11, 13, 13]  # equals share a rank
    assert found["warning"].notna().tolist() == [True] * 2 + [False] * 10 + [True] * 2
    assert (found["text_score"][[0, 1]] > found["text_score"][2:12].min()).all()
    # Nor does such a window stand for a text that has others.
    (row,) = scored(score, [odd[1] + texts[5]]).itertuples()
    assert row.warning is None


def test_a_prevalence_moves_the_probability_and_no_rank(score, texts):
    plain = scored(score, texts)
    found = {share: scored(score, texts, "--prevalence", share) for share in (0.5, 0.01)}
    # Half of the labelled texts are memorized.
    expected = 1 / (1 + np.exp(-plain["text_score"]))
    np.testing.assert_allclose(found[0.5]["text_risk"], expected)
    odds = found[0.01]["text_risk"] / (1 - found[0.01]["text_risk"])
    np.testing.assert_allclose(odds, np.exp(plain["text_score"]) / 99)
    for own in found.values():
        assert own["rank"].tolist() == plain["rank"].tolist()


@pytest.mark.parametrize("form", ["parquet", "jsonl", "csv"])
def test_every_format_and_standard_input_give_the_same(score, texts, form):
    expected = scored(score, texts)
    table = pd.DataFrame({"text": texts})
    if form == "parquet":
        table.to_parquet("in.parquet")
    elif form == "csv":
        table.to_csv("in.csv", index=False)
    else:
        table.to_json("in.jsonl", orient="records", lines=True)
    assert score(f"in.{form}", "--output", f"out.{form}").exit_code == 0
    score("-", "--output", "lines.parquet", text="\n".join(texts))
    read = {"parquet": pd.read_parquet, "csv": pd.read_csv}
    found = (
        pd.read_json(f"out.{form}", lines=True) if form == "jsonl" else read[form](f"out.{form}")
    )
    for own in (found, pd.read_parquet("lines.parquet")):
        assert own["rank"].tolist() == expected["rank"].tolist()
        np.testing.assert_allclose(own["text_score"], expected["text_score"])
        assert own["reason_1"].tolist() == expected["reason_1"].tolist()


def test_a_long_text_is_as_risky_as_its_riskiest_window(score, texts):
    numbers, words = texts[0], " ".join(texts[4:])
    long = f"{words} {numbers} {words}"
    (row,) = scored(score, [long]).itertuples()
    windows = scored(score, [long], "--by", "window", "--stride", 50)
    assert row.windows > 1
    assert windows["window"].tolist() == list(range(len(windows)))
    assert (np.diff(windows["start"][:-1]) == 50).all()
    best = windows.loc[windows["text_score"].idxmax()]
    assert len(words) - 250 < best["start"] < len(words) + len(numbers)
    assert abs(row.start - best["start"]) < 300
    assert row.text_score > 0 > windows["text_score"].min()


def test_counts_are_those_of_the_corpus_and_lead(score, texts):
    Path("corpus").mkdir()
    for copy in range(7):
        Path(f"corpus/{copy}.txt").write_text(f"{texts[5]} {copy}")
    Path("corpus/once.txt").write_text(texts[0])
    options = ("--corpus", "corpus", "--tokenizer", "bytes")
    found = scored(score, [texts[0], texts[5], texts[9], "short"], *options)
    # By hand, of the window that is shown: a token is a byte.
    corpus = [path.read_bytes() for path in Path("corpus").iterdir()]
    for row, text in zip(found.itertuples(), (texts[0], texts[5], texts[9]), strict=False):
        window = text.encode()[row.start : row.start + 64]
        assert row.copies == sum(document.count(window[32:]) for document in corpus)
        assert row.whole_copies == sum(document.count(window) for document in corpus)
    assert found["copies"][:3].tolist() == [1, 7, 0]
    assert found["rank"].tolist() == [2, 1, 3, 4]
    assert found["band"].tolist() == ["1", "5-19", "0", None]
    assert found["reason_1"][1] == "its last 32 tokens occur 7 times in the corpus"
    assert found["reason_2"][0] == "all of its 64 tokens occur once"
    rates = json.loads((RESULTS / "metrics/whether.json").read_text())["strata"]
    rate = rates["continuation_count"]["5-19"]["prevalence"]
    assert found["band_rate"][1] == rate["value"]
    assert np.isnan(found["copies"][3])
    assert "risk" not in found
    assert found["risk_low"][1] < found["risk_high"][1]


def test_counts_go_on_where_a_row_of_the_corpus_ends(score):
    """Documents are packed into rows of 2048 tokens, and what they say goes on in the next."""
    rng = np.random.default_rng(4)
    text = "".join(rng.choice(list("abcdefgh"), 2500))
    Path("corpus").mkdir()
    for copy in range(3):
        Path(f"corpus/{copy}.txt").write_text(text)
    options = ("--corpus", "corpus", "--tokenizer", "bytes", "--by", "window", "--stride", 1)
    found = scored(score, [text], *options)
    assert (found["copies"] == 3).all()
    assert (found["whole_copies"] == 3).all()


def test_texts_too_short_to_be_counted_are_told(score):
    Path("corpus.txt").write_text("an apple " * 20)
    options = ("--corpus", "corpus.txt", "--tokenizer", "bytes", "--report", "risk.html")
    found = scored(score, ["an apple", "a pear"], *options)
    assert found["copies"].isna().all()
    assert found["band"].isna().all()
    assert "fewer than 64 tokens, copies not counted: 2" in Page("risk.html").text


def test_compressed_parts_of_a_corpus_are_counted(score):
    import gzip

    line = "a line that is in two files of the corpus, of which one is compressed"
    Path("corpus").mkdir()
    Path("corpus/a.jsonl").write_text(json.dumps({"text": line}))
    Path("corpus/b.jsonl.gz").write_bytes(gzip.compress(json.dumps({"text": line}).encode()))
    found = scored(score, [line], "--corpus", "corpus", "--tokenizer", "bytes")
    assert found["whole_copies"].tolist() == [2]


def test_that_a_token_is_a_byte_is_said_where_nobody_chose_it(score, texts):
    Path("corpus.txt").write_text(texts[0])
    scored(score, texts, "--corpus", "corpus.txt", "--report", "risk.html")
    assert "A token is a byte here" in Page("risk.html").text


def test_a_large_vocabulary_is_counted_as_well(score):
    from tokenizers import Tokenizer, models, pre_tokenizers

    names = {"<|endoftext|>": 0} | {f"w{k}": k for k in range(1, 70_001)}
    tokenizer = Tokenizer(models.WordLevel(names, "<|endoftext|>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save("large.json")
    rare, common = (" ".join(f"w{k + start}" for k in range(64)) for start in (69_900, 100))
    lacking = rare.replace("w69963", "w500")
    pd.DataFrame({"text": [common] * 3 + [rare]}).to_parquet("corpus.parquet")
    options = ("--corpus", "corpus.parquet", "--tokenizer", "large.json")
    found = scored(score, [rare, common, lacking], *options)
    assert found["copies"].tolist() == [1, 3, 0]
    assert found["whole_copies"].tolist() == [1, 3, 0]


def test_a_probability_only_for_a_model_like_those_of_the_experiment(score, texts):
    Path("corpus").mkdir()
    Path("corpus/a.txt").write_text(texts[0] * 60)
    options = ("--corpus", "corpus", "--tokenizer", "bytes", "--parameters")
    own = scored(score, texts, *options, 1e6, "--training-tokens", 5e6)
    assert 0.2 < own["risk"][0] < 0.8
    assert own["risk_low"][0] < own["risk"][0] < own["risk_high"][0]
    other = scored(score, texts, *options, 7e9, "--training-tokens", 1e12, "--report", "risk.html")
    assert "risk" not in other
    assert "Wei et al." in Page("risk.html").text
    assert "only this study tells" in Page("risk.html").text


def test_a_reference_tells_surprisal(score, texts, tmp_path):
    from memorization.params import Shape
    from memorization.suite.checkpoints import save_checkpoint
    from memorization.suite.micro.train import new_model

    save_checkpoint(new_model(Shape(hidden=16, layers=1, heads=2), 300, 64, 0), tmp_path / "small")
    found = scored(score, [*texts, "short"], "--reference", "small", "--tokenizer", "bytes")
    assert found["surprisal"][:10].between(4, 8).all()
    assert np.isnan(found["surprisal"][10])


def test_half_a_character_is_no_mistake(score):
    """JSON may hold one of two surrogates, which UTF-8 cannot."""
    Path("texts.jsonl").write_text('{"text": "broken \\ud83d here, and so on"}\n')
    options = ("--output", "risk.jsonl", "--report", "risk.html")
    assert score("texts.jsonl", *options).exit_code == 0
    assert "broken \ufffd here" in Page("risk.html").text


def test_standard_output_is_json_lines_and_nothing_else(score, texts, capsysbinary):
    """Standard input may begin with a byte order mark."""
    lines = "\ufeff" + "\n".join(json.dumps({"text": text}) for text in texts)
    score("-", "--output", "-", text=lines)
    rows = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    assert [row["index"] for row in rows] == list(range(10))
    assert sorted(row["rank"] for row in rows) == list(range(1, 11))


class Page(HTMLParser):
    """Collects what a page would load, and its text."""

    def __init__(self, path):
        super().__init__()
        self.loads, self.text = [], ""
        self.feed(Path(path).read_text())

    def handle_starttag(self, tag, attrs):
        self.loads += [value for name, value in attrs if name in ("src", "href") and tag != "use"]

    def handle_data(self, data):
        self.text += data


def test_a_folder_of_all_kinds_of_files_ends_well(score, texts):
    odd = {
        "empty.txt": b"",
        "spaces.txt": b" \n\t ",
        "binary.bin": os.urandom(500),
        "nul.txt": b"ab\0cd",
        "latin.txt": "café ".encode("latin-1") * 30,
        "emoji.txt": "😀🎉🚀".encode() * 40,
        "right-to-left.txt": "مرحبا بالعالم ".encode() * 30,
        "<b>&.txt": b"<script>alert(1)</script> & more " * 8,
        "large.txt": "\n".join(texts).encode() * 500,
    }
    for part in ("a", "b"):
        Path("texts", part).mkdir(parents=True)
        for name, content in odd.items():
            Path("texts", part, name).write_bytes(content)
    Path("texts/a/numbers.txt").write_text(texts[0])
    done = score("texts", "--output", "risk.jsonl", "--report", "risk.html")
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in Path("risk.jsonl").read_text().splitlines()]
    names = {Path(row["file"]).name for row in rows}
    assert names == {"emoji.txt", "right-to-left.txt", "<b>&.txt", "large.txt", "numbers.txt"}
    warned = {Path(row["file"]).name for row in rows if row["warning"]}
    assert {"emoji.txt", "right-to-left.txt"} <= warned
    assert "numbers.txt" not in warned
    page = Page("risk.html")
    assert not page.loads
    assert "<script>alert" in page.text  # as text, not as a tag
    assert "<script" not in Path("risk.html").read_text()
    assert '<pre dir="auto">مرحبا' in Path("risk.html").read_text()
    for said in ("binary.bin", "nul.txt", "latin.txt", "empty", "a/numbers.txt", "riskiest tenth"):
        assert said in page.text


def test_the_page_marks_what_repeats(score, texts):
    Path("corpus").mkdir()
    Path("corpus/a.txt").write_text(texts[5] * 3)
    options = ("--corpus", "corpus", "--tokenizer", "bytes", "--report", "risk.html")
    (row,) = scored(score, [texts[5][:64]], *options).itertuples()
    assert row.copies == 3
    assert f"<mark>{texts[5][32:64]}</mark>" in Path("risk.html").read_text()
    assert "Marked are the last 32 tokens" in Page("risk.html").text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.csv", "--output", "o.csv"], "nothing.csv: no such file or folder"),
        (["texts.csv", "--output", "texts.csv"], "texts.csv"),
        (["texts.csv", "--output", "o.txt"], "o.txt: name a file that ends with"),
        (["texts.csv", "--output", "o.csv", "--report", "o.csv"], "o.csv: both --output and"),
        (["texts.csv", "--output", "o.csv", "--tokenizer", "t.json", "--report", "t.json"], "t.js"),
        (["texts.csv", "--output", "o.csv", "--carry", "rank"], "--carry rank: a column of that"),
        (["types.jsonl", "--output", "o.csv", "--carry", "n"], "types.jsonl: a column changes its"),
        (["nothing-in-it.csv", "--output", "o.csv"], "nothing-in-it.csv: no texts in it"),
        (["texts.csv", "--output", "o.csv", "--report", "texts.csv"], "texts.csv"),
        (["texts.csv", "--output", "o.csv", "--prevalence", "0"], "--prevalence 0.0: must be"),
        (["texts.csv", "--output", "o.csv", "--prevalence", "nan"], "--prevalence nan: must be"),
        (["texts.csv", "--output", "o.csv", "--parameters", "1e9"], "add --corpus"),
        (["texts.csv", "--output", "o.csv", "--model", "none"], "none: no text model here"),
        (["texts.csv", "--output", "o.csv", "--carry", "sauce"], "no column 'sauce'"),
        (["texts.csv", "--output", "o.csv", "--corpus", "none"], "none: no such corpus"),
        (["blank.csv", "--output", "o.csv"], "blank.csv: no text in it that can be scored"),
        (["tokens.jsonl", "--output", "o.csv"], "name their tokenizer (--tokenizer)"),
        (["nested.jsonl", "--output", "o.csv", "--carry", "n"], "of a type that this format lacks"),
        (["", "--output", "o.csv"], "no texts are named"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing_behind(
    score, texts, monkeypatch, arguments, message
):
    monkeypatch.setattr("memorization.risk.command.CHARACTERS", 1)
    pd.DataFrame({"text": texts, "source": "a", "rank": 1}).to_csv("texts.csv", index=False)
    numbers = [{"text": "a text", "n": n} for n in [1] * 512 + [1.5]]
    Path("types.jsonl").write_text("\n".join(map(json.dumps, numbers)))
    Path("nested.jsonl").write_text('{"text": "a text", "n": {"a": 1}}\n')
    Path("t.json").write_text("{}")
    Path("nothing-in-it.csv").touch()
    pd.DataFrame({"text": [" ", " "]}).to_csv("blank.csv", index=False)
    Path("tokens.jsonl").write_text('{"tokens": [1, 2, 3]}\n')
    before = {path: path.read_bytes() for path in Path().iterdir()}
    done = score(*arguments)
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert message in str(done.exception.code) + done.output
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


def test_columns_are_carried_and_risk_is_told_by_their_values(score, texts):
    table = pd.DataFrame({"text": texts, "source": ["lists"] * 4 + ["words"] * 6, "n": range(10)})
    table.to_parquet("texts.parquet")
    options = ("--output", "risk.parquet", "--report", "risk.html", "--carry", "source", "n")
    assert score("texts.parquet", *options).exit_code == 0
    found = parquet.read_table("risk.parquet").to_pandas()
    assert found["source"].tolist() == table["source"].tolist()
    assert found["n"].tolist() == list(range(10))
    assert "By source" in Page("risk.html").text


def test_columns_of_any_kind_of_strings_are_carried(score, texts):
    import pyarrow as pa

    kinds = ["lists"] * 4 + ["words"] * 6
    views = pa.array(kinds, pa.string_view())
    table = pa.table({"text": texts, "view": views, "code": pa.array(kinds).dictionary_encode()})
    parquet.write_table(table, "texts.parquet")
    options = ("--output", "risk.parquet", "--report", "risk.html", "--carry", "view", "code")
    assert score("texts.parquet", *options).exit_code == 0
    found = parquet.read_table("risk.parquet").to_pandas()
    assert found["view"].tolist() == found["code"].tolist() == kinds
    assert "By view" in Page("risk.html").text
    assert "By code" in Page("risk.html").text


def test_a_stride_beyond_all_texts_leaves_the_first_and_the_last_window(score, texts):
    found = scored(score, [" ".join(texts)], "--by", "window", "--stride", 10**20)
    assert found["window"].tolist() == [0, 1]
    assert found["start"][0] == 0


def test_a_column_may_be_empty_at_first(score, texts, monkeypatch):
    monkeypatch.setattr("memorization.risk.command.CHARACTERS", 1)
    rows = [{"text": texts[0], "n": n} for n in [None] * 512 + ["late"]]
    Path("texts.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert score("texts.jsonl", "--output", "risk.parquet", "--carry", "n").exit_code == 0
    found = pd.read_parquet("risk.parquet")
    assert found["n"].tolist() == [None] * 512 + ["late"]
    assert set(found["rank"]) == {1}  # the same text, the same score


def test_a_file_may_have_a_name_that_is_no_text(score, texts):
    Path("texts").mkdir()
    name = os.fsdecode(b"caf\xe9")
    try:
        Path(f"texts/{name}.txt").write_text(texts[0])
    except OSError:
        pytest.skip("no such names on this disk")
    Path(f"texts/{name}.bin").write_bytes(b"\0")
    done = score("texts", "--output", "risk.jsonl", "--report", "risk.html")
    assert done.exit_code == 0, done.output
    assert json.loads(Path("risk.jsonl").read_text())["file"] == "caf\ufffd.txt"
    assert "caf\ufffd.bin: skipped, binary" in Page("risk.html").text


@pytest.mark.parametrize(
    "name", ["band", "band_rate", "risk_low", "text_risk", "reason_9", "copies"]
)
def test_a_carried_column_is_not_taken_for_one_that_is_computed(score, texts, name):
    pages = []
    for own in ("other", name):
        pd.DataFrame({"text": texts, own: 1}).to_parquet("texts.parquet")
        options = ("--tokenizer", "bytes", "--report", "risk.html", "--carry", own)
        done = score("texts.parquet", "--output", "risk.parquet", *options)
        assert done.exit_code == 0, done.output
        assert pd.read_parquet("risk.parquet")[own].tolist() == [1] * 10
        pages.append(Path("risk.html").read_text())
    assert pages[0] == pages[1]


def test_of_equals_no_more_than_a_tenth_are_among_the_riskiest_tenth(score, texts):
    table = pd.DataFrame({"text": texts[0], "source": ["a"] * 30 + ["b"] * 10})
    table.to_parquet("texts.parquet")
    options = ("--output", "risk.csv", "--report", "risk.html", "--carry", "source")
    assert score("texts.parquet", *options).exit_code == 0
    page = Path("risk.html").read_text()
    for row in ("<td>a</td><td>30</td><td>10.0%</td>", "<td>b</td><td>10</td><td>10.0%</td>"):
        assert row in page


def test_the_page_tells_no_probability_that_no_experiment_could(score, texts):
    """Of one copy the curve says 1e-11 or so; this study's natural texts say more."""
    Path("corpus.txt").write_text(texts[5])
    options = ("--corpus", "corpus.txt", "--tokenizer", "bytes", "--report", "risk.html")
    (row,) = scored(score, [texts[5][:64]], *options).itertuples()
    assert row.risk_high < 1e-6
    said = Page("risk.html").text
    assert "risk under 0.01%; " in said
    assert "of this study's texts that occur once are memorized" in said


def test_windows_are_told_as_windows(score, texts):
    options = ("--by", "window", "--stride", 50, "--report", "risk.html")
    found = scored(score, [" ".join(texts)], *options)
    assert len(found) > 1
    page = Page("risk.html").text
    assert "Windows; several may be of one text." in page
    assert "Of each text" not in page


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"arm": None}, "seeds.json: tells no dose at which half of the texts are memorized"),
        ({"arm": {"ed50": {"value": 60, "low": 50, "high": None, "slope": 3}}}, "tells no dose"),
        ({}, None),
    ],
)
def test_results_without_what_copies_do(score, texts, changed, message):
    Path("own/metrics").mkdir(parents=True)
    seeds = json.loads((RESULTS / "metrics/seeds.json").read_text())
    Path("own/metrics/seeds.json").write_text(json.dumps(seeds | changed))
    # A share of which the interval is not known, and no other strata.
    known = {"1": {"prevalence": {"value": 0.1, "low": None, "high": None}}}
    strata = {"strata": {"continuation_count": known}}
    Path("own/metrics/whether.json").write_text(json.dumps(strata))
    Path("corpus.txt").write_text(texts[5])
    pd.DataFrame({"text": texts}).to_json("texts.jsonl", orient="records", lines=True)
    options = ("--output", "risk.parquet", "--results", "own", "--corpus", "corpus.txt")
    done = score("texts.jsonl", *options, "--tokenizer", "bytes")
    if message is not None:
        assert done.exit_code == 1
        assert message in done.output
        return
    assert done.exit_code == 0, done.output
    found = pd.read_parquet("risk.parquet")
    assert found["band_rate"][5] == 0.1
    assert found["band_rate_low"].isna().all()
    done = score("texts.jsonl", *options, "--report", "own/metrics/seeds.json")
    assert done.exit_code == 1
    assert "writing it would change own/metrics" in done.output


def test_control_characters_are_not_on_the_page(score):
    Path("texts.jsonl").write_text(json.dumps({"text": "a bell \a, a NUL \0 and so on"}))
    options = ("--output", "risk.jsonl", "--report", "risk.html")
    assert score("texts.jsonl", *options).exit_code == 0
    assert "a bell \ufffd, a NUL \ufffd and" in Page("risk.html").text


def closed(arguments, folder):
    with pytest.raises(SystemExit) as ended:
        app(["score", *arguments, "--model", str(folder)], standalone_mode=False)
    return ended.value.code


def test_streams_may_be_closed(folder, texts, monkeypatch):
    pd.DataFrame({"text": texts}).to_csv("texts.csv", index=False)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", None)
        assert "standard input is closed" in closed(["-", "--output", "o.csv"], folder)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", None)
        assert "standard output is closed" in closed(["texts.csv", "--output", "-"], folder)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", None)
        options = ["texts.csv", "--output", "o.csv", "--model", str(folder)]
        app(["score", *options], standalone_mode=False)
    assert len(pd.read_csv("o.csv")) == 10


def test_no_room_for_scores_that_wait_is_told(score, texts, monkeypatch):
    class Full(parquet.ParquetWriter):
        def write_table(self, *arguments, **options):
            raise OSError(27, "File too large")

    monkeypatch.setattr(parquet, "ParquetWriter", Full)
    pd.DataFrame({"text": texts}).to_csv("texts.csv", index=False)
    done = score("texts.csv", "--output", "o.csv")
    assert isinstance(done.exception, SystemExit)
    assert "(File too large); make room, or name another folder by TMPDIR" in done.output
    assert [path.name for path in Path().iterdir()] == ["texts.csv"]
