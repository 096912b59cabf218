"""The page of scored texts: what is at risk, why, and what is not known of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from matplotlib.figure import Figure

from memorization.features.own.reading import kind_of
from memorization.features.vocabulary import well_formed
from memorization.report.drawing import BLUE
from memorization.report.page import document, html_figure, html_table
from memorization.report.wording import count, decimal, percent, stratum_name
from memorization.strata import STRATA

if TYPE_CHECKING:
    from memorization.risk.command import Seen

# Texts that are shown; values of a column that are told apart, and the most that it may have.
TOP, VALUES, MOST = 50, 20, 200
# The riskiest part of all, of which it is told where it comes from.
RISKIEST = 0.1
# Probabilities nearer to 0 or 1 are not told apart.
LEAST = 1e-4
# Parts of the distribution of log-odds that are drawn.
BINS = np.linspace(-6, 6, 49)
# What is shown, by what has a row.
SHOWN = {
    "text": "Of each text, its riskiest window.",
    "window": "Windows; several may be of one text.",
}
MARKED = (
    "Marked are the last 32 tokens, if they occur in the corpus; otherwise the runs of characters "
    "that raised the score most."
)


@dataclass
class Found:
    """What is kept of scored texts, or windows, for the ranks and the page, whatever their number.

    Attributes
    ----------
    keys : float arrays, what ranks each, in the order of the texts.
    top : the riskiest: key, the row that is written, and the window in two parts.
    bands : how many are in each band of copies; empty without a corpus.
    groups, members : column -> value -> its number; and of each the number of its value.
    height : int64, how many have a text score in each of `BINS`.
    """

    keys: list[np.ndarray] = field(default_factory=list)
    top: list[tuple[float, dict[str, Any], tuple[str, str]]] = field(default_factory=list)
    bands: dict[str, int] = field(default_factory=dict)
    groups: dict[str, dict[str, int]] = field(default_factory=dict)
    members: dict[str, list[np.ndarray]] = field(default_factory=dict)
    height: np.ndarray = field(default_factory=lambda: np.zeros(len(BINS) - 1, np.int64))

    def add(
        self,
        table: pa.Table,
        key: np.ndarray,
        said: Sequence[tuple[str, str]],
        carried: Sequence[str],
    ) -> None:
        """Take some that are scored into account."""
        self.keys.append(key)
        # A column that is carried along may have the name of one that is not written here.
        own = table.drop_columns([name for name in carried if name != "file"])
        scores = np.asarray(table["text_score"])
        self.height += np.histogram(np.clip(scores, BINS[0], BINS[-1]), BINS)[0]
        for row in np.argsort(-key, kind="stable")[:TOP].tolist():
            self.top.append((float(key[row]), own.slice(row, 1).to_pylist()[0], said[row]))
        self.top = sorted(self.top, key=lambda one: -one[0])[:TOP]
        if "band" in own.column_names:
            for band in own["band"].drop_null().to_pylist():
                self.bands[band] = self.bands.get(band, 0) + 1
        for name in carried:
            if kind_of(table[name].type) == "strings":
                self._group(name, table[name].to_pylist())

    def _group(self, name: str, values: list[str | None]) -> None:
        if name == "file":  # a folder of texts: by the folders in it
            folders = (str(PurePath(value or "").parent) for value in values)
            values = ["(top)" if folder == "." else folder for folder in folders]
        numbers = self.groups.setdefault(name, {})
        own = [numbers.setdefault(value or "", len(numbers)) for value in values]
        self.members.setdefault(name, []).append(np.array(own, np.int32))
        if len(numbers) > MOST:  # names rather than kinds
            numbers.clear()
            self.members[name] = []

    def by_group(self) -> dict[str, list[tuple[str, int, float]]]:
        """Return column -> values, how many have each, and which share of them are riskiest."""
        keys = np.concatenate(self.keys)
        most = int(np.ceil(RISKIEST * len(keys)))
        line = np.sort(keys)[-most]
        # Of equals at the line, each is among the riskiest as far as there is room.
        above, at_line = keys > line, keys == line
        riskiest = above + at_line * ((most - above.sum()) / at_line.sum())
        found = {}
        for name, numbers in self.groups.items():
            if not 1 < len(numbers) <= MOST:
                continue
            member = np.concatenate(self.members[name])
            if len(member) != len(keys):
                continue
            size = np.bincount(member, minlength=len(numbers))
            risky = np.bincount(member, weights=riskiest, minlength=len(numbers)) / size
            rows = [(value, int(size[at]), float(risky[at])) for value, at in numbers.items()]
            found[name] = sorted(rows, key=lambda row: (-row[2], -row[1]))[:VALUES]
        return found


def page(path: str, found: Found, said: Sequence[str], seen: Seen, by: str) -> str:
    """Return a self-contained HTML page.

    Parameters
    ----------
    path : of the texts.
    said : what must be known of the scores, in sentences.
    by : what was ranked, of `SHOWN`.
    """
    parts = [
        f"<p>{count(seen.texts)} texts, {count(seen.windows)} windows.</p>",
        "<h2>What the scores are</h2>",
        *(f"<p>{escape(line[:1].upper() + line[1:])}.</p>" for line in said),
        html_figure(lambda: _distribution(found, by)),
    ]
    for name, rows in found.by_group().items():
        parts += [
            f"<h2>By {escape('folder' if name == 'file' else name)}</h2>",
            html_table(
                ["folder" if name == "file" else name, f"{by}s", "among the riskiest tenth"],
                [[value or "(none)", count(n), percent(share)] for value, n, share in rows],
            ),
        ]
    parts += [
        f"<h2>The riskiest {count(len(found.top))}</h2>",
        f'<p class="soft">{SHOWN[by]} {MARKED}</p>',
    ]
    parts += [_article(place, row, text) for place, (_, row, text) in enumerate(found.top, 1)]
    parts += _left_out(seen)
    title = f"Which texts in {well_formed(PurePath(path).name or path)} may be memorized?"
    return document(title, parts)


def _left_out(seen: Seen) -> list[str]:
    items = "".join(f"<li>{escape(line)}</li>" for line in seen.told())
    if not items:
        return []
    return ["<h2>Not scored, or to be read with care</h2>", f"<ul>{items}</ul>"]


def _article(place: int, row: Mapping[str, Any], text: tuple[str, str]) -> str:
    known = {name: value for name, value in row.items() if value is not None}
    where = known.get("file") or f"text {known['index']}"
    head = f"<strong>{place}. <bdi>{escape(str(where))}</bdi></strong>"
    if known["windows"] > 1:
        head += f", window {known['window'] + 1} of {known['windows']}"
    facts = [f"text score {decimal(known['text_score'], 2)}"]
    if "risk_low" in known:
        low, high = (_chance(known[name]) for name in ("risk_low", "risk_high"))
        span = low if low == high else f"{low} to {high}"
        facts.insert(
            0, f"risk {_chance(known['risk'])} ({span})" if "risk" in known else f"risk {span}"
        )
    if "text_risk" in known:
        facts.append(f"risk by text {percent(known['text_risk'])}")
    if "band_rate" in known:
        often = "once" if known["band"] == "1" else f"{stratum_name(known['band'])} times"
        facts.append(
            f"{percent(known['band_rate'])} of this study's texts that occur {often} are memorized"
        )
    reasons = [known[name] for name in sorted(known) if name.startswith("reason_")]
    if "warning" in known:
        reasons.append(f"with care: {known['warning']}")
    return (
        f"<article>{head}<br>{escape('; '.join(facts))}"
        f'<pre dir="auto">{_marked(text, known, reasons)}</pre>'
        f'<span class="soft">{escape("; ".join(reasons))}</span></article>'
    )


def _chance(value: float) -> str:
    """Return a probability as a percentage, without digits that no experiment tells.

    >>> _chance(6.7e-12), _chance(0.0), _chance(0.0152), _chance(1 - 1e-9)
    ('under 0.01%', 'under 0.01%', '1.52%', 'over 99.99%')
    """
    if value < LEAST:
        return "under 0.01%"
    return "over 99.99%" if value > 1 - LEAST else percent(value)


def _marked(text: tuple[str, str], row: Mapping[str, Any], reasons: Sequence[str]) -> str:
    """Return a window in HTML, with what repeats marked: its continuation, or the reasons' runs."""
    prompt, continuation = text
    if continuation and row.get("copies"):
        return f"{escape(prompt)}<mark>{escape(continuation)}</mark>"
    runs = [run for reason in reasons for run in re.findall("raised by “(.+)”", reason)]
    if not runs:
        return escape(prompt + continuation)
    pattern = "|".join(re.escape(run) for run in sorted(runs, key=len, reverse=True))
    parts = re.split(f"({pattern})", prompt + continuation)
    return "".join(
        f"<mark>{escape(part)}</mark>" if part in runs else escape(part) for part in parts
    )


def _distribution(found: Found, by: str) -> Figure:
    figure = Figure(figsize=(6.5, 2.6))
    axes = figure.subplots()
    if found.bands:
        names = ["0", *STRATA]
        axes.bar(names, [found.bands.get(name, 0) for name in names], color=BLUE)
        axes.set_xlabel("times that the last 32 tokens occur in the corpus")
    else:
        axes.stairs(found.height, BINS, fill=True, color=BLUE)
        axes.set_xlabel("text score (log-odds)")
    axes.set_ylabel(f"{by}s")
    return figure
