"""The numbers in the documentation that are results; run as a script, writes them anew.

    python tests/numbers_of_docs.py

``docs/numbers.csv`` lists them: page, the text around with the numbers in braces, file of metrics
or params, and the path of keys in it. A number keeps its precision; words stay as they are.
"""

import csv
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
LIST = ROOT / "docs/numbers.csv"
NUMBER = re.compile(r"\{(.+?)\}")
ESTIMATE = ("value", "low", "high")


def numbers() -> list[dict[str, str]]:
    """Return the rows of the list."""
    with LIST.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def plain(text: str) -> str:
    """Return a text of the list as it stands on its page, in one line.

    >>> plain("a gain of {0.07} ({0.03} to {0.11})")
    'a gain of 0.07 (0.03 to 0.11)'
    """
    return text.replace("{", "").replace("}", "")


def as_written(value: float, written: str) -> str:
    """Return a value with the precision, the separators and the sign of a number in the text.

    >>> as_written(-0.0731, "0.04"), as_written(5663, "9,999"), as_written(0.1727, "2.0%")
    ('−0.07', '5,663', '17.3%')
    """
    percent = written.endswith("%")
    decimals = len(written.rstrip("%").partition(".")[2])
    value = round(100 * value if percent else value, decimals) + 0.0  # not a negative zero
    return f"{value:,.{decimals}f}".replace("-", "−") + "%" * percent


def of_results(number: Mapping[str, str], content: Any) -> list[str]:
    """Return the numbers of a row as they should be written, by what its file holds."""
    for key in number["path"].split("."):
        content = content[int(key)] if isinstance(content, list) else content[key]
    # Of an estimate: its value and the ends of its interval.
    values = [content[key] for key in ESTIMATE] if isinstance(content, dict) else [content]
    written = NUMBER.findall(number["text"])
    return [as_written(*pair) for pair in zip(values, written, strict=True)]


def parsed(path: str, text: str) -> Any:
    """Return what the text of a file of metrics, or of params, holds."""
    return json.loads(text) if path.endswith(".json") else yaml.safe_load(text)


def replaced(page: str, text: str, right: list[str]) -> str:
    r"""Return a page where the numbers of a text of the list are the right ones.

    >>> replaced("It is\n0.07 (0.03 to 0.11).", "is {0.07} ({0.03} to", ["0.08", "0.04"])
    'It is\n0.08 (0.04 to 0.11).'
    """
    # A line may break at any space.
    parts = [r"\s+".join(map(re.escape, part.split(" "))) for part in NUMBER.split(text)]
    pattern = "".join(f"({part})" for part in parts)
    found = re.search(pattern, page)
    if found is None:
        raise SystemExit(f"error: docs/numbers.csv: not on its page: {plain(text)}")
    pieces = list(found.groups())
    pieces[1::2] = right
    return page[: found.start()] + "".join(pieces) + page[found.end() :]


def main() -> None:
    """Write the numbers of the results into the pages and the list."""
    rows = numbers()
    pages = {path: (ROOT / path).read_text("utf-8") for path in {own["page"] for own in rows}}
    files = {own["metrics"] for own in rows}
    results = {path: parsed(path, (ROOT / path).read_text("utf-8")) for path in files}
    for number in rows:
        right = of_results(number, results[number["metrics"]])
        pages[number["page"]] = replaced(pages[number["page"]], number["text"], right)
        around = NUMBER.split(number["text"])
        around[1::2] = [f"{{{one}}}" for one in right]
        number["text"] = "".join(around)
    for page, text in pages.items():
        (ROOT / page).write_text(text, "utf-8")
    with LIST.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
