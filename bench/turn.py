#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A chat turn: rate, server CPU, added latency, memory. The model double sends 20 deltas without delay."""

import json

import lib

PATH, SOCKET = "/chat/techpro", "/ws/chat/techpro"
DIRECT = json.dumps({"model": "fake", "stream": True, "messages": [{"role": "user", "content": "hello"}]})


def measure(server):
    """What one server does; None for a server that is not there."""
    if server is None:
        return None
    lib.load(server, PATH, clients=8, seconds=2)
    found = {n: lib.load(server, PATH, clients=n, seconds=5) for n in (1, 16, 64)}
    found["grown"] = -server.resident_kib()
    found["many"] = lib.load(server, PATH, clients=16, seconds=10)
    found["grown"] += server.resident_kib()
    # A socket may send 600 frames a minute.
    found["socket"] = lib.load(server, SOCKET, clients=1, turns=300, ws=True)
    return found


def main():
    lib.build()
    catalogue = lib.sample_catalogue()
    with lib.model() as fake:
        direct = lib.load(fake, "/v1/chat/completions", clients=1, turns=1000, body=DIRECT)
        with lib.ours(fake) as server:
            with server.client(server.token) as client:
                setting = {"chat_settings": {"messages_per_minute": 600}}
                client.put("/brands/techpro/config", json=setting).raise_for_status()
            ours = measure(server)
        with lib.peer(fake, catalogue) as server:
            peer = measure(server)

    def both(pick):
        return pick(ours), pick(peer) if peer else None

    lib.row("server CPU a turn, 16 clients", "ms", *both(lambda f: f[16]["cpu_ms"]), "≤ 0.25")
    for n in (1, 16, 64):
        rates = both(lambda f, n=n: f[n]["per_second"])
        lib.row(f"turns/s, {n} client{'s' if n > 1 else ''}", "1/s", *rates, "≥ 50 × peer", "higher")
    added = both(lambda f: f[1]["whole_ms"]["p50"] - direct["whole_ms"]["p50"])
    lib.row("added latency, whole reply, 1 client, p50", "ms", *added, "≤ 0.25")
    added = both(lambda f: f["socket"]["first_ms"]["p50"] - direct["first_ms"]["p50"])
    lib.row("added latency, first delta on a socket, p50", "ms", *added, "≤ 0.5")
    lib.row("p99 of a turn, 64 clients", "ms", *both(lambda f: f[64]["whole_ms"]["p99"]))
    grown = both(lambda f: f["grown"] * 1000 / f["many"]["turns"])
    lib.row("resident memory grown a 1,000 turns", "KiB", *grown, "≤ 164")
    lib.note(f"model double alone: {direct['whole_ms']['p50']:.3f} ms a reply")


main()
