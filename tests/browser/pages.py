# SPDX-License-Identifier: Apache-2.0
"""The pages as the server sends them, with the content security policies that they need."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self' ws: wss:; "
    "img-src https: http: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
DOCS_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def pages():
    docs = ROOT / "web" / "docs"

    def file(path, kind, policy=DOCS_POLICY):
        return kind, path.read_bytes(), ("Content-Security-Policy", policy)

    return {
        "/demo": file(ROOT / "examples" / "browser.html", "text/html; charset=utf-8", DEMO_POLICY),
        "/docs": file(docs / "index.html", "text/html; charset=utf-8"),
        "/docs/docs.js": file(docs / "docs.js", "text/javascript; charset=utf-8"),
        "/docs/docs.css": file(docs / "docs.css", "text/css; charset=utf-8"),
        "/openapi.json": file(pathlib.Path(__file__).parent / "data" / "openapi.json", "application/json"),
    }
