# SPDX-License-Identifier: Apache-2.0
"""What the drivers share: our server and the peer behind one face, the load program, and rows of the result.

A driver is a program that prints one JSON object a line: {"what","unit","ours","peer","target"}. Lower is better unless
`better` is "higher". Both servers are measured in the same run on the same machine with the same model double, so that
the ratio means something even where the machine does not.
"""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from harness import ADMIN_EMAIL, ADMIN_PASSWORD, FakeLlm, Program, Server  # noqa: E402, F401

WORK = ROOT / "build" / "bench"
LOAD = WORK / "load"
PEER_VENV = WORK / "peer-venv"
WIDE = {
    "ws.max_connections_per_address": 100000, "ws.max_connections_per_brand": 100000, "log.level": "warn",
}


class Beside(threading.Thread):
    """Runs while its block does, until `ending` is set."""

    def __init__(self):
        super().__init__(daemon=True)
        self.ending = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.join()


def row(what, unit, ours, peer=None, target="", better="lower"):
    """Prints one result."""
    print(json.dumps({
        "what": what, "unit": unit, "ours": ours, "peer": peer, "target": target, "better": better}), flush=True)


def note(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def build(program=LOAD):
    """Compiles a load program when its sources are newer."""
    WORK.mkdir(parents=True, exist_ok=True)
    source = ROOT / "bench" / f"{program.name}.c"
    newest = max(file.stat().st_mtime for file in (source, source.with_name("load.h")))
    if not program.exists() or program.stat().st_mtime < newest:
        subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-std=gnu17", "-o", program, source], check=True)


def load(server, path, **options):
    """Runs the load against a server and gives what it measured, with the CPU time that the server used for it."""
    command = [str(LOAD), "--port", str(server.port), "--path", path]
    for name, value in options.items():
        command += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    before = server.cpu_seconds()
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"load: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    found["cpu_ms"] = (server.cpu_seconds() - before) * 1000 / max(1, found["turns"])
    if found["failed"] or found["unanswered"]:
        note(f"{path}: {found['failed']} failed, {found['unanswered']} unanswered of {found['turns']}")
    return found


@contextlib.contextmanager
def model(**knobs):
    """The model double; 20 deltas without delay unless told otherwise."""
    fake = FakeLlm().start()
    try:
        fake.set(**{"answer": "count:20", "prefill": "ignore", **knobs})
        yield fake
    finally:
        fake.stop()


@contextlib.contextmanager
def ours(fake, **settings):
    """Our server with the sample brand and no rate limits."""
    providers = {"a": {"baseUrl": fake.url, "maxConcurrent": 10000}} if fake else None
    server = Server({**WIDE, **settings}, llm=providers).start()
    try:
        yield server
    finally:
        server.dispose(None)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Peer(Program):
    """bench/peers/server.py in a virtual environment of its own."""

    def __init__(self, fake, catalogue):
        self.place = tempfile.TemporaryDirectory(prefix="parley-peer-")
        products = pathlib.Path(self.place.name) / "catalogue.json"
        products.write_text(json.dumps(catalogue), encoding="utf-8")
        self.port = free_port()
        model_url = fake.url if fake else "http://127.0.0.1:1/v1"
        super().__init__([
            PEER_VENV / "bin/python", ROOT / "bench/peers/server.py", self.port, model_url, products, self.place.name])


def peer_ready():
    """Makes the peer's environment once; False (with the reason) where it cannot be had."""
    if os.environ.get("PARLEY_BENCH_PEER") == "0":
        return False
    stamp = PEER_VENV / "ready"
    if stamp.exists():
        return True
    note("setting up the peer (FastAPI, Chroma, openai)")
    venv.create(PEER_VENV, with_pip=True, symlinks=True)
    wanted = ROOT / "bench" / "peers" / "requirements.txt"
    pip = [PEER_VENV / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", wanted]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=1800)
    if done.returncode != 0:
        note(f"no peer: {done.stderr.strip()[-300:]}")
        return False
    stamp.touch()
    return True


@contextlib.contextmanager
def peer(fake, catalogue):
    """The peer with the same products, or None where it cannot be set up."""
    if not peer_ready():
        yield None
        return
    program = Peer(fake, catalogue).start()
    try:
        yield program
    finally:
        program.kill()
        program.place.cleanup()


def sample_catalogue():
    """The sample brand's products, as our server shows them."""
    with ours(None) as server, server.client() as client:
        return client.get("/brands/techpro/products").json()
