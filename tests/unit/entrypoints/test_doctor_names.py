"""A name in .env that is mistyped is told, with the one that is meant."""

from __future__ import annotations

from trading.entrypoints.doctor_names import unread_names

EXAMPLE = "# The gateway\n#AIRDESK_BROKER_PORT=4002\n#POLYGON_API_KEY=\nCOMPOSE_PROFILES=demo\n"


def told(tmp_path, text: str) -> list[str]:
    (tmp_path / ".env.example").write_text(EXAMPLE)
    (tmp_path / ".env").write_text(text)
    return [finding.text for finding in unread_names(tmp_path)]


def test_a_mistyped_name_is_told_with_the_one_that_is_meant(tmp_path):
    assert told(tmp_path, "AIRDESK_BROKR_PORT=4002\nPOLYGON_NONSENSE=1\n") == [
        "nothing reads AIRDESK_BROKR_PORT of .env; write AIRDESK_BROKER_PORT, if that is meant",
        "nothing reads POLYGON_NONSENSE of .env; look for its name in .env.example",
    ]


def test_what_is_known_commented_out_or_somebody_elses_is_not_told(tmp_path):
    text = "AIRDESK_BROKER_PORT=4002\n#AIRDESK_BROKR_PORT=1\nAIRFLOW__CORE__PARALLELISM=2\nTZ=UTC\nHTTPS_PROXY=x\n"
    assert told(tmp_path, text) == []


def test_without_a_file_there_is_nothing_to_tell(tmp_path):
    assert list(unread_names(tmp_path)) == []
