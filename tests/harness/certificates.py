# SPDX-License-Identifier: Apache-2.0
"""A private authority and certificates of servers, made by openssl."""
import pathlib
import subprocess

NEW = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """`path` is its certificate, for clients that trust it."""

    def __init__(self, folder, name="Fern test authority"):
        self.folder, self.made = pathlib.Path(folder), 0
        self.path, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        openssl("req", "-x509", *NEW, "-days", "2", "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.path)

    def certificate(self, alternative="DNS:localhost", days=2, own=False):
        """(certificate, key) for a subjectAltName; `own`: signed by itself, by nobody else."""
        self.made += 1
        pem, key, ext, csr = (self.folder / f"server{self.made}.{end}" for end in ("pem", "key", "ext", "csr"))
        subject = ["-subj", "/CN=" + alternative.split(":", 1)[1]]
        if own:
            openssl("req", "-x509", *NEW, *subject, "-days", days, "-addext", f"subjectAltName={alternative}",
                    "-keyout", key, "-out", pem)
            return str(pem), str(key)
        ext.write_text(f"subjectAltName={alternative}\n", encoding="ascii")
        openssl("req", *NEW, *subject, "-keyout", key, "-out", csr)
        openssl("x509", "-req", "-days", days, "-in", csr, "-CA", self.path, "-CAkey", self.key, "-CAcreateserial",
                "-extfile", ext, "-out", pem)
        return str(pem), str(key)


def make_certificates(folder, host="localhost"):
    """An authority and a server's certificate for `host`; paths of (authority, certificate, key)."""
    authority = Authority(folder)
    return (str(authority.path), *authority.certificate(f"DNS:{host}"))
