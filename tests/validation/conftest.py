import pytest

from memorization.validation import command


def few():
    """Two families of features, for what is not about them: fits take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "choose_families", lambda *_: ["template", "layout"])
        yield


few_features = pytest.fixture(few)
few_features_in_module = pytest.fixture(scope="module")(few)
