#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does the SQL that runs on SQLite run on PostgreSQL too? Starts the distribution's PostgreSQL in a temporary folder,
runs every migration (an NNNN_name.postgres.sql instead of the common one where there is one) and PREPAREs every
statement.

usage: prepare_pg.py [STATEMENTS]      one JSON object {"name", "sql"} a line; default: what `parley sql` prints
"""

import importlib.machinery
import importlib.util
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_SECONDS = 30
# What store_open makes before the first migration (src/store/migrate.c).
FIRST = "CREATE TABLE schema_migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)"


class Missing(Exception):
    """What the check needs is not on this machine."""


def server_programs():
    """The folder of the newest PostgreSQL."""
    versions = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: float(p.parts[-3]))
    if versions:
        return versions[-1].parent
    found = shutil.which("postgres")
    if not found:
        raise Missing("no PostgreSQL server is installed")
    return pathlib.Path(found).resolve().parent


def migrations():
    """Paths of PostgreSQL's migrations in order, as tools/embed-sql picks them."""
    loader = importlib.machinery.SourceFileLoader("embed_sql", str(ROOT / "tools" / "embed-sql"))
    loader_cache, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("embed_sql", loader))
    loader.exec_module(module)
    sys.dont_write_bytecode = loader_cache
    return [files.get("postgres") or files[None] for _, files in module.collect(ROOT / "migrations").values()]


class Postgres:
    """with Postgres() as server: server.psql(SCRIPT). Only a Unix socket in its own folder listens."""

    def __enter__(self):
        self.bin = server_programs()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="parley-pg-"))
        self.child, self.user = None, []
        try:
            if os.geteuid() == 0:  # the server refuses to run as root
                account = pwd.getpwnam("postgres")
                os.chown(self.folder, account.pw_uid, account.pw_gid)
                self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _call(self, *arguments, **options):
        return subprocess.run([*self.user, *map(str, arguments)], cwd=self.folder, capture_output=True, text=True,
                              timeout=120, **options)

    def _start(self):
        data = self.folder / "data"
        made = self._call(self.bin / "initdb", "-D", data, "-U", "parley", "-A", "trust", "-E", "UTF8", "--locale=C",
                          "--no-sync")
        if made.returncode != 0:
            raise RuntimeError(f"initdb: {made.stderr}")
        with open(self.folder / "log", "wb") as log:
            self.child = subprocess.Popen(
                [*self.user, self.bin / "postgres", "-D", data, "-k", self.folder, "-c", "listen_addresses=",
                 "-c", "fsync=off"], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + START_SECONDS
        while self._call(self.bin / "pg_isready", "-h", self.folder).returncode != 0:
            if self.child.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"postgres: {(self.folder / 'log').read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def psql(self, script, *options):
        """Runs a psql script; a CompletedProcess with text output."""
        return self._call(self.bin / "psql", "-X", "-q", "-A", "-t", "-h", self.folder, "-U", "parley",
                          "-d", "postgres", *options, input=script)

    def __exit__(self, *_):
        if self.child:
            self.child.send_signal(2)  # fast shutdown
            try:
                self.child.wait(20)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def migrate(server):
    """Faults of the migrations, each as one text; none is good. Stops at the first."""
    for path in [None, *migrations()]:
        script = path.read_text(encoding="utf-8") if path else FIRST + ";"
        done = server.psql(script, "-1", "-v", "ON_ERROR_STOP=1")
        if done.returncode != 0:
            return [f"{path.name if path else 'schema_migrations'}: {done.stderr.strip()}"]
    return []


def prepare(server, statements):
    """Faults of the statements [{"name", "sql"}], each as one text."""
    script = ["\\set VERBOSITY terse"]
    for number, statement in enumerate(statements):
        script += [f"PREPARE s{number} AS {statement['sql'].rstrip().rstrip(';')}\n;",
                   "\\if :ERROR", f"\\echo {number} :SQLSTATE :LAST_ERROR_MESSAGE", "\\endif"]
    done = server.psql("\n".join([*script, "\\echo end"]) + "\n")
    lines = done.stdout.splitlines()
    if not lines or lines.pop() != "end":
        return [f"psql stopped: {done.stderr.strip()[-500:]}"]
    faults = []
    for line in lines:
        number, _, fault = line.partition(" ")
        faults.append(f"{statements[int(number)]['name']}: {fault}")
    return faults


def read_statements(text):
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def binary():
    given = os.environ.get("PARLEY_BIN")
    return pathlib.Path(given) if given else ROOT / os.environ.get("PARLEY_BUILD", "build") / "parley"


def printed_statements(program):
    """What `parley sql` prints."""
    done = subprocess.run([program, "sql"], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"{program} sql: exit {done.returncode}: {done.stderr.strip()}")
    return read_statements(done.stdout)


def main():
    if len(sys.argv) > 2 or sys.argv[1:] in (["-h"], ["--help"]):
        sys.exit(__doc__)
    text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8") if len(sys.argv) == 2 else None
    statements = printed_statements(binary()) if text is None else read_statements(text)
    try:
        with Postgres() as server:
            faults = migrate(server) or prepare(server, statements)
    except Missing as missing:
        sys.exit(f"prepare_pg: {missing}")
    for fault in faults:
        print(fault)
    print(f"prepare_pg: {len(migrations())} migrations, {len(statements)} statements, {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
