import pytest
from trading.errors import ConfigurationError
from trading.settings import ui_port


def test_the_port_of_the_ui_has_a_default_and_can_be_set():
    assert ui_port({}) == 8080
    assert ui_port({"AIRDESK_UI_PORT": ""}) == 8080
    assert ui_port({"AIRDESK_UI_PORT": "9000"}) == 9000


def test_a_port_that_is_not_a_number_is_refused_by_name():
    with pytest.raises(ConfigurationError, match=r"AIRDESK_UI_PORT='web' .* correct it in \.env"):
        ui_port({"AIRDESK_UI_PORT": "web"})
