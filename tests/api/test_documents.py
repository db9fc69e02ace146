# SPDX-License-Identifier: Apache-2.0
"""Documents under /api/v1 (000-management 5.3): uploaded, read into passages, found, changed, deleted for a while."""

import hashlib
import json
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "ingest"))

import made  # noqa: E402
from api.fixtures import running  # noqa: E402
from api.helpers import TIME, UUID  # noqa: E402
from api.people import People  # noqa: E402

PATH = "/api/v1/documents"
TEXT = "# Stability\n\nNiacinamide is stable between pH 5 and 7.\n\n# Storage\n\nKeep it dry and dark.\n"


class Desk:
    """A brand, its admin and a product."""

    def __init__(self, site, server=None):
        self.site, self.people, self.brand = site, People(site), site.brand()
        self.admin = self.people.client(self.brand)
        supplier = self.admin.post("/api/v1/suppliers", json={"name": "Bergamot Labs"}).json()["data"]
        self.product = self.admin.post("/api/v1/products", json={
            "supplierId": supplier["id"], "inciName": "Niacinamide", "tradeName": "NiaPure"}).json()["data"]

    def post(self, name="sheet.md", content=TEXT, client=None, **parts):
        content = content if isinstance(content, bytes) else content.encode()
        parts.setdefault("documentType", "general")
        return (client or self.admin).post(PATH, files={"file": (name, content)},
                                           data={k: v for k, v in parts.items() if v is not None})

    def upload(self, *args, **parts):
        reply = self.post(*args, **parts)
        assert reply.status_code == 201, reply.text
        return reply.json()["data"]

    def settled(self, document, *stages):
        """The document once its reading has ended."""
        deadline = time.monotonic() + 60
        percents = []
        while time.monotonic() < deadline:
            status = self.data(f"{PATH}/{document['id']}/status")
            percents.append(status["progress"]["percent"])
            if status["processingStatus"] in ("completed", "failed"):
                assert percents == sorted(percents)
                return self.data(f"{PATH}/{document['id']}")
            time.sleep(0.02)
        raise AssertionError(status)

    def data(self, path, client=None, **params):
        reply = (client or self.admin).get(path, params=params)
        assert reply.status_code == 200, reply.text
        return reply.json()["data"]

    def chunks(self, document, **params):
        return self.data(f"{PATH}/{document['id']}/chunks", **params)

    def chatbot(self):
        return self.data("/api/v1/chatbots")[0]["id"]

    def found(self, query):
        reply = self.admin.post(f"/api/v1/chatbots/{self.chatbot()}/knowledge-sources/search",
                                json={"query": query, "threshold": 0.1})
        assert reply.status_code == 200, reply.text
        return [r["documentId"] for r in reply.json()["data"]["results"]]


@pytest.fixture
def desk(site):
    return Desk(site)


def fields(reply, status=400):
    assert reply.status_code == status, reply.text
    return {(d["field"], d["code"]) for d in reply.json()["details"]}


