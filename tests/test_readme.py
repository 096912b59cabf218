"""The README's numbers are those of the committed run."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# **0.123**<!-- whether: corpus.boosting.average_precision.value -->, or with × 100 and a %-sign.
QUOTED = re.compile(
    r"(?P<number>−?[\d,.]+)(?P<percent> %)?\*{0,2}<!-- (?P<file>\w+): (?P<path>.+?) -->"
)


def committed(name):
    """Return metrics as committed: a variant in the working tree does not make the README wrong."""
    path = f"results/metrics/{name}.json"
    shown = subprocess.run(
        ["git", "show", f"HEAD:{path}"], cwd=ROOT, capture_output=True, text=True
    )
    text = shown.stdout if shown.returncode == 0 else (ROOT / path).read_text()
    return json.loads(text)


def quoted():
    return [match.groupdict() for match in QUOTED.finditer((ROOT / "README.md").read_text())]


def test_the_readme_quotes_numbers():
    assert len(quoted()) >= 3


@pytest.mark.parametrize("quote", quoted(), ids=lambda quote: quote["path"])
def test_a_quoted_number_is_the_committed_one(quote):
    value = committed(quote["file"])
    for key in quote["path"].split("."):
        value = value[key]
    written = quote["number"].replace(",", "").replace("−", "-")
    decimals = len(written.partition(".")[2])
    value = 100 * value if quote["percent"] else value
    # Not a negative zero.
    assert f"{round(value, decimals) + 0.0:.{decimals}f}" == written
