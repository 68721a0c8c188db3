from datetime import time
from pathlib import Path

import pytest
from trading.bootstrap import secrets_of
from trading.errors import ConfigurationError
from trading.settings import Mode, backup_key, load_settings, ui_port


def test_the_port_of_the_ui_has_a_default_and_can_be_set():
    assert ui_port({}) == 8080
    assert ui_port({"AIRDESK_UI_PORT": ""}) == 8080
    assert ui_port({"AIRDESK_UI_PORT": "9000"}) == 9000


def test_a_port_that_is_not_a_number_is_refused_by_name():
    with pytest.raises(ConfigurationError, match=r"AIRDESK_UI_PORT='web' .* correct it in \.env"):
        ui_port({"AIRDESK_UI_PORT": "web"})


def settings(**values: str):
    return load_settings({"AIRDESK_DATABASE_URL": "postgresql://x", **values})


def test_real_money_needs_a_broker_of_ones_own():
    with pytest.raises(ConfigurationError, match="AIRDESK_BROKER_PORT and AIRDESK_BROKER_ACCOUNT"):
        settings(AIRDESK_MODE="live")
    assert settings(AIRDESK_MODE="live", AIRDESK_BROKER_PORT="4001", AIRDESK_BROKER_ACCOUNT="U1").mode is Mode.LIVE


def test_what_shows_the_desk_must_read_the_desks_own_database():
    own, other = "postgresql://page:p@replica.example/airdesk", "postgresql://page:p@127.0.0.1/airdesk_demo"
    desk = {"AIRDESK_DATABASE_URL": "postgresql://desk:p@127.0.0.1:5432/airdesk"}
    assert load_settings({**desk, "AIRDESK_READ_DATABASE_URL": own}).read_database_url == own
    with pytest.raises(ConfigurationError, match="names another database than AIRDESK_DATABASE_URL"):
        load_settings({**desk, "AIRDESK_READ_DATABASE_URL": other})


@pytest.mark.parametrize(
    ("content", "told"), [(b"\n", "is empty"), (bytes(range(128, 160)), r"cannot be read \(it holds no text")]
)
def test_a_key_file_without_a_key_never_means_that_backups_are_not_encrypted(tmp_path, content, told):
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"AIRDESK_BACKUP_KEY_FILE {told}"):
        backup_key({"AIRDESK_BACKUP_KEY_FILE": str(tmp_path / "key")})


def test_brackets_in_a_password_are_part_of_it():
    url = "postgresql://page:canary[word]of-a-reader@127.0.0.1:5432/airdesk?sslmode=require"
    found = settings(AIRDESK_DATABASE_URL=url, AIRDESK_READ_DATABASE_URL=url)
    assert "canary[word]of-a-reader" in secrets_of(found)


def test_the_line_end_of_a_key_file_is_no_part_of_the_key(tmp_path):
    (tmp_path / "key").write_text("a key of these tests\r\n", newline="")
    assert backup_key({"AIRDESK_BACKUP_KEY_FILE": str(tmp_path / "key")}) == "a key of these tests"
    assert backup_key({"AIRDESK_BACKUP_KEY_FILE": "", "AIRDESK_BACKUP_KEY": ""}) == ""


def test_the_halt_flag_lies_in_the_state_folder_unless_named():
    assert settings(AIRDESK_STATE_DIR="/x").halt_file == Path("/x/HALT")
    assert settings(AIRDESK_STATE_DIR="/x", AIRDESK_HALT_FILE="/y/STOP").halt_file == Path("/y/STOP")


@pytest.mark.parametrize(("text", "limit"), [("", None), ("0", 0), ("5000", 5000)])
def test_approval_is_off_unless_a_limit_is_named(text, limit):
    assert settings(AIRDESK_APPROVAL_ABOVE_USD=text).approval_above_usd == limit


@pytest.mark.parametrize("name", ["CI", "PYTEST_CURRENT_TEST"])
def test_a_test_run_is_known_by_its_variables(name):
    assert settings(**{name: "1"}).under_test == name
    assert settings().under_test is None


def test_the_gateways_restart_is_a_time_of_day():
    assert settings().gateway_restart_at == time(23, 45)
    assert settings(AIRDESK_GATEWAY_RESTART_AT="00:05").gateway_restart_at == time(0, 5)


@pytest.mark.parametrize("text", ["11:59 PM", "24:00", "9:05", "23:45:00", "２３:45"])
def test_a_restart_that_is_no_time_of_day_is_refused_by_name(text):
    with pytest.raises(ConfigurationError, match=r"AIRDESK_GATEWAY_RESTART_AT=.* like 23:45"):
        settings(AIRDESK_GATEWAY_RESTART_AT=text)


