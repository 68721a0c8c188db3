import stat

from trading.entrypoints.processes import ProcessRecord
from trading.entrypoints.run_record import RunRecord, is_running, run_lock, this_process


def test_a_record_comes_back_as_it_was_written(tmp_path):
    record = RunRecord(this_process(), url="http://127.0.0.1:8080", exports={"AIRDESK_BROKER_PORT": "4002"})
    record = record.with_child("scheduler", ProcessRecord(2, 1.5, "/x"))
    record.write(tmp_path)
    assert RunRecord.read(tmp_path) == record


def test_a_record_is_readable_by_its_owner_only(tmp_path):
    RunRecord().write(tmp_path)
    assert stat.S_IMODE((tmp_path / "run.json").stat().st_mode) == 0o600


def test_a_missing_or_torn_record_reads_as_empty(tmp_path):
    assert RunRecord.read(tmp_path) == RunRecord()
    (tmp_path / "run.json").write_text('{"supervisor": {"pid"')
    assert RunRecord.read(tmp_path) == RunRecord()


def test_the_second_copy_does_not_get_the_lock(tmp_path):
    assert not is_running(tmp_path)
    with run_lock(tmp_path) as first:
        assert first
        assert is_running(tmp_path)
        with run_lock(tmp_path) as second:
            assert not second
    assert not is_running(tmp_path)
