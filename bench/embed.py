#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The built-in embedder beside the reference implementation of its model, one thread each, in one run and by turns:
CPU time of a question of 14 tokens and of a passage of about 260, the least of many rounds. And our share of what the
CPU could do: 64 products of a byte each clock cycle, the clock as a loop of known length measures it."""

import ctypes
import pathlib
import re
import subprocess
import tempfile
import time

import lib

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODEL = ROOT / "build/share/e5-small-q4.bin"
PROGRAM = ROOT / "build/src/embed/embed_bench"
QUESTION = "how many days until the parcel arrives?"
PASSAGE = ("The parcel arrives three days after the order has been paid and we ship to every island in Europe for a "
           "fee of twelve euros unless stock is out. " * 8)
PRODUCTS = 12 * (4 * 384 * 384 + 2 * 384 * 1536)  # of a token with the matrices
CLOCK = """
#include <stdio.h>
#include <time.h>
int main(void){struct timespec a,b;long n=300000000,x=n;clock_gettime(CLOCK_THREAD_CPUTIME_ID,&a);
__asm__ volatile("1: dec %0\\n jnz 1b":"+r"(x));clock_gettime(CLOCK_THREAD_CPUTIME_ID,&b);
printf("%f",n/((b.tv_sec-a.tv_sec)*1e9+(b.tv_nsec-a.tv_nsec)));}
"""


def reference(folder):
    """The reference as a library, or None; compiled for this machine, as its package is."""
    subprocess.run([ROOT / "tools/fetch-model", "--reference", folder], check=True, stdout=subprocess.DEVNULL)
    if not (folder / "e5.c").exists():
        return None
    subprocess.run(["cc", "-O3", "-march=native", "-w", "-fPIC", "-shared", "-o", folder / "reference.so",
                    folder / "e5.c", "-lm"], check=True)
    library = ctypes.CDLL(folder / "reference.so")
    library.e5_load.restype = ctypes.c_void_p
    library.e5_load.argtypes = [ctypes.c_char_p]
    library.e5_embed.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.POINTER(ctypes.c_float)]
    library.model = library.e5_load(str(MODEL).encode())
    return library


def ours(kind, text, rounds):
    done = subprocess.run([PROGRAM, MODEL, "time", kind, str(rounds)], input=text.encode().hex() + "\n",
                          capture_output=True, text=True, check=True)
    return min(float(line) for line in re.findall(r"^[0-9.]+$", done.stdout, re.M))


def theirs(library, kind, text):
    out = (ctypes.c_float * 384)()
    began = time.thread_time()
    library.e5_embed(library.model, text.encode(), int(kind == "query"), out)
    return (time.thread_time() - began) * 1000


def main():
    if not MODEL.exists():
        return
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        library = reference(folder)
        (folder / "clock.c").write_text(CLOCK, encoding="ascii")
        subprocess.run(["cc", "-O2", "-o", folder / "clock", folder / "clock.c"], check=True)
        for what, kind, text, tokens, rounds, target in (
                ("question of 14 tokens", "query", QUESTION, 14, 20, "≤ 5 ms"),
                ("passage of 261 tokens", "passage", PASSAGE, 261, 3, "≤ 60 ms")):
            mine, others, clock = [], [], 0.0
            for _ in range(5):
                mine.append(ours(kind, text, rounds))
                if library:
                    others.append(theirs(library, kind, text))
                clock = max(clock, float(subprocess.run([folder / "clock"], capture_output=True, text=True).stdout))
            best = min(mine)
            lib.row(f"embedding, {what}, one thread", "ms CPU", best, min(others) if others else None, target)
            share = 100 * PRODUCTS * tokens / (best * 1e6 * clock * 64)
            lib.row(f"embedding, {what}, share of the CPU's peak", "%", share, better="higher")


main()
