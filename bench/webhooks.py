#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A million events queued for webhooks: memory of the server, deliveries a second, how long their list takes.

Takes some minutes, so bench/run leaves it out unless it is named: bench/run webhooks.py [events in PARLEY_BENCH_EVENTS]
The queue is written as rows, as the server would have written them, because a million turns would take longer than all
that is measured here. The receivers are one small process that answers 200 and nothing else.
"""

import asyncio
import json
import multiprocessing
import os
import sqlite3
import statistics
import time
import uuid

import lib

EVENTS = int(os.environ.get("PARLEY_BENCH_EVENTS", "1000000"))
OTHERS, EACH, SECONDS, BATCH = 15, 20000, 20, 50000


class Receiver(asyncio.Protocol):
    """One request a connection, as the server makes them."""

    got = 0

    def connection_made(self, transport):
        self.transport, self.bytes = transport, b""

    def data_received(self, data):
        self.bytes += data
        head, end, body = self.bytes.partition(b"\r\n\r\n")
        size = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
        if end and len(body) >= size:
            Receiver.got += 1
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            self.transport.close()


def receive(pipe):
    async def main():
        server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", 0, backlog=512)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()
    asyncio.run(main())


def ids(start_ms, count):
    """UUIDs of version 7 in their order, 100 a millisecond."""
    for i in range(count):
        ms = start_ms + i // 100
        yield f"{ms >> 16:08x}-{ms & 0xffff:04x}-7{i % 4096:03x}-8000-{i:012x}"


def queue(database, brand, hook, count, salt):
    """Rows of `count` events and their deliveries, all due now."""
    now = int(time.time() * 1000)
    data = json.dumps({"chatbotId": None, "name": "Fern bot", "status": "testing", "createdBy": salt, "createdAt": now})
    made = ids(now - count // 100 - 1000, count)
    for _ in range(0, count, BATCH):
        some = [f"{one[:-12]}{salt[:4]}{one[-8:]}" for one, _ in zip(made, range(BATCH))]
        database.execute("BEGIN IMMEDIATE")
        database.executemany(
            "INSERT INTO events (brand_id, id, name, data, created_at) VALUES (?, ?, 'chatbot.created', ?, ?)",
            ((brand, one, data, now) for one in some))
        database.executemany(
            "INSERT INTO deliveries (brand_id, id, webhook_id, event_brand_id, event_id, event, status, next_at,"
            " created_at) VALUES (?, ?, ?, ?, ?, 'chatbot.created', 'pending', ?, ?)",
            ((brand, one, hook, brand, one, now, now) for one in some))
        database.execute("COMMIT")
    database.execute("BEGIN IMMEDIATE")
    database.execute("INSERT INTO delivery_counts (brand_id, webhook_id, event, status, n) VALUES (?, ?,"
                     " 'chatbot.created', 'pending', ?)", (brand, hook, count))
    database.execute("UPDATE webhooks SET total = ? WHERE brand_id = ? AND id = ?", (count, brand, hook))
    database.execute("COMMIT")


def release(database, brand, hooks):
    """Lets the server know that they are due."""
    database.executemany("UPDATE webhooks SET due_at = ? WHERE brand_id = ? AND id = ?",
                         [(int(time.time() * 1000), brand, hook) for hook in hooks])


def deliver(database, server):
    """(deliveries a second, most resident KiB) over some seconds."""
    def delivered():
        sql = "SELECT COALESCE(SUM(n), 0) FROM delivery_counts WHERE status = 'delivered'"
        return database.execute(sql).fetchone()[0]

    begin, at, most = delivered(), time.monotonic(), 0
    while time.monotonic() - at < SECONDS:
        most = max(most, server.resident_kib())
        time.sleep(0.2)
    return (delivered() - begin) / (time.monotonic() - at), most


def listed(client, hook, **query):
    """Median milliseconds of a page of 100."""
    taken = []
    for _ in range(5):
        begin = time.perf_counter()
        client.get(f"/api/v1/webhooks/{hook}/deliveries", params=query).raise_for_status()
        taken.append((time.perf_counter() - begin) * 1000)
    return statistics.median(taken)


def main():
    ours, theirs = multiprocessing.Pipe()
    receiver = multiprocessing.Process(target=receive, args=(theirs,), daemon=True)
    receiver.start()
    port = ours.recv()
    with lib.ours(None, **{"outbound.allow": f"127.0.0.1:{port}"}) as server, server.client(server.token) as client:
        brand = server.brand()
        body = {"url": f"http://127.0.0.1:{port}/hook", "events": ["chatbot.created"], "ordering": "none"}
        hooks = []
        for _ in range(1 + OTHERS):
            reply = client.post("/api/v1/webhooks", json=body, headers={"X-Brand-Id": brand})
            reply.raise_for_status()
            hooks.append(reply.json()["data"]["id"])
        idle = server.resident_kib()
        database = sqlite3.connect(server.data / "parley.db", timeout=60, isolation_level=None)
        database.execute("PRAGMA synchronous=OFF")
        begin = time.monotonic()
        queue(database, brand, hooks[0], EVENTS, uuid.uuid4().hex)
        lib.note(f"{EVENTS} events queued as rows in {time.monotonic() - begin:.0f} s, load {os.getloadavg()[0]:.1f}")
        queued = server.resident_kib()
        first, failed = listed(client, hooks[0]), listed(client, hooks[0], status="failed")
        deep = listed(client, hooks[0], page=EVENTS // 200)
        release(database, brand, hooks[:1])
        one, most_one = deliver(database, server)
        for hook in hooks[1:]:
            queue(database, brand, hook, EACH, uuid.uuid4().hex)
        release(database, brand, hooks[1:])
        many, most_many = deliver(database, server)
        lib.note(f"load {os.getloadavg()[0]:.1f}")
        database.close()
        lib.row(f"resident memory, no webhook event / {EVENTS} queued", "MiB", queued / 1024, None,
                f"{idle / 1024:.1f} MiB before")
        lib.row("resident memory at most, delivering out of that queue", "MiB", max(most_one, most_many) / 1024)
        lib.row("deliveries/s, one webhook (4 connections)", "1/s", one, better="higher")
        lib.row(f"deliveries/s, {1 + OTHERS} webhooks (64 connections)", "1/s", many, better="higher")
        lib.row(f"list of 100 deliveries of {EVENTS}", "ms", first)
        lib.row("the same, those that failed (none)", "ms", failed)
        lib.row("the same, page in the middle", "ms", deep)
    receiver.kill()


main()
