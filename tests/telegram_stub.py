"""Telegram's Bot API on loopback: it keeps what it is told, plays people who type and tap, and fails as it is told.

    with telegram_stub() as telegram:
        bot = ExtBot(telegram.token, base_url=telegram.base_url)       # also base_file_url is not needed
        telegram.fail("sendMessage", flood(2), BAD_GATEWAY)            # the next two sends, then good again
        telegram.types("/status", user=42)
        telegram.wait_for(lambda: telegram.messages)

It is as strict as Telegram where a sender can be wrong: HTML that does not parse, text over 4096 characters, a caption
over 1024, data of a button over 64 bytes, an edit that changes nothing, a second poller. It words errors as Telegram.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.telegram_wire import Words, read_body

BOT_ID = 700
TOKEN = f"{BOT_ID}:canary_{'telegram'}_5f1e"
TEXT_LIMIT, CAPTION_LIMIT, DATA_LIMIT = 4096, 1024, 64


@dataclass(frozen=True)
class Fault:
    """One scripted failure of a method.

    Attributes:
        body: the JSON of the reply, or a text page.
        stalls: no answer comes while the stub lives. closes: the connection ends without a word.
        is_done: the request takes effect all the same (a message appears), and only the answer is lost.
    """

    status: int = 200
    body: Any = None
    stalls: bool = False
    closes: bool = False
    is_done: bool = False


def refusal(code: int, description: str, **parameters: Any) -> Fault:
    """Return an error as the Bot API words it."""
    extra = {"parameters": parameters} if parameters else {}
    return Fault(code, {"ok": False, "error_code": code, "description": description, **extra})


def flood(seconds: int) -> Fault:
    """Return the 429 of too many messages."""
    return refusal(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


def migrated(chat: int) -> Fault:
    """Return the 400 of a group that became a supergroup with another id."""
    return refusal(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat)


UNPARSEABLE = refusal(400, "Bad Request: can't parse entities: Can't find end of the entity starting at byte offset 3")
UNAUTHORIZED = refusal(401, "Unauthorized")
BLOCKED = refusal(403, "Forbidden: bot was blocked by the user")
NOT_FOUND = refusal(404, "Not Found")
CONFLICT = refusal(
    409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
)
BAD_GATEWAY = Fault(502, "<html><head><title>502 Bad Gateway</title></head></html>")
STALLED = Fault(stalls=True)
STALLED_BUT_DELIVERED = Fault(stalls=True, is_done=True)
CUT_OFF = Fault(closes=True)
CUT_OFF_BUT_DELIVERED = Fault(closes=True, is_done=True)


@dataclass(frozen=True)
class Call:
    """One request: the method, its parameters (JSON decoded where it is JSON) and its files."""

    method: str
    parameters: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)
    at: float = 0.0


@dataclass
class Shown:
    """One message as a person sees it now.

    Attributes:
        buttons: rows of (text, data). picture: of sendPhoto; document: of sendDocument.
        edits: the texts before this one, oldest first.
    """

    message_id: int
    chat: int
    text: str
    buttons: list[list[tuple[str, str]]] = field(default_factory=list)
    picture: bytes | None = None
    document: bytes | None = None
    is_silent: bool = False
    edits: list[str] = field(default_factory=list)

    @property
    def plain(self) -> str:
        """Return the words without tags."""
        return Words.of(self.text)

    def data_of(self, label: str) -> str:
        """Return what a tap on the button with this text says."""
        return next(data for row in self.buttons for text, data in row if text == label)


@dataclass
class TelegramStub:
    """See the module. Its methods may be called from any thread."""

    token: str = TOKEN
    url: str = ""
    calls: list[Call] = field(default_factory=list)
    messages: list[Shown] = field(default_factory=list)
    answers: list[Call] = field(default_factory=list)
    commands: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    pending: list[dict[str, Any]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    is_over: bool = False
    _ids: int = 1000
    _poller: object = None

    @property
    def base_url(self) -> str:
        """Return what `AIRDESK_TELEGRAM_BASE_URL` and the client's `base_url` take; the client adds the token."""
        return f"{self.url}/bot"

    # --- what a test does -------------------------------------------------------------------------

    def fail(self, method: str, *faults: Fault) -> None:
        """Let the next calls of a method end like this, one fault each; after them it works again."""
        with self.changed:
            self.faults.setdefault(method, []).extend(faults)

    def types(self, text: str, *, user: int = 42, chat: int | None = None, ago_seconds: float = 0, **more: Any) -> int:
        """Let a person send a text; returns the id of the update. `more` goes into the message as it is."""
        return self.push({"message": self._message(text, user, user if chat is None else chat, ago_seconds) | more})

    def edits(self, text: str, *, user: int = 42, chat: int | None = None) -> int:
        """Let a person edit an earlier message into this text."""
        message = self._message(text, user, user if chat is None else chat, 0)
        return self.push({"edited_message": message | {"edit_date": int(time.time())}})

    def posts(self, text: str, *, channel: int) -> int:
        """Let a channel post a text, which has no author."""
        message = self._message(text, 1, channel, 0)
        del message["from"]
        message["chat"] = {"id": channel, "type": "channel", "title": "c"}
        return self.push({"channel_post": message})

    def taps(self, data: str, *, user: int = 42, chat: int | None = None, message_id: int = 1) -> int:
        """Let a person tap a button that says `data`."""
        shown = next((m.plain for m in self.messages if m.message_id == message_id), "?")
        place = self._message("", user, user if chat is None else chat, 0) | {"message_id": message_id, "text": shown}
        place["from"] = {"id": BOT_ID, "is_bot": True, "first_name": "b"}
        query = {"id": str(self._next()), "from": _person(user), "chat_instance": "1", "data": data, "message": place}
        return self.push({"callback_query": query})

    def push(self, update: dict[str, Any]) -> int:
        """Put an update into the queue; returns its id. One that brings an `update_id` keeps it (a replayed one)."""
        with self.changed:
            numbered = {"update_id": self._next(), **update}
            self.pending.append(numbered)
            self.changed.notify_all()
            return int(numbered["update_id"])

    def wait_for[Found](self, look: Callable[[], Found], *, seconds: float = 15) -> Found:
        """Return what `look` finds, as soon as that is true."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while not (found := look()):
                left = deadline - time.monotonic()
                assert left > 0, f"nothing came; the last calls: {[c.method for c in self.calls[-8:]]}"
                self.changed.wait(min(left, 0.2))
            return found

    def called(self, method: str) -> list[Call]:
        """Return every call of a method, oldest first, those that failed included."""
        with self.changed:
            return [call for call in self.calls if call.method == method]

    # --- what the server does ---------------------------------------------------------------------

    def reply(self, call: Call) -> Fault:
        """Return what to say to a call, after it took effect."""
        with self.changed:
            self.calls.append(call)
            scripted = self.faults.get(call.method)
            fault = scripted.pop(0) if scripted else None
            if fault and not fault.is_done:
                self.changed.notify_all()
                return fault
        try:
            result = getattr(self, f"_on_{call.method}", self._on_unknown)(call)
        except _Refused as refused:
            return refused.fault
        with self.changed:
            self.changed.notify_all()
        return fault or Fault(200, {"ok": True, "result": result})

    def _on_unknown(self, call: Call) -> Any:
        raise _Refused(NOT_FOUND)

    def _on_getMe(self, call: Call) -> Any:  # noqa: N802 - the method's name at Telegram
        return {"id": BOT_ID, "is_bot": True, "first_name": "b", "username": "b_bot"}

    def _on_deleteWebhook(self, call: Call) -> Any:  # noqa: N802
        with self.changed:
            if call.parameters.get("drop_pending_updates") is True:
                self.pending.clear()
        return True

    def _on_setMyCommands(self, call: Call) -> Any:  # noqa: N802
        scope = json.dumps(call.parameters.get("scope", {}), sort_keys=True)
        self.commands[scope] = call.parameters["commands"]
        return True

    def _on_getUpdates(self, call: Call) -> Any:  # noqa: N802
        offset, me = int(call.parameters.get("offset", 0)), object()
        deadline = time.monotonic() + int(call.parameters.get("timeout", 0))
        with self.changed:
            self._poller = me
            self.changed.notify_all()
            self.pending = [u for u in self.pending if u["update_id"] >= offset or u.get("is_replayed")]
            while not self.pending and not self.is_over and (left := deadline - time.monotonic()) > 0:
                self.changed.wait(min(left, 0.2))
                if self._poller is not me:
                    raise _Refused(CONFLICT)
            given = self.pending[:100]
            self.pending = [u for u in self.pending if not u.pop("is_replayed", False)]
            return given

    def _on_sendMessage(self, call: Call) -> Any:  # noqa: N802
        text = call.parameters.get("text", "")
        self._check(text, call, TEXT_LIMIT, "message is too long")
        return self._show(call, text)

    def _on_sendPhoto(self, call: Call) -> Any:  # noqa: N802
        return self._show(call, self._caption(call), picture=next(iter(call.files.values())))

    def _on_sendDocument(self, call: Call) -> Any:  # noqa: N802
        return self._show(call, self._caption(call), document=next(iter(call.files.values())))

    def _on_editMessageText(self, call: Call) -> Any:  # noqa: N802
        with self.changed:
            wanted = (int(call.parameters["message_id"]), int(call.parameters["chat_id"]))
            found = [m for m in self.messages if (m.message_id, m.chat) == wanted]
        if not found:
            raise _Refused(refusal(400, "Bad Request: message to edit not found"))
        text = call.parameters["text"]
        self._check(text, call, TEXT_LIMIT, "message is too long")
        (message,) = found
        buttons = _buttons(call)
        if (message.text, message.buttons) == (text, buttons):
            raise _Refused(refusal(400, "Bad Request: message is not modified"))
        message.edits.append(message.text)
        message.text, message.buttons = text, buttons
        return self._as_json(message)

    def _on_answerCallbackQuery(self, call: Call) -> Any:  # noqa: N802
        self.answers.append(call)
        return True

    def _on_sendChatAction(self, call: Call) -> Any:  # noqa: N802
        return True

    # --- parts ------------------------------------------------------------------------------------

    def _caption(self, call: Call) -> str:
        caption = str(call.parameters.get("caption", ""))
        self._check(caption, call, CAPTION_LIMIT, "message caption is too long")
        return caption

    def _check(self, text: str, call: Call, limit: int, complaint: str) -> None:
        is_html = call.parameters.get("parse_mode") == "HTML"
        if is_html and (problem := Words.problem_of(text)):
            raise _Refused(refusal(400, f"Bad Request: can't parse entities: {problem}"))
        words = Words.of(text) if is_html else text
        if not words and limit == TEXT_LIMIT:
            raise _Refused(refusal(400, "Bad Request: message text is empty"))
        if len(words.encode("utf-16-le")) // 2 > limit:
            raise _Refused(refusal(400, f"Bad Request: {complaint}"))
        if any(len(data.encode()) > DATA_LIMIT for row in _buttons(call) for _, data in row):
            raise _Refused(refusal(400, "Bad Request: BUTTON_DATA_INVALID"))

    def _show(self, call: Call, text: str, **more: bytes) -> Any:
        with self.changed:
            is_silent = call.parameters.get("disable_notification") is True
            chat = int(call.parameters["chat_id"])
            message = Shown(self._next(), chat, text, _buttons(call), is_silent=is_silent, **more)
            self.messages.append(message)
        return self._as_json(message)

    def _as_json(self, message: Shown) -> dict[str, Any]:
        place = self._message(message.plain, BOT_ID, message.chat, 0)
        place |= {"message_id": message.message_id, "from": {"id": BOT_ID, "is_bot": True, "first_name": "b"}}
        if message.picture is not None:
            place["photo"] = [{"file_id": "f", "file_unique_id": "f", "width": 1, "height": 1}]
        if message.document is not None:
            place["document"] = {"file_id": "f", "file_unique_id": "f"}
        return place

    def _message(self, text: str, user: int, chat: int, ago_seconds: float) -> dict[str, Any]:
        place = {"id": chat, "type": "private", "first_name": "u"}
        if chat < 0:
            place = {"id": chat, "type": "supergroup", "title": "g"}
        said: dict[str, Any] = {
            "message_id": self._next(), "date": int(time.time() - ago_seconds), "chat": place, "from": _person(user),
            "text": text,
        }  # fmt: skip
        if word := re.match(r"/\w+(@\w+)?", text):
            said["entities"] = [{"type": "bot_command", "offset": 0, "length": len(word[0])}]
        return said

    def _next(self) -> int:
        with self.changed:
            self._ids += 1
            return self._ids


class _Refused(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


def _person(user: int) -> dict[str, Any]:
    return {"id": user, "is_bot": False, "first_name": "u"}


def _buttons(call: Call) -> list[list[tuple[str, str]]]:
    rows = (call.parameters.get("reply_markup") or {}).get("inline_keyboard", [])
    return [[(button["text"], button.get("callback_data", "")) for button in row] for row in rows]


@contextmanager
def telegram_stub(token: str = TOKEN) -> Iterator[TelegramStub]:
    """Run a stub for the length of a `with` block. Another token than its own gets 401."""
    stub = TelegramStub(token)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found = re.fullmatch(r"/bot([^/]+)/(\w+)", self.path)
            if not found or found[1] != stub.token:
                self._say(UNAUTHORIZED)
                return
            parameters, files = read_body(self.headers, body)
            with suppress(OSError):
                self._say(stub.reply(Call(found[2], parameters, files, time.monotonic())))

        do_GET = do_POST  # noqa: N815

        def _say(self, said: Fault) -> None:
            while said.stalls and not stub.is_over:
                time.sleep(0.05)
            if said.closes or said.stalls:
                self.close_connection = True
                return
            is_page = isinstance(said.body, str)
            content = said.body.encode() if is_page else json.dumps(said.body).encode()
            self.send_response(said.status)
            self.send_header("Content-Type", "text/html" if is_page else "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    stub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.is_over = True
        server.shutdown()
        server.server_close()
        thread.join(10)