def test_upload_and_reading(desk):
    """000-management#11"""
    document = desk.upload(title="Data sheet", documentType="formulation", documentCategory="safety",
                           productId=desk.product["id"], metadata='{"batch":7}', citable="false")
    assert UUID.fullmatch(document["id"]) and TIME.fullmatch(document["createdAt"])
    assert document.items() >= {
        "brandId": desk.brand.id, "chatbotId": None, "title": "Data sheet", "documentType": "formulation",
        "documentCategory": "safety", "productId": desk.product["id"], "productName": "Niacinamide",
        "supplierName": "Bergamot Labs", "originalFilename": "sheet.md", "fileSizeBytes": len(TEXT),
        "mimeType": "text/markdown", "sha256": hashlib.sha256(TEXT.encode()).hexdigest(), "metadata": {"batch": 7},
        "citable": False, "processingStatus": "pending", "processingError": None, "chunkCount": 0,
        "embeddedChunkCount": 0, "deletedAt": None}.items()
    assert document["uploadedBy"]["name"]
    done = desk.settled(document)
    assert (done["processingStatus"], done["chunkCount"], done["embeddedChunkCount"]) == ("completed", 2, 0)
    chunks = desk.chunks(document)
    assert [c["chunkIndex"] for c in chunks] == [0, 1]
    assert chunks[0]["content"] == "Stability\n\nNiacinamide is stable between pH 5 and 7."
    assert chunks[1]["metadata"]["heading"] == "Storage" and not chunks[1]["hasEmbedding"]
    assert desk.found("stable between pH") == [document["id"]]
    status = desk.data(f"{PATH}/{document['id']}/status")
    assert status["progress"] == {"stage": "done", "percent": 100, "pagesDone": 0, "pagesTotal": 0}
    assert (status["inciName"], status["tradeName"]) == ("Niacinamide", "NiaPure")
    product = desk.data(f"/api/v1/products/{desk.product['id']}")
    assert product["documentCount"] == 1
    sent = desk.admin.get(f"{PATH}/{document['id']}/content")
    assert sent.text == TEXT and sent.headers["x-content-type-options"] == "nosniff"
    assert sent.headers["content-disposition"].startswith('attachment; filename="sheet.md"')


def test_refused(desk):
    """000-management#11"""
    assert fields(desk.post(documentType="inci")) == {("productId", "required")}
    assert fields(desk.post(documentType="inci", productId="0197a1d0-2b11-7c3e-9f20-6d5f1f0a7712"))
    assert {f for f, _ in fields(desk.post(documentType="page", documentCategory="x", metadata="[]", citable="maybe",
                                           title="x" * 301, colour="red"))} == {
        "documentType", "documentCategory", "metadata", "citable", "title", "colour"}
    assert {f for f, _ in fields(desk.admin.post(PATH, files={"title": (None, "x")}))} == {"file", "documentType"}
    assert {f for f, _ in fields(desk.post(content=b""))} == {"file"}
    for name, content, mime in (("label.png", b"\x89PNG\r\n\x1a\n123", "image/png"),
                                ("a.pdf", b"MZ\x90\x00" + bytes(60), "application/octet-stream"),
                                ("a.docx", made.archive({"a.txt": "x" * 500}), "application/zip"),
                                ("a.json", b"{}", "application/json")):
        reply = desk.post(name, content)
        assert reply.status_code == 400 and reply.json()["code"] == "INVALID_FILE_TYPE", reply.text
        assert reply.json()["details"] == {"fileType": mime, "filename": name}
    assert desk.admin.post(PATH, json={}).status_code == 415
    assert desk.data(PATH) == []


def test_the_same_file_twice(desk):
    """000-management#11"""
    first = desk.upload()
    reply = desk.post()
    assert reply.status_code == 409 and reply.json()["details"] == {"documentId": first["id"]}
    assert desk.post(productId=desk.product["id"]).status_code == 201
    assert desk.post(content=TEXT + "x").status_code == 201


def test_damaged_files_fail_and_the_next_is_read(desk):
    """000-management#12"""
    broken = desk.upload("a.pdf", b"%PDF-1.4\nbroken")
    locked = desk.upload("b.pdf", made.pdf([(11, "x")], encrypt=True))
    bomb = desk.upload("c.docx", made.bomb())
    empty = desk.upload("d.pdf", made.pdf([]))
    good = desk.upload("e.docx", made.docx(made.paragraph("Bergamot oil", "berschrift1") + made.paragraph("Smells.")))
    assert desk.settled(good)["processingStatus"] == "completed"
    for document, reason in ((broken, "damaged"), (locked, "encrypted"), (bomb, "too_large"), (empty, "no_text")):
        row = desk.settled(document)
        assert row["processingStatus"] == "failed" and row["processingError"].startswith(f"{reason}: "), row
    assert [d["id"] for d in desk.data(PATH, status="failed", q="B.PDF")] == [locked["id"]]
    again = desk.admin.post(f"{PATH}/{broken['id']}/reprocess")
    assert again.status_code == 202 and again.json()["data"]["processingStatus"] == "pending"
    assert desk.settled(broken)["processingStatus"] == "failed"


