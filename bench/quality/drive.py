# SPDX-License-Identifier: Apache-2.0
"""Brands, products (by upload) and passages (as items) into a real server; questions through `parley eval`."""

import json
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from harness import Server  # noqa: E402
from harness.program import child_environment, find_binary  # noqa: E402

ITEMS_AT_ONCE, BASE_MOST = 100, 10000
VECTORS_SECONDS = 1800


def _ok(reply):
    if reply.status_code >= 300:
        raise RuntimeError(f"{reply.request.url}: {reply.status_code} {reply.text[:500]}")
    return reply.json()


class Shop:
    """A server that holds the brands of a set."""

    def __init__(self, brands, settings=None):
        self.brands = brands
        self.server = Server({"sample_data": False, **(settings or {})})
        self.bases = []
        self.documents = {}  # (brand, key of a passage) → id of its document

    def __enter__(self):
        self.server.start()
        try:
            self.admin = self.server.admin
            for brand in self.brands:
                self._fill(brand)
        except BaseException:
            self.server.dispose(None)
            raise
        return self

    def __exit__(self, *_):
        self.server.dispose(None)

    def _fill(self, brand):
        config = {"chat_settings": {"currency": brand.currency}}
        self.server.brand(brand.name, brand.description, config=config, brand_id=brand.id)
        if brand.products:
            upload = {"file": ("products.json", json.dumps(brand.products).encode())}
            done = _ok(self.admin.post(f"/brands/{brand.id}/upload/products", files=upload))
            if done["products_added"] != len(brand.products):
                raise RuntimeError(f"{brand.id}: {done}")
        bots = _ok(self.admin.get("/api/v1/chatbots", params={"brandId": brand.id, "limit": 100}))["data"]
        bot = next(one["id"] for one in bots if one["brandId"] == brand.id)
        for start in range(0, len(brand.passages), BASE_MOST):
            base = _ok(self.admin.post(f"/api/v1/chatbots/{bot}/knowledge-bases", json={
                "name": f"Passages {start}", "settings": {"maxResults": 20}}))["data"]["id"]
            self.bases.append(base)
            for at in range(start, min(start + BASE_MOST, len(brand.passages)), ITEMS_AT_ONCE):
                items = brand.passages[at:min(at + ITEMS_AT_ONCE, start + BASE_MOST)]
                body = {"items": [{"title": item["title"][:300], "content": item["text"]} for item in items]}
                made = _ok(self.admin.post(f"/api/v1/knowledge-bases/{base}/items", json=body))["data"]["createdItems"]
                for item, row in zip(items, made, strict=True):
                    self.documents[brand.id, item["key"]] = row["id"]

    def wait_for_vectors(self):
        """Until every passage and product has its vector."""
        deadline = time.monotonic() + VECTORS_SECONDS
        while time.monotonic() < deadline:
            pending = 0
            for base in self.bases:
                pages = self.admin.get(f"/api/v1/knowledge-bases/{base}/items", params={"limit": 100})
                pending += sum(item["embeddingStatus"] != "ready" for item in _ok(pages)["data"])
            if not pending:
                return
            time.sleep(1)
        raise RuntimeError("the vectors are not ready")

    def write(self, questions, path):
        """The questions as `parley eval` reads them."""
        with open(path, "w", encoding="utf-8") as out:
            for q in questions:
                line = {"question": q.text, "brand": q.brand, "none": q.none, "says": q.says, "history": q.history,
                        "documents": {self.documents[q.brand, key]: grade for key, grade in q.documents.items()},
                        "products": q.products}
                for name in ("kind", "language"):
                    if getattr(q, name):
                        line[name] = getattr(q, name)
                out.write(json.dumps(line, ensure_ascii=False) + "\n")

    def evaluate(self, questions, *arguments):
        """What `parley eval --json` says: (exit code, figures and answers, standard error)."""
        path = self.server.home / "questions.jsonl"
        self.write(questions, path)
        flags = []
        for name in ("data", "embedding.builtin"):
            if name in self.server.settings:
                flags += [f"--{name}", str(self.server.settings[name])]
        command = [str(find_binary("parley", "PARLEY_BIN")), "eval", str(path), "--json", *flags, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=child_environment(), timeout=3600)
        if not done.stdout.startswith("{"):
            raise RuntimeError(f"parley eval: exit {done.returncode}: {done.stderr[-2000:]}")
        return done.returncode, json.loads(done.stdout), done.stderr
