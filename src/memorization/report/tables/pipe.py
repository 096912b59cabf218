"""Pipe tables of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def pipe_table(
    columns: Mapping[str, str], rows: Iterable[Sequence[str]], once: bool = False
) -> str:
    """Return a pipe table.

    Parameters
    ----------
    columns : heading -> alignment, "<" (left) or ">" (right), and relative width, which holds where
        the table is wider than the page.
    rows : a cell for each column.
    once : whether the first cell of a row is left empty where it is that of the row before.

    Raises
    ------
    ValueError
        If a row has another number of cells than there are columns.

    >>> rows = [["a|b", "0.5"], ["a|b", "0.6"]]
    >>> print(pipe_table({"model": "<5", "score": ">5"}, rows, once=True))
    | model | score |
    |:------|------:|
    | a\\|b | 0.5 |
    |  | 0.6 |
    <BLANKLINE>
    """
    dashes = [(form[0], "-" * int(form[1:])) for form in columns.values()]
    marks = [f":{line}-" if side == "<" else f"-{line}:" for side, line in dashes]
    lines = [_line(list(columns)), f"|{'|'.join(marks)}|"]
    above = None
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"a table of {len(columns)} columns has a row of another length")
        first, *others = row
        lines.append(_line(["" if once and first == above else first, *others]))
        above = first
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(escaped)} |"
