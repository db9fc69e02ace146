#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Documents until their last vector by the built-in embedder: 1,000 passages of about 170 tokens, uploaded to the brand
that is asked five questions a second meanwhile; what such chats take then, and before, when nobody uploads.

Takes some minutes, so bench/run leaves it out unless it is named: bench/run ingest.py
PARLEY_BENCH_PASSAGES is another number of passages.
"""

import os
import pathlib
import random
import threading
import time

import lib

MODEL = pathlib.Path(__file__).resolve().parent.parent / "build/share/e5-small-q4.bin"
DOCUMENTS = "/api/v1/documents"
BRAND = "techpro"
COUNT = int(os.environ.get("PARLEY_BENCH_PASSAGES", "1000"))
PASSAGES = 10  # of a document
RATE = 5.0  # chats a second
QUIET = 30.0
WORDS = ("the parcel lamp kettle oak steel arrives after every order has been paid workshop warranty of two years for "
         "a and with without our your customers return within thirty days invoice card colour may differ from picture "
         "island shipping fee twelve euros unless stock is out repair spare part battery charger cable ladder tent "
         "water proof tested by people who walk far in winter prices fall when summer begins again store keeps cool "
         "dry place before first use clean soft cloth never open housing yourself service will answer soon").split()


class Chats(lib.Beside):
    """Asks at a fixed rate, whatever the answers take; each question is another one, so that each needs its vector."""

    def __init__(self, server):
        super().__init__()
        self.client, self.took, self.failed = server.client(), [], 0
        self.lock, self.open = threading.Lock(), []

    def ask(self, number, due):
        reply = self.client.post(f"/chat/{BRAND}", json={"message": f"Which laptop is good for video number {number}?"})
        with self.lock:
            self.took.append((time.monotonic() - due) * 1000)
            self.failed += reply.status_code != 200

    def run(self):
        began, number = time.monotonic(), 0
        while not self.ending.wait(max(0.0, began + number / RATE - time.monotonic())):
            due = began + number / RATE
            self.open.append(threading.Thread(target=self.ask, args=(f"{id(self)} {number}", due), daemon=True))
            self.open[-1].start()
            number += 1

    def __exit__(self, *_):
        super().__exit__()
        for one in self.open:
            one.join()
        self.took.sort()

    def at(self, share):
        return self.took[min(len(self.took) - 1, int(len(self.took) * share))]


def invent(draw):
    """A text of PASSAGES sections, each about as long as one passage is aimed at."""
    sections = []
    for section in range(PASSAGES):
        sentences = []
        while sum(map(len, sentences)) < 740:
            sentences.append(" ".join(draw.choices(WORDS, k=draw.randrange(8, 18))).capitalize() + ".")
        sections.append(f"## Part {section + 1}\n\n{' '.join(sentences)}\n")
    return "\n".join(sections).encode()


def ingest(admin):
    """Seconds until the last document was taken, and until all have their vectors; how many passages they became."""
    draw, ids = random.Random(7), []
    began = time.monotonic()
    for n in range(COUNT // PASSAGES):
        reply = admin.post(DOCUMENTS, params={"brandId": BRAND}, data={"documentType": "general"},
                           files={"file": (f"note {n}.md", invent(draw))})
        assert reply.status_code == 201, reply.text
        ids.append(reply.json()["data"]["id"])
    taken, passages = time.monotonic() - began, 0
    for one in ids:
        while not embedded(row := admin.get(f"{DOCUMENTS}/{one}").json()["data"]):
            assert row["processingStatus"] != "failed", row
            time.sleep(0.2)
        passages += row["chunkCount"]
    return taken, time.monotonic() - began, passages


def embedded(row):
    return row["processingStatus"] == "completed" and row["embeddedChunkCount"] == row["chunkCount"]


def all_embedded(admin):
    """Health says so, up to half a minute after it is so: it remembers what it counted."""
    return admin.get("/api/v1/health/status").json()["data"]["checks"]["index"]["pending"] == 0


def main():
    if not MODEL.exists():
        return
    with lib.model() as fake, lib.ours(fake, **{"embedding.builtin": MODEL}) as server:
        admin = server.client(server.token)
        while not all_embedded(admin):
            time.sleep(0.2)
        with Chats(server) as quiet:
            time.sleep(QUIET)
        cpu = server.cpu_seconds()
        with Chats(server) as busy:
            taken, took, passages = ingest(admin)
        cpu = server.cpu_seconds() - cpu
        while not all_embedded(admin):
            time.sleep(0.2)
    what = f"{passages} passages of about 170 tokens"
    lib.row(f"{what}: time until all are uploaded", "s", taken)
    lib.row(f"{what}: time until all have vectors", "s", took, target="minutes")
    lib.row(f"{what}: passages a second", "", passages / took, better="higher")
    lib.row(f"{what}: CPU of the server, {len(busy.took)} chats included", "s", cpu)
    for name, share in (("p50", 0.5), ("p99", 0.99), ("longest", 1)):
        lib.row(f"chats meanwhile, five a second: {name}", "ms", busy.at(share), quiet.at(share),
                "the other column: without")
    failed = busy.failed + quiet.failed
    lib.row(f"chats refused or failed, of {len(busy.took) + len(quiet.took)}", "", failed, target="0")


main()
