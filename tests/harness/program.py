# SPDX-License-Identifier: Apache-2.0
"""A program of ours as a child process: started until it says where it listens, stopped so that a fault shows.

Output is read by threads into bounded lists, so that a talkative child never blocks on a full pipe. Every wait has a
deadline. A sanitizer's report on standard error, or an exit code other than the expected one, fails the test.
"""

import collections
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
REPORT = re.compile(r"(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|SUMMARY: \w+Sanitizer|: runtime error: )")
DROPPED = re.compile(
    r"^(PARLEY_|OPENAI_|LLM_|EMBEDDING_|CHROMA_|BRANDS_CONFIG|DATABASE_URL|REDIS_URL|LOG_LEVEL)|_proxy$", re.I)
START_SECONDS = 60.0
STOP_SECONDS = 60.0
KEPT_LINES = 5000


class ProgramFailed(AssertionError):
    """The child ended, or did not start, in a way that it must not."""


def find_binary(name, variable):
    """The path of one of our programs: the environment variable, else where a build has put it.

    The build is PARLEY_BUILD (a folder), else build/.
    """
    given = os.environ.get(variable)
    if given:
        return pathlib.Path(given).absolute()
    build = ROOT / os.environ.get("PARLEY_BUILD", "build")
    for folder in (".", "src/cmd", "src/ingest", "tests", "tests/fake_llm", "src/http"):
        if (build / folder / name).exists():
            return build / folder / name
    return build / name


def child_environment(extra=None):
    """The test's environment without what would change the child's settings (PARLEY_*, keys, proxies)."""
    env = {key: value for key, value in os.environ.items() if not DROPPED.search(key)}
    env.setdefault("ASAN_OPTIONS", "detect_stack_use_after_return=1:strict_string_checks=1:detect_leaks=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    env.setdefault("TSAN_OPTIONS", "second_deadlock_stack=1")
    env.update(extra or {})
    return env


def sanitizer_report(text):
    """The part of an output that a sanitizer wrote, or None."""
    match = REPORT.search(text)
    return text[max(0, match.start() - 200):match.start() + 6000] if match else None


def run(arguments, timeout=60, env=None, cwd=None, stdin=None):
    """Runs a command to its end; a CompletedProcess with text output. Fails on a sanitizer's report."""
    done = subprocess.run(
        [str(a) for a in arguments], capture_output=True, timeout=timeout, env=child_environment(env), cwd=cwd,
        input=stdin, encoding="utf-8", errors="replace",
    )
    report = sanitizer_report(done.stderr)
    if report:
        raise ProgramFailed(f"{arguments[0]}: {report}")
    return done


class Program:
    """A child that prints one `listening ADDRESS` line once it serves."""

    def __init__(self, arguments, env=None, cwd=None, preexec=None):
        self.arguments = [str(a) for a in arguments]
        self.env, self.cwd, self.preexec = env, cwd, preexec
        self.process, self.ended = None, False  # ended: by kill or stop, not by itself
        self.addresses = []
        self.out, self.err = collections.deque(maxlen=KEPT_LINES), collections.deque(maxlen=KEPT_LINES)
        self._changed = threading.Condition()
        self._readers = []

    def start(self, timeout=START_SECONDS):
        """Starts it and waits for the first listening line."""
        assert self.process is None or self.process.poll() is not None, "already running"
        self.addresses, self.ended = [], False
        self.process = subprocess.Popen(
            self.arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
            env=child_environment(self.env), cwd=self.cwd, preexec_fn=self.preexec, encoding="utf-8", errors="replace",
        )
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout, self.out, True), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stderr, self.err, False), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self.addresses:
                if self.process.poll() is not None and not self._readers[0].is_alive():
                    break
                if time.monotonic() >= deadline:
                    break
                self._changed.wait(0.2)
        if not self.addresses:
            code = self.process.poll()
            self.kill()
            raise ProgramFailed(f"did not start (exit {code}): {' '.join(self.arguments)}\n{self.stderr[-4000:]}")
        return self

    def _read(self, pipe, lines, addresses):
        for line in pipe:
            with self._changed:
                lines.append(line)
                if addresses and line.startswith("listening "):
                    self.addresses.append(line.split(" ", 1)[1].strip())
                self._changed.notify_all()
        pipe.close()
        with self._changed:
            self._changed.notify_all()

    @property
    def stdout(self):
        with self._changed:
            return "".join(self.out)

    @property
    def stderr(self):
        with self._changed:
            return "".join(self.err)

    @property
    def pid(self):
        return self.process.pid

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def wait_stderr(self, text, timeout=10):
        """Waits until standard error holds the text."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not any(text in line for line in self.err):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise ProgramFailed(f"no {text!r} on standard error in {timeout} s:\n{''.join(self.err)[-3000:]}")
                self._changed.wait(left)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9, and waits for its end. Nothing is checked but the sanitizers."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.kill()
        self.ended = True
        self._ended(STOP_SECONDS)

    def stop(self, code=0, timeout=STOP_SECONDS):
        """SIGTERM; it must end by itself in time with this exit code. One that has ended already counts the same."""
        if self.process is None:
            return
        self.ended = True
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self._ended(STOP_SECONDS)
            raise ProgramFailed(f"did not stop within {timeout} s of SIGTERM:\n{self.stderr[-4000:]}") from None
        self._ended(STOP_SECONDS)
        if code is not None and self.process.returncode != code:
            raise ProgramFailed(f"exit {self.process.returncode} instead of {code}:\n{self.stderr[-6000:]}")

    def _ended(self, timeout):
        self.process.wait(timeout)
        for reader in self._readers:
            reader.join(5)
        report = sanitizer_report(self.stderr)
        if report:
            raise ProgramFailed(report)

    def resident_kib(self):
        """Resident size of the child now."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise ProgramFailed("no VmRSS")

    def cpu_seconds(self):
        """User and system time that the child has used."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
