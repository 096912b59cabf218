import pytest

from memorization.errors import UserError
from memorization.params import named
from memorization.when.models import MODELS as WHEN
from memorization.whether.models import MODELS as WHETHER


@pytest.mark.parametrize(
    ("models", "parameter"), [(WHETHER, "whether.models"), (WHEN, "when.models")]
)
def test_models_come_in_the_order_of_their_names(models, parameter):
    backwards = list(models)[::-1]
    assert list(named(models, backwards, parameter).items()) == [(n, models[n]) for n in backwards]
    every = ", ".join(models)
    with pytest.raises(
        UserError, match=f"^{parameter}: no model 'magic'; the models are: {every}$"
    ):
        named(models, [backwards[0], "magic"], parameter)
    with pytest.raises(UserError, match=f"^{parameter}: '{backwards[0]}' is listed twice"):
        named(models, [backwards[0], backwards[1], backwards[0]], parameter)
