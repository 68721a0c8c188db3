"""A vendor on loopback that answers what a test tells it to: good, slow, cut off, garbled, or nothing at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

STALL_SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """One scripted reply.

    Attributes:
        body: text, bytes, or anything that becomes JSON.
        headers: added to, or replacing, the usual ones; a value None leaves a header out.
        delay_seconds: before the status line.
        dribble_seconds: between single bytes of the body. dribbles_headers: the same for the head.
        truncate_bytes: how many bytes of the body come before the connection ends; None for all of it.
        closes: the connection ends without a word.
    """

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str | None] = field(default_factory=dict)
    delay_seconds: float = 0.0
    dribble_seconds: float = 0.0
    dribbles_headers: bool = False
    truncate_bytes: int | None = None
    closes: bool = False

    def content(self) -> tuple[str, bytes]:
        """Return the natural content type, and the body on the wire."""
        if isinstance(self.body, bytes):
            return "application/octet-stream", self.body
        if isinstance(self.body, str):
            is_page = self.body.lstrip().lower().startswith(("<!doctype", "<html"))
            return ("text/html" if is_page else "text/plain"), self.body.encode()
        return "application/json", json.dumps(self.body).encode()


@dataclass(frozen=True)
class Asked:
    """One request; query values in the order in which they came."""

    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]


@dataclass
class Stub:
    """What the stub was asked, and what it will answer: by path, in order, the last one again and again.

    A path that is not scripted falls back to `"*"`, and without that to 404.
    """

    answers: dict[str, list[Answer]]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def script(self, path: str, *answers: Answer) -> None:
        """Set what a path answers from now on."""
        self.answers[path] = list(answers)

    def answer(self, path: str) -> Answer:
        said = self.answers.get(path) or self.answers.get("*") or [Answer({"status": "NOT_FOUND"}, status=404)]
        return said.pop(0) if len(said) > 1 else said[0]


@contextmanager
def http_stub(*answers: Answer, paths: Mapping[str, list[Answer]] | None = None) -> Iterator[Stub]:
    """Run a stub for the length of a `with` block; `answers` are for every path that `paths` does not name."""
    stub = Stub(dict(paths or {}) | ({"*": list(answers)} if answers else {}))
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            place = urlsplit(self.path)
            with lock:
                stub.asked.append(Asked(place.path, parse_qs(place.query), dict(self.headers)))
                answer = stub.answer(place.path)
            self.close_connection = True
            with suppress(OSError):
                self._say(answer)

        def _say(self, answer: Answer) -> None:
            stub.stopped.wait(answer.delay_seconds)
            if answer.closes:
                return
            kind, body = answer.content()
            headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Connection": "close"} | answer.headers
            lines = [f"HTTP/1.1 {answer.status} X"]
            lines += [f"{name}: {value}" for name, value in headers.items() if value is not None]
            head = "\r\n".join([*lines, "", ""]).encode()
            self._write(head, answer.dribble_seconds if answer.dribbles_headers else 0.0)
            self._write(body[: answer.truncate_bytes], answer.dribble_seconds)

        def _write(self, data: bytes, dribble_seconds: float) -> None:
            if not dribble_seconds:
                self.wfile.write(data)
                return
            for number in range(len(data)):
                if stub.stopped.wait(dribble_seconds):
                    return
                self.wfile.write(data[number : number + 1])

        def log_message(self, *arguments: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