def test_delete_and_restore(desk):
    """000-management#12"""
    document = desk.upload()
    desk.settled(document)
    path = f"{PATH}/{document['id']}"
    assert desk.found("stable niacinamide")
    assert desk.admin.delete(path).status_code == 200
    assert document["id"] not in desk.found("stable between pH 5 and 7")
    for reply in (desk.admin.get(path), desk.admin.delete(path), desk.admin.get(path + "/chunks"),
                  desk.admin.get(path + "/content"), desk.admin.put(path, json={"title": "x"})):
        assert reply.status_code == 404
    assert desk.data(PATH) == [] and [d["id"] for d in desk.data(PATH, deleted="true")] == [document["id"]]
    assert desk.upload()["id"] != document["id"]
    restored = desk.admin.post(path + "/restore")
    assert restored.status_code == 200 and restored.json()["data"]["deletedAt"] is None
    assert document["id"] in desk.found("stable between pH 5 and 7")
    assert desk.admin.post(path + "/restore").status_code == 409


def test_deleting_a_product(desk):
    """000-management#12: its inci documents go with it, others lose the link."""
    desk.upload(documentType="inci", productId=desk.product["id"])
    desk.upload(documentType="formulation", productId=desk.product["id"], content=TEXT + "2")
    reply = desk.admin.delete(f"/api/v1/products/{desk.product['id']}")
    assert reply.json()["data"].items() >= {"deletedDocuments": 1, "unlinkedDocuments": 1}.items()
    (left,) = desk.data(PATH)
    assert (left["documentType"], left["productId"]) == ("formulation", None)


def test_changes(desk):
    document = desk.upload()
    desk.settled(document)
    path = f"{PATH}/{document['id']}"
    reply = desk.admin.put(path, json={"title": "New", "documentCategory": "testing", "metadata": {"a": 1},
                                       "citable": False, "productId": desk.product["id"]})
    assert reply.status_code == 200, reply.text
    assert reply.json()["data"].items() >= {"title": "New", "documentCategory": "testing", "metadata": {"a": 1},
                                            "citable": False, "productName": "Niacinamide", "chunkCount": 2}.items()
    assert fields(desk.admin.put(path, json={"documentType": "inci", "productId": None}))
    assert fields(desk.admin.put(path, json={"documentType": "page"}))
    assert {f for f, _ in fields(desk.admin.put(path, json={"colour": "red"}))} == {"colour"}
    item = desk.data(PATH, documentType="product")[0]
    assert desk.admin.put(f"{PATH}/{item['id']}", json={"title": "x"}).status_code == 409
    assert desk.admin.delete(f"{PATH}/{item['id']}").status_code == 409
    both = "documentType:general,documentCategory:testing"
    assert [d["id"] for d in desk.data(PATH, filter=both)] == [document["id"]]
    assert desk.data(PATH, filter="documentCategory:safety") == []
    assert desk.admin.get(PATH, params={"status": "lost"}).status_code == 400


def test_who(desk):
    """M reads, W writes, another brand finds nothing; a chatbot's own documents are its maker's."""
    document = desk.upload()
    member, developer = (desk.people.client(desk.brand, role=r) for r in ("user", "developer"))
    stranger = desk.people.client(desk.site.brand())
    path = f"{PATH}/{document['id']}"
    assert member.get(path).status_code == 200 and member.get(path + "/content").status_code == 403
    assert desk.post(client=member).status_code == 403 and member.delete(path).status_code == 403
    assert desk.post(client=developer, content="other text").status_code == 201
    for tail in ("", "/content", "/status", "/chunks"):
        assert stranger.get(path + tail).status_code == 404
    assert stranger.delete(path).status_code == stranger.post(path + "/reprocess").status_code == 404
    assert stranger.get(PATH).json()["data"] == [] and desk.site.anon.get(path).status_code == 401
    own = desk.upload(chatbotId=desk.chatbot(), content="the chatbot's own text")
    assert own["chatbotId"] and desk.post(client=developer, chatbotId=own["chatbotId"]).status_code in (403, 404)
    assert developer.get(f"{PATH}/{own['id']}").status_code in (403, 404)
    assert own["id"] not in [d["id"] for d in member.get(PATH).json()["data"]]
    assert own["id"] not in [d["id"] for d in desk.data(PATH, chatbotId="none")]
    assert [d["id"] for d in desk.data(PATH, chatbotId=own["chatbotId"])] == [own["id"]]


