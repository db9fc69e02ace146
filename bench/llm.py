#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The client of model servers beside LiteLLM's proxy: the same model double, the same load, one run.

Each is asked for streams over HTTP with a token and passes on what the double writes, word by word. Added times are
over the double asked directly, in the same minute. Parley also stores question and answer durably and searches before
it asks; the proxy has no store. PARLEY_BENCH_PEER=0 leaves the proxy out; PARLEY_BENCH_STREAMS is the largest number
of streams.
"""

import json
import os
import pathlib
import secrets
import subprocess
import sys
import tempfile
import time
import venv

import httpx

import lib

LOAD = lib.WORK / "streams"
PROXY_VENV = lib.WORK / "litellm-venv"
PROXY_PACKAGE = "litellm[proxy]"
MANY = int(os.environ.get("PARLEY_BENCH_STREAMS", "1000"))
ROUNDS = ((1, 100), (64, 640), (MANY, MANY))  # at once, in all
CANCELS = 1000
WORDS, FIRST_MS, DELAY_MS = 40, 200, 50
KNOBS = {"answer": f"count:{WORDS}", "prefill": "continue"}
CHAT = "/v1/chat/completions"
QUESTION = "How long does the battery last?"


class Target:
    """Something that answers streams: where, as whom, and which processes it is."""

    def __init__(self, name, port, path, body, bearer=None, pid=None):
        self.name, self.port, self.path, self.body, self.bearer, self.pid = name, port, path, body, bearer, pid

    def load(self, **options):
        command = [LOAD, "--port", self.port, "--path", self.path, "--body", json.dumps(self.body), "--words", WORDS]
        command += ["--bearer", self.bearer] if self.bearer else []
        for name, value in options.items():
            command += ["--" + name.replace("_", "-"), value]
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=600, check=True)
        found = json.loads(done.stdout)
        if found["failed"]:
            lib.note(f"{self.name}: {found['failed']} of {found['failed'] + found['whole']} streams were not whole "
                     f"({found['codes']})")
        return found

    def _pids(self):
        pids, more = [], [self.pid]
        while more:
            pids.append(more.pop())
            for task in pathlib.Path(f"/proc/{pids[-1]}/task").glob("*/children"):
                more += [int(pid) for pid in task.read_text(encoding="ascii").split()]
        return pids

    def cpu_ms(self):
        total = 0
        for pid in self._pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(") ", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total * 1000 / os.sysconf("SC_CLK_TCK")

    def resident_kib(self):
        total = 0
        for pid in self._pids():
            status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
            total += sum(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
        return total


# ---- who is measured ------------------------------------------------------------------------------------------------


def direct(fake):
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": QUESTION}]}
    return Target("the double", fake.port, CHAT, body)


class Ours:
    def __init__(self, *fakes):
        rows = {name: {"baseUrl": fake.url, "maxConcurrent": 10000, "retries": 0} for name, fake in zip("ab", fakes)}
        self.server = lib.Server(lib.WIDE, llm=rows).start()
        with self.server.client(self.server.token) as client:
            bots = client.get("/api/v1/chatbots", headers={"X-Brand-Id": "techpro"}).json()["data"]
        path = f"/api/v1/chatbots/{bots[0]['id']}/conversation"
        self.target = Target("Parley", self.server.port, path, {"message": QUESTION, "stream": True}, self.server.token,
                             self.server.pid)

    def stop(self):
        self.server.dispose(None)


class Proxy:
    """LiteLLM's proxy with one worker process, without a database."""

    def __init__(self, *fakes):
        self.place = tempfile.TemporaryDirectory(prefix="parley-litellm-")
        key = "sk-" + secrets.token_hex(32)
        names = ["m", "spare"][:len(fakes)]
        config = {
            "model_list": [{
                "model_name": name,
                "litellm_params": {"model": "openai/m", "api_base": fake.url, "api_key": "sk-none", "max_retries": 0}
            } for name, fake in zip(names, fakes)],
            "litellm_settings": {"num_retries": 0, "telemetry": False},
            "router_settings": {"fallbacks": [{"m": ["spare"]}] if len(fakes) > 1 else [], "num_retries": 0},
            "general_settings": {"master_key": key},
        }
        file = pathlib.Path(self.place.name) / "config.yaml"
        file.write_text(json.dumps(config), encoding="utf-8")
        port = lib.free_port()
        env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        env.update(LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_LOG="ERROR", PATH=f"{PROXY_VENV}/bin:" + env["PATH"])
        self.log = open(pathlib.Path(self.place.name) / "log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [PROXY_VENV / "bin/litellm", "--config", file, "--host", "127.0.0.1", "--port", str(port), "--telemetry",
             "False", "--num_workers", "1"], stdout=self.log, stderr=self.log, env=env, cwd=self.place.name)
        self._wait(f"http://127.0.0.1:{port}/health/liveliness")
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": QUESTION}]}
        self.target = Target("LiteLLM", port, CHAT, body, key, self.process.pid)

    def _wait(self, url):
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if httpx.get(url, trust_env=False, timeout=5).status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.5)
        self.stop()
        raise RuntimeError("the proxy did not start")

    def stop(self):
        self.process.kill()
        self.process.wait(30)
        self.log.close()
        self.place.cleanup()


