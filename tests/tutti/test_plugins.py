from importlib.metadata import EntryPoint

import pytest

from tutti import plugins
from tutti.encodings.drums import Drums
from tutti.errors import Error
from tutti.plugins import named_classes

OWN = {"drums": "tutti.encodings.drums:Drums"}


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("drums", "tutti.encodings.drums:Drums", "a name that is taken"),
        ("other", "no_such_module:Other", "cannot load the encoding 'other' from no_such_module:Other"),
        ("other", "tutti.encodings.drums:Other", "cannot load the encoding"),
        ("other", "tutti.encodings.drums:Drums", "its `name` must say the same"),
    ],
)
def test_a_package_that_registers_something_wrong_is_named(
    name: str, value: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "entry_points", lambda group: [EntryPoint(name, value, group)])
    with pytest.raises(Error, match=reason):
        named_classes("tutti.encodings", OWN, "encoding")


def test_what_packages_register_stands_behind_tuttis_own(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("mulaw", "tutti.encodings.mulaw:MuLaw", "tutti.encodings")
    monkeypatch.setattr(plugins, "entry_points", lambda group: [point])
    assert next(iter(named_classes("tutti.encodings", OWN, "encoding").items())) == ("drums", Drums)
    assert list(named_classes("tutti.encodings", OWN, "encoding")) == ["drums", "mulaw"]