def test_passages_are_cut_well_and_always_alike(desk):
    """5.3: at most 1200 characters, 120 overlap within a section, rows of tables whole under their heading row."""
    sentences = [f"Sentence number {i} says something about vitamin {i % 7} and its use in creams." for i in range(120)]
    table = "| name | amount |\n|---|---|\n" + "".join(f"| part {i} | {i} grams of it |\n" for i in range(80))
    text = "# One\n\n" + " ".join(sentences) + "\n\n# Two\n\n" + table
    document = desk.upload(content=text)
    done = desk.settled(document)
    chunks = desk.chunks(document, limit=100)
    assert [c["chunkIndex"] for c in chunks] == list(range(done["chunkCount"]))
    assert all(len(c["content"]) <= 1200 for c in chunks)
    first = [c["content"] for c in chunks if c["metadata"]["heading"] == "One"]
    assert len(first) > 5 and all(400 <= len(c) <= 1100 for c in first[:-1])
    for before, after in zip(first, first[1:]):
        shared = next(n for n in range(200, -1, -1) if n == 0 or before.endswith(after[:n]))
        assert 40 <= shared <= 121, (before[-150:], after[:150])
    for sentence in sentences:
        assert any(sentence in c for c in first)
    rows = [c["content"] for c in chunks if c["metadata"]["heading"] == "Two"]
    lines = [line for c in rows for line in c.split("\n")]
    assert all(c.split("\n")[0] in ("Two", "name | amount") for c in rows)
    assert [line for line in lines if line.startswith("part ")] == [f"part {i} | {i} grams of it" for i in range(80)]
    assert desk.admin.post(f"{PATH}/{document['id']}/reprocess").status_code == 202
    desk.settled(document)
    assert [c["content"] for c in desk.chunks(document, limit=100)] == [c["content"] for c in chunks]


def test_vectors_follow(fake_llm):
    """000-management#11: with a model that embeds every passage gets its vector."""
    fake = fake_llm()
    with running(llm={"a": {"baseUrl": fake.url, "retries": 0, "embeddingModel": "fake-embed"}}) as site:
        vectors(Desk(site))


def vectors(desk):
    document = desk.upload()
    desk.settled(document)
    deadline = time.monotonic() + 30
    while desk.data(f"{PATH}/{document['id']}")["embeddingCompletedAt"] is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    row = desk.data(f"{PATH}/{document['id']}")
    assert row["embeddedChunkCount"] == row["chunkCount"] == 2
    assert all(c["hasEmbedding"] for c in desk.chunks(document))


def test_a_restart_goes_on(server):
    """A document that was not read yet is read after the server was killed."""
    one = server()
    admin = one.client(one.token)
    ids = []
    for i in range(5):
        reply = admin.post(PATH, params={"brandId": "techpro"}, data={"documentType": "general"},
                           files={"file": (f"{i}.txt", f"Text number {i} of the desk.".encode())})
        assert reply.status_code == 201, reply.text
        ids.append(reply.json()["data"]["id"])
    one.kill()
    two = server(data=one.data)
    admin = two.client(two.token)
    deadline = time.monotonic() + 200
    for id in ids:
        while admin.get(f"{PATH}/{id}").json()["data"]["processingStatus"] != "completed":
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert json.loads(admin.get(f"{PATH}/{ids[0]}/chunks").text)["pagination"]["total"] == 1
