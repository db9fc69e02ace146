# SPDX-License-Identifier: Apache-2.0
"""`parley backup` and `parley restore` (program.md 1)."""
import random
import stat
import tarfile

import pytest

from api.fixtures import running
from api.helpers import ok, product, talkers
from harness import find_binary, run, sealed as sealed_file
from harness.sealed import END_TEXT, frame

TALK = 10  # messages a conversation


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A backup of a small store with an upload, made while its server runs: (file, site, brand)."""
    file = tmp_path_factory.mktemp("made") / "one.backup"
    with running() as site:
        brand = site.brand([product("kept-1")])
        ok(site.admin.post(f"{brand.path}/upload/products",
                           files={"file": ("list.csv", "name,price\nSpade,12\n", "text/csv")}))
        brand.say("hello", conversation_id="c")
        done = run([find_binary("parley", "PARLEY_BIN"), "backup", file, "--data", site.server.data])
        assert done.returncode == 0, done.stderr
        yield file, site, brand


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def archive(entries, **options):
    return sealed_file.archive("parley-backup", entries, **options)


def sealed(body):
    return sealed_file.sealed("parley-backup", body)


def refuses(parley, file, folder, word):
    """The file is refused with one line, and nothing was written."""
    done = parley("restore", file, "--data", folder)
    assert done.returncode == 1 and word in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert not folder.exists()


def test_round_trip(made, parley, tmp_path):
    """Database, key and files come back byte for byte, for their owner alone; a server starts on them."""
    file, site, brand = made
    back = tmp_path / "deep"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and [p.name for p in file.parent.iterdir()] == [file.name]
    done = parley("restore", file, "--data", back)
    assert done.returncode == 0 and str(back) in done.stdout, done.stderr
    for path in [back, *back.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    mine, theirs = files(back), files(site.server.data)
    kept = [name for name in theirs if name.startswith("files/")]
    assert len(kept) == 1 and set(mine) == {"parley.db", "secret.key", "parley.lock", *kept}
    assert all(mine[name] == theirs[name] for name in ["secret.key", *kept])
    token = site.server.token
    with running(data=back) as other:
        assert [p["id"] for p in ok(other.anon.get(f"{brand.path}/products"))][:1] == ["kept-1"]
        assert other.server.history(brand.id, "c") == site.server.history(brand.id, "c")
        assert other.server.client(token).get("/api/v1/auth/me").status_code == 200  # signed by the same key


def test_7_during_writes(server, parley, tmp_path):
    """program#7: all that was acknowledged before the start is in it, and of each client the rows up to one moment."""
    one = server()
    brand = one.brand(products=[product("p")])
    with talkers(one, brand, 4, lambda n, at: f"c{n}-{at // TALK}") as acknowledged:
        before = {n: list(texts) for n, texts in acknowledged.items()}
        done = parley("backup", tmp_path / "b", "--data", one.data)
    assert done.returncode == 0, done.stderr
    assert parley("restore", tmp_path / "b", "--data", tmp_path / "back").returncode == 0
    other = server(data=tmp_path / "back")
    for n, texts in before.items():
        found = []
        for part in range(len(acknowledged[n]) // TALK + 1):
            found += [m["content"] for m in other.history(brand, f"c{n}-{part}") if m["role"] == "user"]
        assert len(found) >= len(texts) and found == acknowledged[n][:len(found)]


def test_damage(made, parley, tmp_path):
    """A byte changed anywhere, an end missing anywhere, a byte more: refused, and nothing written."""
    whole, bad, chance = made[0].read_bytes(), tmp_path / "bad", random.Random(20)
    places = [0, 5, len(whole) - 1, len(whole) - END_TEXT - 1, len(whole) - END_TEXT + 14,
              *(chance.randrange(len(whole)) for _ in range(25))]
    for at in places:
        bad.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1:])
        refuses(parley, bad, tmp_path / "to", "backup")
    for end in [0, 1, len(whole) - 1, len(whole) - END_TEXT - 8, *(chance.randrange(len(whole)) for _ in range(5))]:
        bad.write_bytes(whole[:end])
        refuses(parley, bad, tmp_path / "to", "whole backup")
    bad.write_bytes(whole + b"\0")
    refuses(parley, bad, tmp_path / "to", "whole backup")


