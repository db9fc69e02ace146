#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the program costs before it does anything: time to start, idle memory, size of the file."""

import shutil
import statistics
import subprocess
import tempfile
import pathlib
import time

import lib

STARTS = 5


def started(make):
    """(median ms until it listens, resident KiB then) of several starts."""
    times, sizes = [], []
    for _ in range(STARTS):
        program = make()
        if program is None:
            return None, None
        began = time.perf_counter()
        program.start()
        times.append((time.perf_counter() - began) * 1000)
        sizes.append(program.resident_kib())
        program.kill()
        if isinstance(program, lib.Peer):
            program.place.cleanup()
        else:
            program.dispose(None)
    return statistics.median(times), statistics.median(sizes)


def stripped_size(path):
    with tempfile.TemporaryDirectory() as place:
        copy = pathlib.Path(place) / "program"
        shutil.copy(path, copy)
        subprocess.run(["strip", copy], check=True)
        return copy.stat().st_size


def main():
    catalogue = lib.sample_catalogue()
    ready = lib.peer_ready()
    ours_ms, ours_kib = started(lambda: lib.Server(lib.WIDE))
    peer_ms, peer_kib = started(lambda: lib.Peer(None, catalogue) if ready else None)
    lib.row("start with an empty store until it listens", "ms", ours_ms, peer_ms, "< 50")
    lib.row("resident memory, idle", "MiB", ours_kib / 1024, peer_kib / 1024 if peer_kib else None, "< 20")
    lib.row("program, stripped", "MiB", stripped_size(lib.Server(lib.WIDE).arguments[0]) / 2**20, None, "< 10")


main()
