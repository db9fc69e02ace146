# SPDX-License-Identifier: Apache-2.0
"""Health (003-platform 13): what probes get, and the detailed status with its checks."""
import resource
import sqlite3
import time
import uuid

import pytest

from api.fixtures import need, running
from api.helpers import TIME, eventually, ok, product
from api.people import People
from harness import FakeLlm

TOKEN = "scrape-" + "fedcba9876543210"
STATUS = "/api/v1/health/status"
CHECKS = ["database", "storage", "index", "model", "embedding", "mail", "webhooks", "jobs", "memory"]
PROBES = ["/health", "/health/readiness", "/health/liveness", "/api/v1/health"]


def status(client):
    reply = client.get(STATUS)
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert body["status"] == "success" and body["success"] is True
    return body["data"]


@pytest.mark.parametrize("path", PROBES)
def test_probes(site, path):
    """003-platform#33: 200 `ok` for anybody."""
    reply = site.anon.get(path)
    body = reply.json()
    assert reply.status_code == 200 and reply.headers["cache-control"] == "no-store"
    assert set(body) == {"status", "success", "timestamp", "uptime", "version"}
    assert (body["status"], body["success"]) == ("ok", True) and TIME.fullmatch(body["timestamp"])
    assert body["uptime"] > 0 and site.anon.head(path).status_code == 200


def test_status_is_for_the_operator():
    """003-platform#33: a brand's admin 403, super_admin 200, the bearer of metrics.token too."""
    with running({"metrics.token": TOKEN}) as site:
        people, brand = People(site), site.brand()
        assert site.anon.get(STATUS).status_code == 401
        assert people.client(brand, "admin").get(STATUS).status_code == 403
        assert people.key_client(brand).get(STATUS).status_code == 401
        assert site.client(TOKEN + "x").get(STATUS).status_code == 401
        assert status(site.client(TOKEN)) and status(site.admin)


def test_status_whole(site):
    """003-platform#33: all nine checks, in the form of section 18."""
    data = status(site.admin)
    assert set(data) == {"status", "timestamp", "uptime", "version", "environment", "database", "checks", "system",
                         "process"}
    assert list(data["checks"]) == CHECKS and data["environment"] == "development"
    assert data["database"] == {"status": "connected", "name": "parley.db"}
    for name, check in data["checks"].items():
        assert next(iter(check)) == "status" and check["status"] in ("ok", "disabled", "degraded", "error"), name
    order = ["disabled", "ok", "degraded", "error"]
    worst = max((check["status"] for check in data["checks"].values()), key=order.index)
    assert data["status"] == worst
    database = data["checks"]["database"]
    assert database["readMs"] >= 0 and database["writeMs"] > 0 and database["sizeBytes"] >= 4096
    assert database["sizeBytes"] == (site.server.data / "parley.db").stat().st_size
    assert data["checks"]["storage"]["freeBytes"] > 0
    assert data["checks"]["index"]["chunks"] > 0 and data["checks"]["index"]["pending"] == 0
    assert data["checks"]["model"] == data["checks"]["embedding"] == {"status": "disabled"}
    assert data["checks"]["memory"]["limit"] is None
    assert data["checks"]["webhooks"] == {"status": "ok", "due": 0, "oldestDueSeconds": 0, "disabled": 0}
    assert set(data["checks"]["mail"]) == {"status", "transport", "queued", "failed24h"}
    memory = data["system"]["memory"]
    assert memory["total"] > memory["free"] > 0 and 0 < memory["usage"] < 1 and data["system"]["platform"] == "linux"
    process = data["process"]
    assert process["pid"] == site.server.process.pid and process["openFiles"] > 5
    assert process["memory"]["rss"] == data["checks"]["memory"]["rss"] > 1 << 20


def test_memory_over_its_limit():
    with running({"memory.limit": 16777216}) as site:
        data = status(site.admin)
        check = data["checks"]["memory"]
        assert check["limit"] == 16777216
        assert check["status"] == ("degraded" if check["rss"] > 0.8 * 16777216 else "ok")
        assert check["status"] == "degraded" and data["status"] in ("degraded", "error")