def test_other_files(made, parley, tmp_path):
    """What no server of ours wrote is refused for what it is, though its checksum fits."""
    def link(kind):
        info = tarfile.TarInfo("files/link")
        info.type, info.linkname = kind, "/etc"
        return info

    database = ("parley.db", b"no database")
    file, folder = tmp_path / "x", tmp_path / "to"
    bodies = [
        *(([database, (path, b"out")], "a path that is not ours") for path in (
            "../escaped", "/escaped", "files/../../escaped", "files//x", "files/./x", "files", "other/x", "parley.lock",
            "parley.db-wal", "uploads/../../escaped", "./parley.db", "files/" + "d/" * 600 + "x")),
        *(([database, (link(kind), b"")], "not a file of ours") for kind in (
            tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE)),
        ([database, database], "twice"), ([("secret.key", b"k" * 32)], "no database"), ([], "no database"),
        ([database, ("files/a/b/c", b"1")], "not a whole copy of a store"),
    ]
    for entries, word in bodies:
        file.write_bytes(archive(entries))
        refuses(parley, file, folder, word)
    assert not list(tmp_path.rglob("escaped"))
    for body, word in ((archive([database], manifest=False), "cannot be unpacked"),
                       (archive([database], version=2), "newer"),
                       (sealed(frame(b"words")), "cannot be unpacked"), (sealed(b"words"), "cannot be unpacked"),
                       (b"words " * 90, "whole backup")):
        file.write_bytes(body)
        refuses(parley, file, folder, word)
    done = parley("restore", tmp_path / "absent", "--data", folder)
    assert done.returncode == 1 and "absent" in done.stderr and not folder.exists()


def test_where_it_goes(made, parley, tmp_path):
    """Only into an empty folder, never over another file."""
    file, site, _ = made
    folder = tmp_path / "to"
    folder.mkdir()
    (folder / "note").write_text("mine")
    done = parley("restore", file, "--data", folder)
    assert done.returncode == 1 and "not empty" in done.stderr and files(folder) == {"note": b"mine"}
    done = parley("restore", file, "--data", site.server.data)
    assert done.returncode == 1 and "not empty" in done.stderr
    done = parley("restore", file, "--data", file)
    assert done.returncode == 1 and str(file) in done.stderr
    (folder / "note").unlink()
    damaged = tmp_path / "damaged"
    damaged.write_bytes(archive([("parley.db", b"no database"), ("files/b/uploads/1", b"x"), ("secret.key", b"k")]))
    assert parley("restore", damaged, "--data", folder).returncode == 1 and not list(folder.iterdir())
    assert parley("restore", file, "--data", folder).returncode == 0 and (folder / "parley.db").exists()

    before = file.read_bytes()
    done = parley("backup", file, "--data", site.server.data)
    assert done.returncode == 1 and "is there already" in done.stderr and file.read_bytes() == before
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert parley("backup", tmp_path / "dangling", "--data", site.server.data).returncode == 1
    assert not (tmp_path / "nowhere").exists()
    done = parley("backup", tmp_path / "no" / "folder", "--data", site.server.data)
    assert done.returncode == 1 and "No such file" in done.stderr
    done = parley("backup", tmp_path / "b", "--data", tmp_path / "nothing")
    assert done.returncode == 1 and "no database" in done.stderr
    assert not (tmp_path / "nothing").exists() and not list(tmp_path.glob("b*"))


def test_usage(parley, tmp_path):
    """Wrong words: exit 2, one line, nothing made."""
    for command in ("backup", "restore"):
        for words in ([], ["a", "b"], [""], ["a", "--nope", "1"], ["a", "--limits.chat", "-1"], ["a", "--data"]):
            done = parley(command, *words, cwd=tmp_path)
            assert done.returncode == 2 and done.stderr.count("\n") == 1, (words, done.stderr)
        assert parley(command, "--help").returncode == 0
    assert not list(tmp_path.iterdir())
