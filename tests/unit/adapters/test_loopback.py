import socket

from trading.adapters.loopback import claimed_port, free_port, is_free


def test_a_port_that_somebody_listens_on_is_not_free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_a_busy_port_is_replaced_by_another(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as server:
        busy = server.getsockname()[1]
        with claimed_port(busy) as port:
            assert port != busy


def test_two_desks_that_start_together_get_two_ports(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    wanted = free_port()
    with claimed_port(wanted) as first, claimed_port(wanted) as second:
        assert first == wanted
        assert second != wanted