def proxy_ready():
    """Makes the proxy's environment once; False (with the reason) where it cannot be had."""
    if os.environ.get("PARLEY_BENCH_PEER") == "0":
        return False
    if (PROXY_VENV / "bin/litellm").exists():
        return True
    lib.note("setting up LiteLLM's proxy")
    venv.create(PROXY_VENV, with_pip=True, symlinks=True)
    pip = [PROXY_VENV / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check", PROXY_PACKAGE]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=1800)
    if done.returncode != 0:
        lib.note(f"no LiteLLM: {done.stderr.strip()[-300:]}")
    return done.returncode == 0


# ---- what is measured -----------------------------------------------------------------------------------------------


def added(fake, target):
    """Times over the double's own at 1, 64 and MANY streams; CPU a word at the last."""
    found = {}
    for n, turns in ROUNDS:
        slow = n > 1
        fake.set(**KNOBS, firstDelayMs=FIRST_MS if slow else 0, deltaDelayMs=DELAY_MS if slow else 5)
        options = {"streams": turns, "at_once": n, "first": FIRST_MS if slow else 0, "delay": DELAY_MS if slow else 5,
                   "ramp": 4 if n == MANY else 0, "patience": 120}
        base = direct(fake).load(**options)
        spent = target.cpu_ms()
        mine = target.load(**options)
        found[n] = {
            "whole": mine["whole"], "of": turns,
            "cpu_us": (target.cpu_ms() - spent) * 1000 / (turns * WORDS),
            **{f"{what}_{p}": mine[f"{what}_ms"][p] - base[f"{what}_ms"][p]
               for what in ("first", "late") for p in ("p50", "p99")},
        }
    return found


def cancels(fake, target):
    """From the moment a reader closes to the double seeing its own connection closed."""
    fake.set(**KNOBS, firstDelayMs=0, deltaDelayMs=200)
    took, lost = [], 0
    for _ in range(CANCELS // 50):
        fake.clear()
        closed = target.load(streams=50, at_once=1, cancel=1, patience=60)["closed_ms"]
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            seen = [entry["clientClosedAt"] for entry in fake.log() if entry["path"].endswith("/chat/completions")]
            if len(seen) == len(closed) and all(seen):
                break
            time.sleep(0.1)
        pairs = list(zip(closed, seen))
        took += [at - asked for asked, at in pairs if at]
        lost += len(closed) - len([at for _, at in pairs if at])
    took.sort()
    if lost:
        lib.note(f"{target.name}: {lost} cancels did not close the double's connection within 15 s")
    if not took:
        return None
    return {"p50": took[len(took) // 2], "p99": took[len(took) * 99 // 100], "n": len(took)}


def memory(fake, target):
    """Resident KiB of each turn that waits for its first word."""
    n = min(MANY, 500)
    fake.set(**KNOBS, firstDelayMs=0, deltaDelayMs=0)
    target.load(streams=n, at_once=64, patience=120)
    fake.set(**KNOBS, firstDelayMs=8000, deltaDelayMs=0)
    before, most = target.resident_kib(), 0
    command = [LOAD, "--port", target.port, "--path", target.path, "--body", json.dumps(target.body), "--bearer",
               target.bearer, "--streams", n, "--at-once", n, "--words", WORDS, "--patience", 60]
    load = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL)
    while load.poll() is None:
        most = max(most, target.resident_kib())
        time.sleep(0.2)
    return (most - before) / n


def failover(a, b, make):
    """Two providers: what the first word costs when the first one refuses, and the longest pause when it breaks off."""
    side = make(a, b)
    try:
        times = {}
        for fake in (a, b):
            fake.set(**KNOBS, firstDelayMs=0, deltaDelayMs=5)
        base = direct(b).load(streams=20, delay=5)
        first, cut = [], []
        whole = 0
        for i in range(20):
            a.set(**KNOBS, status=500)
            one = side.target.load(streams=1, patience=20)
            first += [one["first_ms"]["p50"]] if one["whole"] else []
            time.sleep(0.1)
        a.set(**KNOBS, cutAfter=10, cutHow="rst", deltaDelayMs=5)
        for i in range(20):
            one = side.target.load(streams=1, patience=20)
            whole += one["whole"]
            cut += [one["pause_ms"]["p50"]] if one["whole"] else []
        times["first"] = sorted(first)[len(first) // 2] - base["first_ms"]["p50"] if first else None
        times["cut"] = sorted(cut)[len(cut) // 2] if cut else None
        times["whole"] = whole
        return times
    finally:
        side.stop()


def measure(make):
    """All of one side; what fails is left out."""
    found = {}
    with lib.model() as fake, lib.model() as spare:
        side = make(fake)
        try:
            fake.set(**KNOBS)
            side.target.load(streams=200, at_once=8, patience=60)  # warm
            for name, one in (("memory", memory), ("added", added), ("cancels", cancels)):
                lib.note(f"{side.target.name}: {name}")
                try:
                    found[name] = one(fake, side.target)
                except (subprocess.SubprocessError, OSError) as fault:
                    lib.note(f"{side.target.name}: {name}: {fault}")
        finally:
            side.stop()
        found["failover"] = failover(fake, spare, make)
    return found


def main():
    lib.build(LOAD)
    lib.note(f"load of the machine: {os.getloadavg()[0]:.1f}")
    ours = measure(Ours)
    peer = measure(Proxy) if proxy_ready() else {}
    lib.note(f"load of the machine: {os.getloadavg()[0]:.1f}")

    def row(what, unit, pick, target="", better="lower"):
        values = []
        for found in (ours, peer):
            try:
                values.append(pick(found))
            except (KeyError, TypeError):
                values.append(None)
        lib.row(what, unit, *values, target, better)

    for n, turns in ROUNDS:
        streams = f"{n} stream{'s' if n > 1 else ''}"
        row(f"{streams}: whole, of {turns}", "", lambda f, n=n: f["added"][n]["whole"], str(turns), "higher")
        for p in ("p50", "p99"):
            row(f"{streams}: first token later, {p}", "ms", lambda f, n=n, p=p: f["added"][n][f"first_{p}"])
            row(f"{streams}: each token later, {p}", "ms", lambda f, n=n, p=p: f["added"][n][f"late_{p}"])
        row(f"{streams}: CPU a token, beginning and end of the turn included", "µs",
            lambda f, n=n: f["added"][n]["cpu_us"])
    row("a cancel reaches the server, p50", "ms", lambda f: f["cancels"]["p50"], "≤ 50")
    row("a cancel reaches the server, p99", "ms", lambda f: f["cancels"]["p99"])
    row(f"cancels that reached it, of {CANCELS}", "", lambda f: f["cancels"]["n"], "", "higher")
    row("first token later when the first server refuses (500)", "ms", lambda f: f["failover"]["first"])
    row("answers whole when it breaks off after 10 words, of 20", "", lambda f: f["failover"]["whole"], "20", "higher")
    row("the longest pause of these (5 ms is usual)", "ms", lambda f: f["failover"]["cut"])
    row("a waiting turn", "KiB", lambda f: f["memory"])


if __name__ == "__main__":
    sys.exit(main())
