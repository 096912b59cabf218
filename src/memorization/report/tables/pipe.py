"""Pipe tables of Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def pipe_table(header: Sequence[str], rows: Sequence[Sequence[str]], columns: str) -> str:
    """Return a pipe table.

    Parameters
    ----------
    header : of c columns.
    rows : of c cells each.
    columns : alignment and relative width: for each column "<" (left) or ">" (right), then its
        width where the table is wider than the page, as in ``"<20 >8"``.

    Raises
    ------
    ValueError
        If a row has another number of cells than the header.

    >>> print(pipe_table(["model", "score"], [["a|b", "0.5"]], "<5 >5"))
    | model | score |
    |:------|------:|
    | a\\|b | 0.5 |
    <BLANKLINE>
    """
    marks = []
    for column in columns.split():
        side, dashes = column[0], "-" * int(column[1:])
        marks.append(f":{dashes}-" if side == "<" else f"-{dashes}:")
    if any(len(row) != len(header) for row in [marks, *rows]):
        raise ValueError(f"a table of {len(header)} columns has a row of another length")
    lines = [_line(header), f"|{'|'.join(marks)}|", *(_line(row) for row in rows)]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(escaped)} |"