def test_a_secret_may_lie_in_a_file(tmp_path):
    secret = tmp_path / "token"
    secret.write_text("canary\n")
    assert settings(AIRDESK_FLEX_TOKEN_FILE=str(secret)).flex_token == "canary"
    assert settings(AIRDESK_FLEX_TOKEN="canary").flex_token == "canary"
    with pytest.raises(ConfigurationError, match="AIRDESK_FLEX_TOKEN_FILE cannot be read"):
        settings(AIRDESK_FLEX_TOKEN_FILE=str(tmp_path / "gone"))


def test_a_secret_is_not_shown_with_the_settings():
    assert "canary" not in repr(settings(AIRDESK_FLEX_TOKEN="canary"))


def test_a_vendors_key_may_lie_in_a_file_and_is_never_shown(tmp_path):
    (tmp_path / "key").write_text("canary-5f1e\n")
    found = settings(AIRDESK_MODE="paper", AIRDESK_SOURCES="vendors", POLYGON_API_KEY_FILE=str(tmp_path / "key"))
    assert found.vendors.polygon_key == "canary-5f1e"
    assert "canary" not in repr(found)


def test_real_data_never_enters_the_demo():
    with pytest.raises(ConfigurationError, match="AIRDESK_MODE=paper"):
        settings(AIRDESK_SOURCES="vendors")


@pytest.mark.parametrize(("plan", "minutes"), [("basic", 0), ("starter", 17), ("advanced", 0)])
def test_decisions_wait_as_long_as_the_plan_is_late(plan, minutes):
    found = settings(AIRDESK_MODE="paper", AIRDESK_SOURCES="vendors", POLYGON_PLAN=plan)
    assert found.source_delay_minutes == minutes


def test_costs_and_account_are_named_and_have_defaults():
    usual = settings()
    assert (usual.account_type, usual.commission, usual.half_spread_bps) == ("margin", "fixed", 5)
    chosen = settings(AIRDESK_ACCOUNT_TYPE="cash", AIRDESK_COMMISSION="tiered", AIRDESK_HALF_SPREAD_BPS="20")
    assert (chosen.account_type, chosen.commission, chosen.half_spread_bps) == ("cash", "tiered", 20)
    with pytest.raises(ConfigurationError, match="AIRDESK_COMMISSION='free' is not one of fixed, tiered"):
        settings(AIRDESK_COMMISSION="free")


def test_people_of_telegram_have_roles_and_the_first_chat_receives():
    found = settings(
        AIRDESK_TELEGRAM_TOKEN="42:canary_7-x",
        AIRDESK_TELEGRAM_CHATS="-100123, 42",
        AIRDESK_TELEGRAM_PEOPLE="42:admin, 7:view",
        AIRDESK_TELEGRAM_BASE_URL="http://127.0.0.1:9/",
    ).telegram
    assert (found.chats, found.people) == ((-100123, 42), {42: "admin", 7: "view"})
    assert found.base_url == "http://127.0.0.1:9"
    assert "canary" not in repr(found)


def test_the_token_of_telegram_may_lie_in_a_file(tmp_path):
    (tmp_path / "token").write_text("42:canary\n")
    found = settings(AIRDESK_TELEGRAM_TOKEN_FILE=str(tmp_path / "token"), AIRDESK_TELEGRAM_CHATS="42")
    assert found.telegram.token == "42:canary"
    assert settings().telegram.token == ""


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("AIRDESK_TELEGRAM_TOKEN", "canary", "AIRDESK_TELEGRAM_TOKEN is no token like"),
        ("AIRDESK_TELEGRAM_CHATS", "", "AIRDESK_TELEGRAM_CHATS is empty"),
        ("AIRDESK_TELEGRAM_CHATS", "@desk", "AIRDESK_TELEGRAM_CHATS names '@desk'"),
        ("AIRDESK_TELEGRAM_PEOPLE", "42", "USERID:ROLE with a role of view, operate, admin"),
        ("AIRDESK_TELEGRAM_PEOPLE", "42:root", "USERID:ROLE"),
        ("AIRDESK_TELEGRAM_PEOPLE", "-42:view", "USERID:ROLE"),
    ],
)
def test_a_wrong_line_about_telegram_is_refused_by_name(name, text, sentence):
    right = {"AIRDESK_TELEGRAM_TOKEN": "42:x", "AIRDESK_TELEGRAM_CHATS": "42"}
    with pytest.raises(ConfigurationError, match=sentence) as refusal:
        settings(**right | {name: text})
    assert "canary" not in str(refusal.value)
