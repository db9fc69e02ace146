#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Catalogues by upload: 10,000 and 100,000 products as CSV, what it costs in time and memory, what chats notice of it
meanwhile; the same by `parley import` beside the server; and whether memory grows with the size of a file (100 and
200 MiB).

usage: bulk.py [upload|beside|large]...      default: all of them
"""

import contextlib
import pathlib
import subprocess
import sys
import tempfile
import time

import lib
from harness.program import find_binary

HEAD = "id,name,description,category,price,features\n"
TEXT = "A sturdy thing for daily use, light and quiet, made of oak and steel, tested for years by people who walk far. "
SETTINGS = {"uploads.max_bytes": 300 << 20, "uploads.max_rows": 100000, "limits.products_per_brand": 200000,
            "uploads.timeout": 600}
WARM = 3.0


def catalogue(path, rows, length=200):
    with open(path, "w", encoding="utf-8") as file:
        file.write(HEAD)
        for n in range(rows):
            text = (TEXT * (length // len(TEXT) + 1))[:length]
            file.write(f'p{n},Thing {n} of kind {n % 97},"{text}{n}",Category {n % 20},{n % 900 + 1}.50,oak|steel\n')
    return path


class Watch(lib.Beside):
    """The highest resident size (KiB) of the server and of its children while it runs."""

    def __init__(self, pid):
        super().__init__()
        self.pid, self.server, self.child = pid, 0, 0

    @staticmethod
    def resident(pid):
        with contextlib.suppress(OSError, ValueError, IndexError):
            for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])
        return 0

    def run(self):
        while not self.ending.wait(0.02):
            self.server = max(self.server, self.resident(self.pid))
            for task in pathlib.Path(f"/proc/{self.pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    for child in task.read_text(encoding="ascii").split():
                        self.child = max(self.child, self.resident(child))


class Chats(lib.Beside):
    """One client that asks on and on; its 99th percentile and its longest wait in ms, and how often it was refused."""

    def __init__(self, server, brand="techpro"):
        super().__init__()
        self.client, self.brand, self.took, self.refused = server.client(), brand, [], 0

    def run(self):
        while not self.ending.is_set():
            began = time.monotonic()
            reply = self.client.post(f"/chat/{self.brand}", json={"message": "Which laptop is good for video editing?"})
            assert reply.status_code in (200, 503), reply.text
            self.refused += reply.status_code == 503
            self.took.append((time.monotonic() - began) * 1000)

    @property
    def p99(self):
        return sorted(self.took)[int(len(self.took) * 0.99)] if self.took else None


def upload(server, brand, path):
    """Seconds that it took, and the reply."""
    with server.client(server.token, timeout=900) as client, open(path, "rb") as file:
        began = time.monotonic()
        reply = client.post(f"/brands/{brand}/upload/products", files={"file": ("catalogue.csv", file, "text/csv")})
        took = time.monotonic() - began
    assert reply.status_code == 200, reply.text
    return took, reply.json()


def tell_chats(what, chats, quiet):
    """What the chatting client noticed; `quiet` is the client that chatted alone before."""
    lib.row(f"{what}: longest of {len(chats.took)} chats meanwhile", "ms", max(chats.took), max(quiet.took),
            "the other column: without")
    if len(chats.took) >= 20:
        lib.row(f"{what}: p99 of a chat meanwhile", "ms", chats.p99, quiet.p99, "≤ 3 × the other column: without")
    lib.row(f"{what}: chats refused (503)", "", chats.refused, target="0")


def sized(folder, rows, name, target):
    with lib.ours(None, **SETTINGS) as server:
        brand, path = server.brand(), catalogue(folder / "c.csv", rows)
        with Chats(server) as quiet:
            time.sleep(WARM)
        before = server.resident_kib()
        with Watch(server.pid) as watch, Chats(server) as chats:
            took, reply = upload(server, brand, path)
        assert reply["products_added"] == rows, reply
        what = f"{name} products by CSV, {path.stat().st_size >> 20} MiB"
        lib.row(f"{what}: time", "s", took, target=target)
        lib.row(f"{what}: rows a second", "", rows / took, better="higher")
        lib.row(f"{what}: growth of the server at most", "MiB", (watch.server - before) / 1024)
        lib.row(f"{what}: the reading child at most", "MiB", watch.child / 1024)
        tell_chats(what, chats, quiet)
        with Chats(server) as chats:
            took, reply = upload(server, brand, path)
        assert reply["products_updated"] == rows, reply
        lib.row(f"{name} products again, nothing new: time", "s", took)
        tell_chats(f"{name} products again", chats, quiet)


def beside(folder, rows, name):
    with lib.ours(None, **SETTINGS) as server:
        brand, path = server.brand(), catalogue(folder / "c.csv", rows)
        with Chats(server) as quiet:
            time.sleep(WARM)
        words = [find_binary("parley", "PARLEY_BIN"), "import", "--json", "--brand", brand, "--data", server.data, path]
        with Chats(server) as chats:
            began = time.monotonic()
            done = subprocess.run(words, capture_output=True, text=True, timeout=900)
            took = time.monotonic() - began
        assert done.returncode == 0 and f'"added":{rows}' in done.stdout, done.stdout + done.stderr
        what = f"{name} products by parley import beside the server"
        lib.row(f"{what}: time", "s", took)
        lib.row(f"{what}: rows a second", "", rows / took, better="higher")
        tell_chats(what, chats, quiet)


def large(folder, mib):
    """Of a large file 1,000 rows count: what is left is what reading costs."""
    with lib.ours(None, **{**SETTINGS, "uploads.max_rows": 1000}) as server:
        brand, path = server.brand(), catalogue(folder / "c.csv", mib * 256, 4000)
        upload(server, brand, catalogue(folder / "small.csv", 1000, 4000))  # the same rows: index and store are there
        before = server.resident_kib()
        with Watch(server.pid) as watch:
            took, reply = upload(server, brand, path)
        assert reply["rows_total"] >= 1000, reply
        size = path.stat().st_size >> 20
        lib.row(f"CSV of {size} MiB, 1,000 rows taken: time", "s", took)
        grown = (watch.server - before) / 1024
        lib.row(f"CSV of {size} MiB: growth of the server at most", "MiB", grown, target="≤ 16")
        lib.row(f"CSV of {size} MiB: the reading child at most", "MiB", watch.child / 1024, target="flat")


def main():
    parts = sys.argv[1:] or ["upload", "beside", "large"]
    with tempfile.TemporaryDirectory(prefix="parley-bulk-") as place:
        folder = pathlib.Path(place)
        if "upload" in parts:
            sized(folder, 10000, "10,000", "≤ 3")
            sized(folder, 100000, "100,000", "")
        if "beside" in parts:
            beside(folder, 10000, "10,000")
            beside(folder, 100000, "100,000")
        if "large" in parts:
            large(folder, 100)
            large(folder, 200)


if __name__ == "__main__":
    main()
