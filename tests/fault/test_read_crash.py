# SPDX-License-Identifier: Apache-2.0
"""A file that kills its reader (001-brands 12, 000-management 5.3): tried three times, then failed, and nobody else
notices."""
import contextlib
import os
import pathlib
import shutil
import sqlite3
import time

from harness import Server, find_binary

PATH = "/api/v1/documents"
CRASHES = """#!/bin/sh
echo tried >> "$(dirname "$0")/tries"
kill -SEGV $$
"""


class Mortal(Server):
    """A server with a reader of its own beside it."""

    def __init__(self, folder, **options):
        super().__init__(**options)
        self.reader, self.tries = folder / "parley-read", folder / "tries"
        shutil.copy(self.arguments[0], folder / "parley")
        self.arguments[0] = str(folder / "parley")
        self.reader.write_text(CRASHES)
        self.reader.chmod(0o755)

    def hurry(self):
        """The next try needs no waiting."""
        with contextlib.closing(sqlite3.connect(self.data / "parley.db", timeout=20)) as database, database:
            database.execute("UPDATE jobs SET run_at = 0 WHERE state = 'waiting'")

    def mend(self):
        self.reader.unlink()
        self.reader.symlink_to(find_binary("parley-read", "PARLEY_READ"))

    def upload(self, client, name):
        reply = client.post(PATH, params={"brandId": "techpro"}, data={"documentType": "general"},
                            files={"file": (name, f"The text of {name}.".encode())})
        assert reply.status_code == 201, reply.text
        return reply.json()["data"]["id"]

    def settled(self, client, id):
        deadline = time.monotonic() + 60
        while (row := client.get(f"{PATH}/{id}").json()["data"])["processingStatus"] not in ("completed", "failed"):
            assert time.monotonic() < deadline, row
            self.hurry()
            time.sleep(0.05)
        return row


def test_three_crashes(tmp_path):
    """The error is `internal`; an upload of products that kills its reader is refused; the next file is read."""
    server = Mortal(tmp_path).start()
    try:
        client = server.client(server.token)
        row = server.settled(client, server.upload(client, "a.txt"))
        assert row["processingStatus"] == "failed" and row["processingError"].startswith("internal: "), row
        assert server.tries.read_text().split() == ["tried"] * 3
        reply = client.post("/brands/techpro/upload/products", files={"file": ("a.csv", b"name,price\nA,1\n")})
        assert reply.status_code in (400, 503), reply.text
        assert client.get("/health").status_code == 200
        server.mend()
        assert server.settled(client, server.upload(client, "b.txt"))["processingStatus"] == "completed"
        assert client.post(f"{PATH}/{row['id']}/reprocess").status_code == 202
        assert server.settled(client, row["id"])["processingStatus"] == "completed"
    finally:
        server.dispose()


def test_no_child_is_left(tmp_path):
    """Readers that die leave neither zombies nor temporary files."""
    server = Mortal(tmp_path).start()
    try:
        client = server.client(server.token)
        for n in range(3):
            server.settled(client, server.upload(client, f"{n}.txt"))
        children = pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        assert children == [] and os.listdir(server.data / "tmp") == []
    finally:
        server.dispose()
