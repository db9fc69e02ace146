#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sockets: memory of idle ones, and a thousand answers streamed at reading pace while other requests go on."""

import os
import resource
import subprocess
import threading
import time

import lib

IDLE = int(os.environ.get("PARLEY_BENCH_SOCKETS", "10000"))
STREAMS, DELTAS, FIRST_MS, RAMP = 1000, 100, 200, 4
SLOW, SLOW_DELTAS, SLOW_MS, SLOW_RAMP = int(os.environ.get("PARLEY_BENCH_SLOW", "5000")), 20, 1000, 10
REST_S = 32  # each socket is pinged every 30 s
SOCKET = "/ws/chat/techpro"


def idle(server, fake):
    """Resident KiB that each idle socket costs, and the share of one core that all of them cost, pings included."""
    if server is None:
        return None
    fake.set(answer="count:3", prefill="ignore")
    lib.load(server, SOCKET, clients=20, turns=20, ws=True)
    before = server.resident_kib()
    command = [lib.LOAD, "--port", str(server.port), "--path", SOCKET, "--clients", str(IDLE), "--ws", "--idle"]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "ready\n", "the sockets could not be opened"
        # A turn after the last handshake: by then the server has taken all of them up.
        lib.load(server, SOCKET, clients=1, turns=1, ws=True)
        found = {"kib": (server.resident_kib() - before) / IDLE}
        spent, began = server.cpu_seconds(), time.monotonic()
        time.sleep(REST_S)
        found["percent"] = (server.cpu_seconds() - spent) * 100 / (time.monotonic() - began)
        assert holder.poll() is None, "an idle socket was closed"
        return found
    finally:
        holder.stdin.close()
        holder.wait(30)


def slow(server, fake):
    """Many streams of one delta a second: what each holds in memory at the most, and the CPU of one core for all."""
    if server is None:
        return None
    fake.set(answer="count:20", prefill="ignore")
    lib.load(server, SOCKET, clients=20, turns=20, ws=True)
    fake.set(answer=f"count:{SLOW_DELTAS}", prefill="ignore", deltaDelayMs=SLOW_MS)
    before, most, done = server.resident_kib(), [0], threading.Event()

    def watch():
        while not done.wait(0.2):
            most[0] = max(most[0], server.resident_kib())

    watcher = threading.Thread(target=watch)
    watcher.start()
    found = lib.load(server, SOCKET, clients=SLOW, turns=SLOW, ws=True, ramp=SLOW_RAMP)
    done.set()
    watcher.join()
    found["kib"] = (most[0] - before) / SLOW
    found["percent"] = found["cpu_ms"] * found["turns"] / found["seconds"] / 10
    return found


def paced(server, fake):
    """1,000 streams that begin within 4 s, 100 deltas 50 ms apart, and what a plain request sees meanwhile."""
    if server is None:
        return None
    fake.set(answer=f"count:{DELTAS}", prefill="ignore", firstDelayMs=FIRST_MS, deltaDelayMs=50)
    other = subprocess.Popen(
        [lib.LOAD, "--port", str(server.port), "--path", "/health", "--get", "--clients", "1", "--seconds", "8"],
        stdout=subprocess.PIPE, text=True)
    found = lib.load(server, SOCKET, clients=STREAMS, turns=STREAMS, ws=True, ramp=RAMP)
    found["other"] = lib.json.loads(other.communicate(timeout=300)[0])
    return found


def main():
    lib.build()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    catalogue = lib.sample_catalogue()
    with lib.model() as fake:

        def both(measure):
            with lib.ours(fake) as server:
                ours = measure(server, fake)
            with lib.peer(fake, catalogue) as server:
                return ours, measure(server, fake)

        def row(found, what, unit, pick, target="", better="lower"):
            lib.row(what, unit, *[pick(one) if one else None for one in found], target, better)

        found = both(idle)
        row(found, f"an idle WebSocket ({IDLE:,} open)", "KiB", lambda f: f["kib"], "≤ 2")
        row(found, f"{IDLE:,} idle WebSockets, of one core", "%", lambda f: f["percent"])

        found = both(slow)
        row(found, f"{SLOW:,} slow streams, whole", "", lambda f: f["turns"], f"{SLOW}", "higher")
        row(found, "a slow stream at the most", "KiB", lambda f: f["kib"], "≤ 10")
        row(found, f"{SLOW:,} slow streams, of one core", "%", lambda f: f["percent"])

        found = both(paced)
        row(found, f"{STREAMS} paced streams, whole", "", lambda f: f["turns"], f"{STREAMS}", "higher")
        row(found, "first token after the model's, p50", "ms", lambda f: f["first_ms"]["p50"] - FIRST_MS, "≤ 2")
        row(found, "first token after the model's, p99", "ms", lambda f: f["first_ms"]["p99"] - FIRST_MS)
        row(found, "server CPU a delta", "µs", lambda f: f["cpu_ms"] * 1000 / DELTAS, "≤ 11")
        row(found, "other requests meanwhile, p99", "ms", lambda f: f["other"]["whole_ms"]["p99"], "≤ 5")


main()
