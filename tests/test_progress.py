from memorization.progress import progress


def test_ten_lines_a_job_when_not_on_a_terminal(capsys):
    with progress("scanning", 200, "rows") as advance:
        for _ in range(200):
            advance(1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        f"scanning: {percent} %" for percent in range(10, 101, 10)
    ]
    assert all("rows/s" in line and "s left" in line for line in lines)


def test_a_resumed_job_says_so_and_counts_on(capsys):
    with progress("scanning", 10, "rows", done=8) as advance:
        advance(2)
    assert capsys.readouterr().out.startswith(
        "scanning: going on from 8 of 10 rows\nscanning: 100 %"
    )
