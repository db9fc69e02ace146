# SPDX-License-Identifier: Apache-2.0
"""tools/embed-sql: which file serves which engine, and what it refuses."""

import pathlib
import subprocess

import pytest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "embed-sql"


def embed(folder, files):
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    out = folder / "out.c"
    done = subprocess.run([TOOL, folder, out, folder / "out.d"], capture_output=True, text=True, timeout=60)
    return done, out.read_text(encoding="utf-8") if done.returncode == 0 else ""


def compiled(folder, source):
    """What the C compiler makes of the tables: [(symbol, number, name, sql)]."""
    (folder / "store").mkdir()
    (folder / "store" / "migrations.h").write_text(
        "#include <stddef.h>\nstruct migration { int number; const char *name; const char *sql; };\n")
    (folder / "main.c").write_text(source + """
#include <stdio.h>
int main(void)
{
    for (size_t i = 0; i < store_migrations_n; i++)
        printf("s %d %s %s%c", store_migrations[i].number, store_migrations[i].name, store_migrations[i].sql, 0);
    for (size_t i = 0; i < store_migrations_postgres_n; i++)
        printf("p %d %s %s%c", store_migrations_postgres[i].number, store_migrations_postgres[i].name,
               store_migrations_postgres[i].sql, 0);
}
""")
    program = folder / "program"
    subprocess.run(["cc", "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-I", folder, folder / "main.c", "-o", program],
                   check=True, timeout=60)
    output = subprocess.run([program], check=True, capture_output=True, timeout=60).stdout.decode()
    return [tuple(row.split(" ", 3)) for row in output.split("\0")[:-1]]


def test_twins_replace_the_common_file_for_their_engine(tmp_path):
    done, source = embed(tmp_path, {
        "0001_first.sql": "CREATE TABLE a (id TEXT);\n",
        "0002_second.sql": "SELECT 'common';\n", "0002_second.postgres.sql": "SELECT 'postgres';\n",
        "0003_third.sqlite.sql": "SELECT 'sqlite';\n", "0003_third.postgres.sql": "SELECT 'postgres';\n",
    })
    assert done.returncode == 0, done.stderr
    assert compiled(tmp_path, source) == [
        ("s", "1", "first", "CREATE TABLE a (id TEXT);\n"), ("s", "2", "second", "SELECT 'common';\n"),
        ("s", "3", "third", "SELECT 'sqlite';\n"), ("p", "1", "first", "CREATE TABLE a (id TEXT);\n"),
        ("p", "2", "second", "SELECT 'postgres';\n"), ("p", "3", "third", "SELECT 'postgres';\n"),
    ]
    depended = (tmp_path / "out.d").read_text().split(": ", 1)[1].split()
    assert {pathlib.Path(path).name for path in depended} >= {tmp_path.name, "0001_first.sql", "0003_third.sqlite.sql"}


def test_text_arrives_as_it_is(tmp_path):
    text = "SELECT ('back\\slash \"quoted\" ??/ ปลา\t''x''');\n"
    done, source = embed(tmp_path, {"0001_text.sql": text})
    assert done.returncode == 0, done.stderr
    assert compiled(tmp_path, source)[0] == ("s", "1", "text", text)


def test_none_at_all(tmp_path):
    done, source = embed(tmp_path, {})
    assert done.returncode == 0 and compiled(tmp_path, source) == []


@pytest.mark.parametrize("files, complaint", [
    ({"first.sql": "x;"}, "NNNN_name.sql"),
    ({"0001_a.oracle.sql": "x;"}, "NNNN_name.sql"),
    ({"0001_a.sql": "x;", "0001_b.sql": "x;"}, "two migrations"),
    ({"0001_a.sqlite.sql": "x;"}, "nothing for postgres"),
    ({"0001_a.sql": "-- only a comment\n\n"}, "empty"),
    ({"0000_a.sql": "x;"}, "begin at 0001"),
])
def test_refused(tmp_path, files, complaint):
    done, _ = embed(tmp_path, files)
    assert done.returncode == 1 and complaint in done.stderr


def test_what_they_make_together_is_embedded(tmp_path):
    done, source = embed(tmp_path, {
        "0001_first.sql": "CREATE TABLE a (id TEXT);\nCREATE TABLE gone (id TEXT);\n",
        "0002_second.sql": "ALTER TABLE a ADD COLUMN name TEXT;\nDROP TABLE gone;\nCREATE INDEX by_name ON a (name);\n",
    })
    assert done.returncode == 0, done.stderr
    schema = source[source.index("store_schema"):]
    assert "CREATE TABLE a (id TEXT, name TEXT);" in schema and "CREATE INDEX by_name" in schema
    assert "gone" not in schema


def test_what_does_not_run_or_leaves_rows_is_refused(tmp_path):
    done, _ = embed(tmp_path, {"0001_first.sql": "CREATE TABEL a (id TEXT);\n"})
    assert done.returncode != 0 and "0001_first" in done.stderr
    done, _ = embed(tmp_path, {"0001_first.sql": "CREATE TABLE a (id TEXT);\nINSERT INTO a VALUES ('x');\n"})
    assert done.returncode != 0 and "rows into a" in done.stderr
