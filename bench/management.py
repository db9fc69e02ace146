#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plain endpoints under /api/v1 at 64 clients: one object, a list of 100, a create, beside nginx that serves a file of
the same size in the same run; and what sign-ins do to chats that run beside them."""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading

import lib

CLIENTS, SECONDS, BRAND = 64, 5, "techpro"
CREATE = """
local threads, n = 0, 0
function setup(thread)
  threads = threads + 1
  thread:set("id", threads)
end
function request()
  n = n + 1
  return wrk.format("POST", nil, nil, string.format('{"name":"Maker %d-%d"}', id, n))
end
"""
UNITS = {"us": 0.001, "ms": 1, "s": 1000}


def wrk(url, token=None, script=None):
    """Requests a second and the 99th percentile in ms; fails when a reply was no success."""
    command = ["wrk", "-t2", f"-c{CLIENTS}", f"-d{SECONDS}s", "--latency", "-H", "Content-Type: application/json"]
    if token:
        command += ["-H", f"Authorization: Bearer {token}", "-H", f"X-Brand-Id: {BRAND}"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        if script:
            file.write(script)
            file.flush()
            command += ["-s", file.name]
        said = subprocess.run([*command, url], capture_output=True, text=True, timeout=120, check=True).stdout
    assert "Non-2xx" not in said, said
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", said).groups()
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), float(value) * UNITS[unit]


@contextlib.contextmanager
def nginx(files):
    """nginx that serves these files (name → bytes) from a folder; its address, or None where it is not installed."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if not program:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="parley-nginx-") as place:
        root, port = pathlib.Path(place), lib.free_port()
        for name, data in files.items():
            (root / name).write_bytes(data)
        root.chmod(0o755)
        temporary = "".join(f"{kind}_temp_path {place}/{kind};"
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;" if os.geteuid() == 0 else ""
        (root / "nginx.conf").write_text(
            f"daemon off; {user} pid {place}/pid; error_log {place}/error.log; worker_processes auto;\n"
            f"events {{ worker_connections 1024; }}\nhttp {{ access_log off; {temporary} keepalive_requests 1000000;\n"
            f"default_type application/json; server {{ listen 127.0.0.1:{port}; root {place}; }} }}\n",
            encoding="utf-8")
        process = subprocess.Popen([program, "-c", root / "nginx.conf", "-e", root / "error.log"])
        try:
            subprocess.run(["curl", "-sf", "--retry", "20", "--retry-connrefused", "--retry-delay", "1", "-o",
                            os.devnull, f"http://127.0.0.1:{port}/{next(iter(files))}"], check=True)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def plain():
    with lib.ours(None) as server, server.client(server.token) as client:
        client.headers["X-Brand-Id"] = BRAND
        for i in range(100):
            made = client.post("/api/v1/suppliers", json={"name": f"Supplier {i}"})
            made.raise_for_status()
        one, many = f"/api/v1/suppliers/{made.json()['data']['id']}", "/api/v1/suppliers?limit=100"
        cases = {"one object": (one, None), "a list of 100": (many, None), "a create": ("/api/v1/suppliers", CREATE)}
        files = {"one": client.get(one).content, "many": client.get(many).content, "made": made.content}
        with nginx(files) as static:
            for name, (what, (path, script)) in zip(files, cases.items()):
                rate, p99 = wrk(server.url + path, server.token, script)
                other = wrk(f"{static}/{name}") if static else (None, None)
                lib.row(f"{what}, requests/s (beside it nginx, static)", "1/s", rate, other[0], better="higher")
                lib.row(f"{what}, p99 (beside it nginx, static)", "ms", p99, other[1])


def sign_ins():
    """p99 of chats alone, and with eight clients that sign in without pause."""
    done = threading.Event()

    def sign_in(server):
        with server.client() as client:
            while not done.is_set():
                client.post("/api/v1/auth/login", json={"username": lib.ADMIN_EMAIL, "password": lib.ADMIN_PASSWORD})

    with lib.model() as fake, lib.ours(fake) as server:
        lib.load(server, "/chat/techpro", clients=8, seconds=2)
        alone = lib.load(server, "/chat/techpro", clients=8, seconds=6)["whole_ms"]["p99"]
        threads = [threading.Thread(target=sign_in, args=(server,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        beside = lib.load(server, "/chat/techpro", clients=8, seconds=6)["whole_ms"]["p99"]
        done.set()
        for thread in threads:
            thread.join()
    lib.row("p99 of a chat, 8 clients", "ms", alone)
    lib.row("the same while 8 clients sign in without pause", "ms", beside)


def main():
    lib.build()
    if not shutil.which("wrk"):
        raise SystemExit("wrk is not installed")
    plain()
    sign_ins()


main()
