import pytest

from memorization.errors import UserError
from memorization.suite.read import read_suite


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no suite here; run `dvc repro suite`"),
        (b"{", r"damaged \(.*\); run `dvc repro suite`"),
        (b"\xff\xfe", r"damaged \(.*\); run `dvc repro suite`"),
        (
            b'{"suite": "macro"}',
            "a suite 'macro'; known are micro, pythia, inserted; run `dvc repro suite`",
        ),
        (b'{"suite": ["micro"]}', "describes a suite .*; known are micro, pythia"),
        (b"{}", "known are micro, pythia"),
        (b"[]", "known are micro, pythia"),
    ],
)
def test_what_is_no_suite(tmp_path, content, message):
    if content is not None:
        (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_suite(tmp_path)