def test_a_failed_job_shows(site):
    """jobs: by type and state; a failed one is counted for 24 hours."""
    people, brand = People(site), site.brand()
    before = status(site.admin)["checks"]["jobs"]
    now = int(time.time() * 1000)
    with people.rows() as database:
        for age in (0, 90000000):
            database.execute("INSERT INTO jobs (brand_id, id, kind, payload, state, attempts, run_at, error,"
                             " created_at)"
                             " VALUES (?, ?, 'embed', '{}', 'failed', 20, 0, 'invented', ?)",
                             (brand.id, str(uuid.uuid4()), now - age))
    after = status(site.admin)["checks"]["jobs"]
    assert after["failed24h"] == before["failed24h"] + 1
    assert after["types"]["embed"]["failed"] == before.get("types", {}).get("embed", {}).get("failed", 0) + 2


def test_indexes_agree_with_the_store():
    """index: no false alarm for what is in memory, after changes through the API and beside it."""
    with running() as site:
        brand = site.brand([product("a", name="Lamp"), product("b", name="Chair")])
        for query in ("lamp", "chair"):
            ok(site.anon.post(f"{brand.path}/products/search", json={"query": query}))
        brand.say("what is a lamp?")
        ok(site.admin.delete(f"{brand.path}/products/a"))
        with People(site).rows() as database:
            database.execute("DELETE FROM products WHERE brand_id = ?", (brand.id,))
        check = status(site.admin)["checks"]["index"]
        assert check["status"] == "ok" and check["averageSearchMs"] > 0


def test_a_model_and_its_circuit():
    """model: what each server that was asked has done; open circuits degrade, all of them are an error."""
    need("parley-fake-llm", "PARLEY_FAKE_LLM")
    fake = FakeLlm().start()
    try:
        with running(llm={"a": {"baseUrl": fake.url, "retries": 0}}) as site:
            assert status(site.admin)["checks"]["model"] == {"status": "ok", "servers": []}
            ok(site.anon.post("/chat/techpro", json={"message": "hello"}))
            check = status(site.admin)["checks"]["model"]
            server, = check["servers"]
            assert check["status"] == "ok" and server["provider"] == "a" and server["circuit"] == "closed"
            assert server["failuresInRow"] == 0 and server["averageMs"] >= 0 and TIME.fullmatch(server["lastSuccess"])
            fake.set(answer="echo", status=500)
            for _ in range(6):
                site.anon.post("/chat/techpro", json={"message": "which laptop is light?"})
            data = status(site.admin)
            check = data["checks"]["model"]
            assert check["status"] == data["status"] == "error" and check["servers"][0]["circuit"] == "open"
            assert check["servers"][0]["failuresInRow"] >= 5
    finally:
        fake.stop()


def test_the_store_is_away():
    """A database that cannot be read: 503 in this API's shape, while liveness answers."""
    with running({"metrics.token": TOKEN}) as site:
        path = site.server.data / "parley.db"
        with sqlite3.connect(path) as database:
            database.execute("ALTER TABLE schema_migrations RENAME TO away")
        try:
            for probe in PROBES:
                reply = site.anon.get(probe)
                if probe.endswith("liveness"):
                    assert reply.status_code == 200
                    continue
                body = reply.json()
                assert reply.status_code == 503 and int(reply.headers["retry-after"]) > 0
                assert set(body) == {"status", "success", "message", "code", "requestId"}
                assert (body["status"], body["success"], body["code"]) == ("error", False, "UNAVAILABLE")
            data = status(site.client(TOKEN))
            assert data["status"] == data["checks"]["database"]["status"] == "error"
            assert data["database"]["status"] == "disconnected"
        finally:
            with sqlite3.connect(path) as database:
                database.execute("ALTER TABLE away RENAME TO schema_migrations")
        assert eventually(lambda: site.anon.get("/health").status_code == 200)
