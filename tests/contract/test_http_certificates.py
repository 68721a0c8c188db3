"""Guarded connections check certificates like any other."""

from __future__ import annotations

import ipaddress
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests.adapters
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from trading.adapters.http import HttpClient, VendorUnavailable

from tests.fakes_http import MemoryCalls, terms_for


def self_signed(folder, address):
    """Write a key and a certificate that nobody vouches for; the file that holds both."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, address)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = folder / "both.pem"
    path.write_bytes(
        key.private_bytes(encoding, private, serialization.NoEncryption()) + certificate.public_bytes(encoding)
    )
    return path


@contextmanager
def https_server(certificate):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *arguments: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def ask(url):
    return HttpClient(terms_for(url), MemoryCalls(), deadline_seconds=10.0, sleep=lambda seconds: None).get_json("/a")


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path):
    with (
        https_server(self_signed(tmp_path, "127.0.0.1")) as url,
        pytest.raises(VendorUnavailable, match="certificate is not accepted"),
    ):
        ask(url)


@pytest.mark.parametrize(("address", "is_accepted"), [("127.0.0.1", True), ("127.0.0.2", False)])
def test_a_certificate_counts_only_for_its_own_host(tmp_path, monkeypatch, address, is_accepted):
    certificate = self_signed(tmp_path, address)
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(certificate))
    with https_server(certificate) as url:
        if is_accepted:
            assert ask(url) == {}
        else:
            with pytest.raises(VendorUnavailable, match="certificate is not accepted"):
                ask(url)
