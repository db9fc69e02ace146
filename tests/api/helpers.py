# SPDX-License-Identifier: Apache-2.0
"""What the black-box tests of surface 001 share: brands and products made for one test, checks of faults, raw sockets.

Everything here speaks to a running server through its public interface alone. A `Site` is one running server with an
administrator's token; `Brand` is a brand made for one test, so that tests never meet in each other's data.
"""
import concurrent.futures
import contextlib
import itertools
import json
import re
import socket
import threading
import time
import urllib.parse
import uuid
from dataclasses import dataclass, field
from decimal import Decimal


TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

BRAND_KEYS = {"id", "name", "description", "created_at", "updated_at", "is_active"}
CONFIG_KEYS = {"brand_id", "system_prompt", "persona_prompt", "welcome_message", "company_info", "appearance_settings",
               "chat_settings", "updated_at"}
PRODUCT_KEYS = {"id", "name", "description", "category", "price", "features", "specifications", "availability",
                "brand_id"}
METADATA_KEYS = {"message_id", "mode", "model", "voice", "finish_reason", "sources", "usage", "response_time_ms",
                 "degraded",
                 "reason", "price_corrections"}
STATS_KEYS = {"brand_id", "brand_name", "total_products", "available_products", "categories", "active_conversations",
              "category_list", "total_conversations", "total_messages", "average_confidence", "open_connections",
              "last_activity"}
CHAT_SETTINGS = {"public_access": True, "listed": False, "allowed_domains": None, "conversation_ids": "any",
                 "messages_per_minute": 30, "temperature": 0.7, "max_tokens": 500, "voice_max_tokens": 50,
                 "history_messages": 20, "suggestions": True, "suggestion_limit": 3, "similarity_threshold": 0.35,
                 "suggest_unavailable": False, "currency": "USD", "language": None, "typing_frames": True,
                 "price_guard": True}

_count = itertools.count(1)


def unique(prefix="t"):
    """A brand id (or any slug) that no other test uses, on any worker."""
    return f"{prefix}{next(_count)}-{uuid.uuid4().hex[:8]}"


def product(id="p1", **changes):
    row = {"id": id, "name": f"Name {id}", "description": f"Description of {id}.", "category": "Things", "price": 10,
           "features": ["plain"], "specifications": {"weight": "1 kg"}}
    row.update(changes)
    return {key: value for key, value in row.items() if value is not ...}


def quote(text):
    return urllib.parse.quote(text, safe="")


def exact(response):
    """The body with numbers as they were written."""
    return json.loads(response.content, parse_float=Decimal, parse_int=Decimal)


# ---- a server and its clients ---------------------------------------------------------------------------------------


