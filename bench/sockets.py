#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sockets: memory of idle ones, and a thousand answers streamed at reading pace while other requests go on."""

import os
import resource
import subprocess

import lib

IDLE = int(os.environ.get("PARLEY_BENCH_SOCKETS", "2000"))
STREAMS, DELTAS, FIRST_MS, RAMP = 1000, 100, 200, 4
SOCKET = "/ws/chat/techpro"


def idle_kib(server):
    """Resident KiB that each idle socket costs."""
    if server is None:
        return None
    lib.load(server, SOCKET, clients=20, turns=20, ws=True)
    before = server.resident_kib()
    command = [lib.LOAD, "--port", str(server.port), "--path", SOCKET, "--clients", str(IDLE), "--ws", "--idle"]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "ready\n", "the sockets could not be opened"
        # A turn after the last handshake: by then the server has taken all of them up.
        lib.load(server, SOCKET, clients=1, turns=1, ws=True)
        return (server.resident_kib() - before) / IDLE
    finally:
        holder.stdin.close()
        holder.wait(30)


def paced(server):
    """1,000 streams that begin within 4 s, 100 deltas 50 ms apart, and what a plain request sees meanwhile."""
    if server is None:
        return None
    other = subprocess.Popen(
        [lib.LOAD, "--port", str(server.port), "--path", "/health", "--get", "--clients", "1", "--seconds", "8"],
        stdout=subprocess.PIPE, text=True)
    found = lib.load(server, SOCKET, clients=STREAMS, turns=STREAMS, ws=True, ramp=RAMP)
    found["other"] = lib.json.loads(other.communicate(timeout=300)[0])
    return found


def main():
    lib.build_load()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    catalogue = lib.sample_catalogue()
    with lib.model() as fake:
        with lib.ours(fake) as server:
            ours_idle = idle_kib(server)
        with lib.peer(fake, catalogue) as server:
            peer_idle = idle_kib(server)
        lib.row(f"an idle WebSocket ({IDLE} open)", "KiB", ours_idle, peer_idle, "≤ 2")

        fake.set(answer=f"count:{DELTAS}", prefill="ignore", firstDelayMs=FIRST_MS, deltaDelayMs=50)
        with lib.ours(fake) as server:
            ours = paced(server)
        with lib.peer(fake, catalogue) as server:
            peer = paced(server)

    def both(pick):
        return pick(ours), pick(peer) if peer else None

    lib.row(f"{STREAMS} paced streams, whole", "", *both(lambda f: f["turns"]), f"{STREAMS}", "higher")
    for part in ("p50", "p99"):
        late = both(lambda f, part=part: f["first_ms"][part] - FIRST_MS)
        lib.row(f"first token after the model's, {part}", "ms", *late, "≤ 2" if part == "p50" else "")
    lib.row("server CPU a delta", "µs", *both(lambda f: f["cpu_ms"] * 1000 / DELTAS), "≤ 11")
    lib.row("other requests meanwhile, p99", "ms", *both(lambda f: f["other"]["whole_ms"]["p99"]), "≤ 5")


main()
