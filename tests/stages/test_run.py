import pytest

from memorization.errors import UserError, run


def test_a_users_mistake_is_one_line_and_a_failure():
    def main():
        raise UserError("params.yaml: seed=-1: must be at least 0")

    with pytest.raises(SystemExit) as stopped:
        run(main)
    # A string as exit code is printed to stderr, and the status is 1.
    assert stopped.value.code == "error: params.yaml: seed=-1: must be at least 0"


def test_a_defect_of_ours_keeps_its_traceback():
    def main():
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        run(main)


def test_an_interruption_says_how_to_go_on():
    def main():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit, match="run the same command again"):
        run(main)