class Site:
    """One running server. `admin` is signed in as its super_admin, `anon` sends no credentials."""

    def __init__(self, server, conformance=None):
        self.server, self.url = server, server.url
        self.hooks = {"event_hooks": {"response": [conformance.see]}} if conformance else {}
        self.anon, self.admin = self.client(), self.client(server.token)

    @property
    def address(self):
        return "127.0.0.1", self.server.port

    def client(self, token=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.server.client(token, named, verify=False, **self.hooks)  # no certificates to load: 60 ms each

    def brand(self, products=(), name=None, chat=None, **config):
        """A fresh brand; keyword arguments are fields of its configuration, `chat` those of chat_settings."""
        if chat:
            config["chat_settings"] = chat
        brand = Brand(self, unique("b"))
        ok(self.admin.post("/brands", json={"name": name or f"Brand {brand.id}", "description": "Made for a test",
                                            "brand_id": brand.id}))
        if config:
            brand.configure(**config)
        if products:
            brand.add(*products)
        return brand

    def socket(self, brand="techpro", path="/ws/chat/{}", **options):
        """A socket that has had its welcome."""
        socket = self.server.socket(brand, path, **options)
        frame = socket.receive(10)
        assert frame["type"] == "welcome", frame
        return socket


@contextlib.contextmanager
def talkers(server, brand, n, place):
    """`n` clients that talk on and on, in the conversations `place(client, number of the message)`. Once each of them
    does, gives the texts that were acknowledged, a list for each, which grows."""
    said, moving, stop = {i: [] for i in range(n)}, threading.Event(), threading.Event()

    def talk(i):
        with server.client() as client:
            while not stop.is_set():
                at = len(said[i])
                text = f"message {i} {at}"
                ok(client.post(f"/chat/{brand}", json={"message": text, "conversation_id": place(i, at)}))
                said[i].append(text)
                if all(len(texts) >= 5 for texts in said.values()):
                    moving.set()

    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        talks = [pool.submit(talk, i) for i in said]
        try:
            assert moving.wait(60)
            yield said
        finally:
            stop.set()
        for one in talks:
            one.result()


class Brand:
    def __init__(self, site, id):
        self.site, self.id, self.path = site, id, f"/brands/{id}"

    def configure(self, **fields):
        reply = self.site.admin.put(f"{self.path}/config", json=fields)
        assert reply.status_code == 200, reply.text
        return reply.json()

    @property
    def config(self):
        return ok(self.site.admin.get(f"{self.path}/config"))

    @property
    def stats(self):
        return ok(self.site.admin.get(f"{self.path}/stats"))

    @property
    def products(self):
        return ok(self.site.anon.get(f"{self.path}/products"))

    def add(self, *products):
        assert ok(self.site.admin.post(f"{self.path}/products/bulk",
                                       json=list(products)))["success_count"] == len(products)

    def search(self, query, **fields):
        return ok(self.site.anon.post(f"{self.path}/products/search", json={"query": query, **fields}))["results"]

    def say(self, message, client=None, **fields):
        """One turn over HTTP; the reply's object."""
        return ok((client or self.site.anon).post(f"/chat/{self.id}", json={"message": message, **fields}))

    def history(self, conversation_id, client=None, **params):
        reply = (client or self.site.anon).get(f"/chat/{self.id}/history/{conversation_id}", params=params)
        return ok(reply)["messages"]

    def socket(self, **options):
        return self.site.socket(self.id, **options)

    def clear(self, conversation_id, client=None):
        return (client or self.site.anon).delete(f"/chat/{self.id}/{conversation_id}")

    def audit(self, **params):
        return ok(self.site.admin.get(f"{self.path}/audit", params=params))


def chunks(turn):
    return [frame["data"] for frame in turn.frames if frame["type"] == "chunk"]


def ids(items):
    """Product ids of a list of products, or of search results."""
    return [(item.get("product") or item)["id"] for item in items]


# ---- checks ---------------------------------------------------------------------------------------------------------


def ok(response):
    """The object of a success, with the marks that every reply has."""
    request = response.request
    assert response.status_code == 200, f"{request.method} {request.url}: {response.status_code} {response.text[:500]}"
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.headers.get("x-request-id")
    return response.json()


def refused(response, status, detail):
    """`detail` is the exact text."""
    got = f"{response.status_code} {response.text[:300]}"
    assert response.status_code == status, f"expected {status} {detail!r}, got {got}"
    assert response.json() == {"detail": detail}
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.headers.get("x-request-id")
    return response


def faults(response):
    """The faults of a 422, each of the documented shape."""
    assert response.status_code == 422, f"expected 422, got {response.status_code} {response.text[:300]}"
    detail = response.json()["detail"]
    assert set(response.json()) == {"detail"} and isinstance(detail, list) and 1 <= len(detail) <= 50
    for fault in detail:
        assert {"type", "loc", "msg"} <= set(fault) <= {"type", "loc", "msg", "input"}, fault
        assert fault["loc"][0] in ("body", "query", "path")
        assert isinstance(fault["msg"], str)
    return detail


def fault(response, loc, type, msg=None):
    """One fault at `loc` of this type, and nothing else wrong. `msg` is exact text or a compiled pattern."""
    found = faults(response)
    assert [entry["loc"] for entry in found] == [list(loc)], found
    assert found[0]["type"] == type, found
    if msg is not None:
        matches = msg.fullmatch(found[0]["msg"]) if isinstance(msg, re.Pattern) else found[0]["msg"] == msg
        assert matches, found
    return found[0]


def unauthenticated(response):
    refused(response, 401, "Not authenticated")
    assert response.headers["www-authenticate"] == "Bearer"


def bad_credentials(response):
    refused(response, 401, "Could not validate credentials")
    assert response.headers["www-authenticate"].startswith("Bearer")


def not_or_inactive(brand_id):
    return f"Brand '{brand_id}' not found or inactive"


def alive(site):
    reply = site.anon.get("/health")
    assert reply.status_code == 200, f"the server no longer answers: {reply.status_code} {reply.text}"


def eventually(probe, seconds=10.0):
    """Asks until the probe gives something true; for what the contract lets happen a little later."""
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.02)


# ---- plain sockets --------------------------------------------------------------------------------------------------


@dataclass
class RawReply:
    status: int = 0
    headers: dict = field(default_factory=dict)  # lower case; repeated ones joined by a comma
    body: bytes = b""
    closed: bool = False  # the server closed the connection after it
    rest: bytes = b""  # what came behind the first reply

    @property
    def json(self):
        return json.loads(self.body)


def raw(site, data, timeout=5.0, want_close=True):
    """Sends bytes as they are and reads one reply; then, with want_close, waits for the server to hang up."""
    reply = RawReply()
    with socket.create_connection(site.address, timeout=timeout) as sock:
        try:
            sock.sendall(data)
        except OSError:
            pass  # refused before all was sent; what it answered can still be read
        got, deadline = b"", time.monotonic() + timeout

        def more():
            nonlocal got
            sock.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                part = sock.recv(65536)
            except (TimeoutError, socket.timeout):
                return None
            except OSError:
                part = b""
            got += part
            return bool(part)

        while b"\r\n\r\n" not in got:
            state = more()
            if state is None:
                return reply
            if not state:
                reply.closed = True
                break
        head, sep, rest = got.partition(b"\r\n\r\n")
        if not sep:
            return reply
        lines = head.decode("latin-1").split("\r\n")
        reply.status = int(lines[0].split()[1])
        for line in lines[1:]:
            name, _, value = line.partition(":")
            name, value = name.strip().lower(), value.strip()
            reply.headers[name] = f"{reply.headers[name]},{value}" if name in reply.headers else value
        length = int(reply.headers.get("content-length", 0))
        got = rest
        while len(got) < length:
            if not more():
                break
        reply.body, got = got[:length], got[length:]
        while want_close and not reply.closed:
            state = more()
            if state is None:
                break
            reply.closed = not state
        reply.rest = got
    return reply


def request_head(method="GET", path="/health", host="localhost", *fields):
    lines = [f"{method} {path} HTTP/1.1"] + ([f"Host: {host}"] if host is not None else []) + list(fields)
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
