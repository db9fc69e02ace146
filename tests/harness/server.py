# SPDX-License-Identifier: Apache-2.0
"""`parley serve` as a process of its own: free port, own data directory, an administrator, clients."""

import functools
import itertools
import os
import pathlib
import shutil
import tempfile

import httpx

from .fake_llm import FakeLlm
from .program import Program, find_binary, run
from .sockets import ChatSocket, RawSocket

ADMIN_EMAIL = "root@fern.example"
ADMIN_PASSWORD = "moss-and-granite-41"
_numbers = itertools.count(1)

LIMITS = (
    "chat", "read", "manage", "upload", "connect", "management", "conversation", "public_read", "attachments", "widget",
    "register", "login", "refresh", "logout", "reset", "external",
)


def no_limits():
    """Settings that turn every rate limit off."""
    return {f"limits.{name}": 0 for name in LIMITS}


@functools.cache
def known_settings(binary):
    """Names of the settings that this binary uses, as it prints them itself."""
    done = run([binary, "settings"])
    assert done.returncode == 0, f"parley settings: exit {done.returncode}: {done.stderr}"
    return frozenset(line.split()[0].strip("|`") for line in done.stdout.splitlines()
                     if line.strip() and "(not used by this version)" not in line)


def _text(value):
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


class Server(Program):
    """
    server = Server({"ws.idle_timeout": 2}, llm=fake).start()

    settings  name → value as in the settings table; a list repeats the flag, None leaves a default of the harness out.
              Defaults here: every rate limit off, no built-in embedder, `drain.seconds` 5, `log.level` warn.
    llm       None, one FakeLlm, a list of them (providers a, b, … asked in this order), or a dict {id: {field: value}}
              of provider rows (fields as in upstream-llm 1.1, dotted for nested ones).
    clocked   its clock can be moved (pass_time).
    data      an existing directory to go on with; without it a new one, removed by `dispose`.
    """

    def __init__(self, settings=None, llm=None, data=None, env=None, command="serve", preexec=None, arguments=(),
                 clocked=False):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="parley-test-"))
        self.data = pathlib.Path(data) if data else self.home / "data"
        self.password_file = self.home / "password"
        self.password_file.write_text(ADMIN_PASSWORD, encoding="utf-8")
        self.clock = self.home / "clock" if clocked else None
        binary = find_binary("parley-clocked", "PARLEY_CLOCKED") if clocked else find_binary("parley", "PARLEY_BIN")
        if clocked:
            os.mkfifo(self.clock)
            env = {**(env or {}), "PARLEY_CLOCK": str(self.clock)}
        helpful = {"embedding.builtin": "off", "drain.seconds": 5, "log.level": "warn", **no_limits()}
        self.settings = {
            "listen": "127.0.0.1:0", "data": self.data, "admin.email": ADMIN_EMAIL,
            "admin.password": f"file:{self.password_file}",
            **{name: value for name, value in helpful.items() if name in known_settings(binary)},
            **_providers(llm), **(settings or {}),
        }
        flags = []
        for name, value in self.settings.items():
            for one in value if isinstance(value, (list, tuple)) else [] if value is None else [value]:
                flags += [f"--{name}", _text(one)]
        super().__init__([binary, command, *flags, *arguments], env, self.home, preexec)
        self._clients = []
        self._token = None

    # ---- life ----

    def start(self, timeout=60):
        super().start(timeout)
        return self

    def pass_time(self, seconds):
        """Moves the clock of a server made with `clocked`. A thread that sleeps notices when it wakes next, as it would
        have: a loop by its next deadline, turns and jobs within a second."""
        with open(self.clock, "w", encoding="ascii") as pipe:
            pipe.write(f"{int(seconds * 1000)}\n")

    def restart(self):
        """Starts again on the same data after `stop` or `kill`. The port is another one; clients are made anew."""
        self._forget()
        self.out.clear()
        self.err.clear()
        return self.start()

    def _forget(self):
        for client in self._clients:
            client.close()
        self._clients, self._token = [], None

    def dispose(self, code=0):
        """Stops it with every check, and removes its files."""
        self._forget()
        try:
            self.stop(code)
        finally:
            shutil.rmtree(self.home, ignore_errors=True)

    # ---- addresses and clients ----

    @property
    def url(self):
        return self.addresses[0]

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def client(self, token=None, headers=None, **options):
        """An httpx client for this server; with a token as that user or key."""
        head = {"Authorization": f"Bearer {token}"} if token else {}
        options.setdefault("timeout", 60)
        client = httpx.Client(base_url=self.url, trust_env=False, headers={**head, **(headers or {})}, **options)
        self._clients.append(client)
        return client

    @property
    def api(self):
        """A client without credentials (a new one each time it is asked for: keep it)."""
        return self.client()

    @property
    def admin(self):
        """A client signed in as the super_admin (a new one each time it is asked for: keep it)."""
        return self.client(self.token)

    @property
    def token(self):
        """The super_admin's access token."""
        if self._token is None:
            self._token = self.login(ADMIN_EMAIL, ADMIN_PASSWORD)
        return self._token

    def login(self, email, password):
        """The access token of a user."""
        with httpx.Client(base_url=self.url, trust_env=False, timeout=60) as client:
            reply = client.post("/api/v1/auth/login", json={"email": email, "password": password})
        assert reply.status_code == 200, f"login: {reply.status_code} {reply.text}"
        return reply.json()["token"]

    def register(self, username=None, password="pebble-and-reed-58", **fields):
        """A new user with a brand of its own; the reply's body with token, accessToken, user, …"""
        name = username or f"user{next(_numbers)}x{os.getpid()}"
        body = {"username": name, "email": f"{name}@fern.example", "password": password, **fields}
        with httpx.Client(base_url=self.url, trust_env=False, timeout=60) as client:
            reply = client.post("/api/v1/auth/register", json=body)
        assert reply.status_code == 201, f"register: {reply.status_code} {reply.text}"
        return reply.json()

    def brand(self, name=None, description="A shop that only tests visit", products=(), config=None, brand_id=None):
        """Makes a brand as super_admin (with products and configuration, if given); its id."""
        name = name or f"Fern {next(_numbers)} {os.getpid()}"
        body = {"name": name, "description": description, **({"brand_id": brand_id} if brand_id else {})}
        with self.client(self.token) as client:
            reply = client.post("/brands", json=body)
            assert reply.status_code == 200, f"brand: {reply.status_code} {reply.text}"
            made = reply.json()["id"]
            if config:
                reply = client.put(f"/brands/{made}/config", json=config)
                assert reply.status_code == 200, f"config: {reply.status_code} {reply.text}"
            if products:
                reply = client.post(f"/brands/{made}/products/bulk", json=list(products))
                assert reply.status_code == 200 and reply.json()["success_count"] == len(products), reply.text
        return made

    def socket(self, brand="techpro", path="/ws/chat/{}", token=None, headers=None, **options):
        """A ChatSocket on a brand; `path` with {} for the brand, options as for ChatSocket."""
        head = {"Authorization": f"Bearer {token}"} if token else {}
        url = "ws" + self.url[4:] + path.format(brand)
        return ChatSocket(url, headers={**head, **(headers or {})}, **options)

    def raw(self, timeout=10):
        """A bare TCP connection to the server."""
        return RawSocket("127.0.0.1", self.port, timeout)

    def history(self, brand, conversation_id):
        """The messages of a conversation as 001 9.2 shows them."""
        with httpx.Client(base_url=self.url, trust_env=False, timeout=60) as client:
            reply = client.get(f"/chat/{brand}/history/{conversation_id}")
        assert reply.status_code == 200, reply.text
        return reply.json()["messages"]


def _providers(llm):
    if llm is None:
        return {}
    if not isinstance(llm, dict):
        fakes = [llm] if isinstance(llm, FakeLlm) else list(llm)
        llm = {chr(97 + i): {"baseUrl": fake.url, "order": i + 1} for i, fake in enumerate(fakes)}
    flags = {}
    for name, fields in llm.items():
        for field, value in {"apiKey": f"sk-test-{name}-0000", **fields}.items():
            flags[f"llm.providers.{name}.{field}"] = value.url if isinstance(value, FakeLlm) else value
    return flags
