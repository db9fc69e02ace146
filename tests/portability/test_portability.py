# SPDX-License-Identifier: Apache-2.0
"""The same migrations and the same statements on PostgreSQL."""

import importlib.util
import pathlib

import pytest
from harness import find_binary

_spec = importlib.util.spec_from_file_location("prepare_pg", pathlib.Path(__file__).with_name("prepare_pg.py"))
prepare_pg = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(prepare_pg)


@pytest.fixture(scope="module")
def postgres():
    """A fresh PostgreSQL with every migration."""
    try:
        server = prepare_pg.Postgres().__enter__()
    except prepare_pg.Missing as missing:
        pytest.skip(str(missing))
    try:
        assert prepare_pg.migrate(server) == []
        yield server
    finally:
        server.__exit__()


def test_migrations_run(postgres):
    found = postgres.psql("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public';")
    assert int(found.stdout) > 1


def test_a_fault_is_found(postgres):
    statements = [
        {"name": "good", "sql": "SELECT name FROM schema_migrations WHERE number = $1"},
        {"name": "no_table", "sql": "SELECT 1 FROM nothing_of_that_name WHERE id = $1"},
        {"name": "no_type", "sql": "SELECT $1 IS NULL AND $2 IS NULL -- only SQLite guesses"},
        {"name": "sqlite_only", "sql": "INSERT OR REPLACE INTO schema_migrations (number) VALUES ($1)"},
        {"name": "also_good", "sql": "UPDATE schema_migrations SET name = $2 WHERE number = $1;"},
    ]
    faults = prepare_pg.prepare(postgres, statements)
    assert [fault.split(":")[0] for fault in faults] == ["no_table", "no_type", "sqlite_only"]


def test_every_statement_is_understood(postgres):
    program = find_binary("parley", "PARLEY_BIN")
    if not program.exists():
        pytest.skip("parley is not built")
    statements = prepare_pg.printed_statements(program)
    assert len(statements) > 50
    faults = prepare_pg.prepare(postgres, statements)
    assert not faults, "\n".join(faults)
