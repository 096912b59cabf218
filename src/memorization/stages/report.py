"""What do we show?

python -m memorization.stages.report
"""

from pathlib import Path

from threadpoolctl import threadpool_limits

from memorization.params import load_params
from memorization.progress import progress
from memorization.report.figures import FIGURES
from memorization.report.results import Results
from memorization.report.tables import TABLES
from memorization.report.write import write_report
from memorization.stages import run_stage


def main() -> None:
    """Write paper/figures/, paper/tables/, paper/_variables.yml and paper/claims.json."""
    results = Results.read(Path("results"), load_params())
    # One thread: the last bits of a sum depend on their number, and an outline on the last bits.
    with (
        threadpool_limits(1),
        progress("report", len(FIGURES) + len(TABLES), "figures and tables") as advance,
    ):
        not_so = write_report(results, Path("paper"), advance)
    for line in not_so:
        print(line)


if __name__ == "__main__":
    run_stage(main)
