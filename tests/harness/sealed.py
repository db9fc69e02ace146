# SPDX-License-Identifier: Apache-2.0
"""Sealed files (backups, exports) as other programs see them: read with libarchive, or made by hand."""
import contextlib
import ctypes
import hashlib
import io
import json
import tarfile

END_TEXT = 96


@contextlib.contextmanager
def _opened(la, path):
    la.archive_read_new.restype = ctypes.c_void_p
    a = ctypes.c_void_p(la.archive_read_new())
    la.archive_read_support_filter_all(a)
    la.archive_read_support_format_all(a)
    assert la.archive_read_open_filename(a, str(path).encode(), ctypes.c_size_t(1 << 16)) == 0
    try:
        yield a
    finally:
        la.archive_read_free(a)


def parts(path):
    """Name → bytes of every part."""
    la = ctypes.CDLL("libarchive.so.13")
    la.archive_entry_pathname.restype = ctypes.c_char_p
    la.archive_read_data.restype = ctypes.c_ssize_t
    found, entry, room = {}, ctypes.c_void_p(), ctypes.create_string_buffer(1 << 16)
    with _opened(la, path) as a:
        while la.archive_read_next_header(a, ctypes.byref(entry)) == 0:
            body, name = b"", la.archive_entry_pathname(entry).decode()
            while (n := la.archive_read_data(a, room, ctypes.c_size_t(1 << 16))) > 0:
                body += room.raw[:n]
            assert n == 0
            found[name] = body
    return found


def frame(tar):
    """zstd around bytes, without packing them (RFC 8878)."""
    out = b"\x28\xb5\x2f\xfd\x00\x58"
    for at in range(0, len(tar), 1 << 17):
        block = tar[at:at + (1 << 17)]
        out += (len(block) << 3 | (at + (1 << 17) >= len(tar))).to_bytes(3, "little") + block
    return out


def sealed(name, body, version=1):
    text = f"{name} {version} sha256 {hashlib.sha256(body).hexdigest()}".ljust(END_TEXT)
    return body + b"\x50\x2a\x4d\x18" + END_TEXT.to_bytes(4, "little") + text.encode()


def archive(name, entries, manifest=True, version=1):
    """A file as another program could make it: whole by its checksum, whatever is in it."""
    raw, rows = io.BytesIO(), []
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry, content in entries:
            info = entry if isinstance(entry, tarfile.TarInfo) else tarfile.TarInfo(entry)
            info.size = len(content)
            rows.append({"path": info.name, "size": info.size, "sha256": hashlib.sha256(content).hexdigest()})
            tar.addfile(info, io.BytesIO(content))
        if manifest:
            text = json.dumps({"format": name, "version": version, "files": rows}).encode()
            info = tarfile.TarInfo("manifest.json")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))
    return sealed(name, frame(raw.getvalue()), version)
