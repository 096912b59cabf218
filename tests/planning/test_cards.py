"""Cards by name or by rate, and what is refused."""

from __future__ import annotations

import pytest
import typer

from memorization.cli import app
from memorization.errors import UserError
from memorization.labels.plan import SUSTAINED_TFLOPS
from memorization.planning.cards import CARDS, card_named


def test_the_rates_are_those_of_a_scan_where_it_has_some() -> None:
    for name, rate in SUSTAINED_TFLOPS.items():
        assert card_named(name).sustained == card_named(name.lower()).sustained == rate


def test_no_card_is_taken_for_more_than_a_part_of_its_peak() -> None:
    for card in CARDS.values():
        assert card.peak is not None
        assert 0.3 <= card.sustained / card.peak <= 0.4
        # All of them need about this many operations a byte to be busy; a wrong digit does not.
        assert 100 <= card.peak * 1e12 / (card.memory_bandwidth * 1e9) <= 450
        assert card.source.startswith("NVIDIA ")


def test_a_rate_is_a_card() -> None:
    card = card_named("12.5")
    assert (card.sustained, card.memory, card.memory_bandwidth) == (12.5, None, None)


@pytest.mark.parametrize("name", ["h101", "0", "-3", "nan", ""])
def test_another_names_the_known(name: str) -> None:
    with pytest.raises(UserError, match=f"--card: '{name}' is none of t4, .*h200; .*`here`"):
        card_named(name)


def test_the_help_lists_the_cards() -> None:
    options = typer.main.get_command(app).commands["plan"].params
    [said] = [option.help for option in options if option.name == "card"]
    assert said.split(";")[0].split(", ") == list(CARDS)
