# SPDX-License-Identifier: Apache-2.0
"""Product files: 001-brands 12, 14.7, 14.8."""

import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "ingest"))

import made  # noqa: E402
from api.helpers import faults, ids, ok, refused  # noqa: E402

FORMATS = "Unsupported file type. Supported formats: .json, .csv, .pdf, .txt, .md, .docx, .xml, .xlsx"


def send(brand, name, content, client=None, **query):
    content = content if isinstance(content, bytes) else content.encode()
    return (client or brand.site.admin).post(f"{brand.path}/upload/products", files={"file": (name, content)},
                                             params=query)


def upload(brand, name, content, **query):
    return ok(send(brand, name, content, **query))


def product(brand, id):
    return ok(brand.site.anon.get(f"{brand.path}/products/{id}"))


def codes(reply):
    return [(e["row"], e["code"]) for e in reply["errors"]]


LAMP = {"name": "Lamp", "price": 899000, "features": ["a", "b"], "availability": False,
        "specifications": {"Colour": "red"}, "category": "General"}


def test_columns_under_many_names(site):
    """001-brands#33: the same columns as CSV and as XLSX give the same product."""
    heads, row = "SKU;Title;Harga;Fitur;In Stock;Colour".split(";"), "p1;Lamp;Rp 899.000;a|b;no;red".split(";")
    for name, content in (("spring.csv", ";".join(heads) + "\n" + ";".join(row) + "\n"),
                          ("spring.XLSX", made.xlsx({"S": [["Price list"], [], heads, row]}))):
        brand = site.brand()
        reply = upload(brand, name, content)
        assert (reply["products_added"], reply["status"], reply["rows_total"]) == (1, "success", 1)
        assert reply["message"] == f"Successfully uploaded {name} and added 1 products to {brand.id}"
        kept = {"code": "column_as_specification", "detail": "Columns kept as specifications: Colour"}
        assert kept in reply["warnings"]
        assert LAMP.items() <= product(brand, "p1").items()
        assert ids(brand.search("lamp")) == ["p1"]


def test_partial_success_and_again(site):
    """001-brands#34."""
    brand = site.brand()
    content = "id,name,price\na,A,1\nb,B,ask us\nc,C,2\na,Again,3\nd,D,4\n"
    reply = upload(brand, "list.csv", content)
    assert (reply["products_added"], reply["products_failed"], reply["status"]) == (3, 2, "partial")
    assert reply["errors"] == [
        {"row": 2, "line": 3, "id": "b", "field": "price", "code": "invalid_price",
         "detail": "Price 'ask us' is not a number"},
        {"row": 4, "line": 5, "id": "a", "field": "id", "code": "duplicate_id",
         "detail": "ID 'a' occurs in row 1 already"}]
    assert product(brand, "a")["name"] == "A"
    again = upload(brand, "list.csv", content)
    assert (again["products_added"], again["products_updated"], again["products_failed"]) == (0, 3, 2)
    skipped = upload(brand, "list.csv", content, on_conflict="skip")
    assert (skipped["products_added"], skipped["products_updated"], skipped["products_skipped"]) == (0, 0, 3)
    refused_all = upload(brand, "list.csv", content, on_conflict="error")
    assert (refused_all["status"], refused_all["errors_total"]) == ("failed", 5)
    assert codes(refused_all) == [(1, "duplicate_id"), (2, "invalid_price"), (3, "duplicate_id"), (4, "duplicate_id"),
                                  (5, "duplicate_id")]


def test_what_is_refused_changes_nothing(site):
    """001-brands#35."""
    brand = site.brand([{"id": "x", "name": "X", "description": "", "category": "C", "price": 1, "features": [],
                         "specifications": {}}])
    refused(send(brand, "x.exe", "MZ"), 400, FORMATS)
    refused(send(brand, "noending", "MZ"), 400, FORMATS)
    refused(send(brand, "a.csv", ""), 400, "File is empty")
    refused(send(brand, "a.csv", "one,two\n1,2\n"), 400, "No product columns found")
    refused(send(brand, "a.xlsx", made.xlsx({"S": [["one", "two"]]})), 400, "No product columns found")
    refused(send(brand, "a.json", '[\n {"id": 1},\n {"id" 2}]'), 400, "File is not valid JSON: line 3, column 8")
    refused(send(brand, "a.xml", "<a>\n <b></a>"), 400, "File is not valid XML: line 2, column 9")
    refused(send(brand, "a.docx", b"PK\x03\x04 broken"), 400, "File is not valid DOCX")
    refused(send(brand, "a.pdf", "MZ no document"), 400, "File is not valid PDF")
    refused(send(brand, "a.xml", made.laughs()), 400, "XML with a document type declaration is not accepted")
    refused(send(brand, "a.docx", made.bomb()), 400, "File is too large when unpacked")
    refused(send(brand, "a.pdf", made.pdf([(11, "x")], encrypt=True)), 400, "File is password-protected")
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000) + "EncryptedPackage".encode("utf-16-le") + bytes(500)
    refused(send(brand, "a.xlsx", ole), 400, "File is password-protected")
    for files in ({"other": ("a.csv", b"x")}, {"file": (None, b"text")}):
        (fault,) = faults(site.admin.post(f"{brand.path}/upload/products", files=files))
        assert (fault["type"], fault["loc"]) == ("missing", ["body", "file"])
    (fault,) = faults(site.admin.post(f"{brand.path}/upload/products", json={}))
    assert fault["loc"] == ["body", "file"]
    (fault,) = faults(send(brand, "a.csv", "name,price\na,1\n", on_conflict="never"))
    assert (fault["type"], fault["loc"]) == ("enum", ["query", "on_conflict"])
    assert ids(brand.products) == ["x"]
    assert brand.id not in {u["brand_id"] for u in ok(site.admin.get("/uploads"))}


def test_json_with_lists_as_text(site):
    """001-brands#35: lists and objects also as text; a number for a text; unknown keys are specifications."""
    brand = site.brand()
    reply = upload(brand, "a.json", json.dumps({"items": [
        {"id": 7, "name": "N", "price": 12.5, "features": "a, b", "specifications": '{"k":"v"}', "size": 3},
        {"name": "Skarv 2", "cost": "$1,399", "url": "ftp://x"}, "text", {"name": "no price"},
        {"title": "F", "price": "1", "features": {"a": 1}}, {"name": "S", "price": 1, "specs": "no pair"},
        {"name": "L" * 301, "price": 1}, {"name": "A", "price": 1, "stock": "perhaps"}, {"price": 1},
        {"name": "neg", "price": -1}, {"name": "dots", "price": 1, "id": ".."}]}))
    assert product(brand, "7").items() >= {"features": ["a", "b"], "specifications": {"k": "v", "size": 3},
                                           "price": 12.5}.items()
    assert product(brand, "skarv-2")["price"] == 1399
    assert codes(reply) == [(3, "not_an_object"), (4, "missing_price"), (5, "invalid_features"),
                            (6, "invalid_specifications"), (7, "too_long"), (8, "invalid_availability"),
                            (9, "missing_name"), (10, "invalid_price"), (11, "invalid_id")]
    assert {w["code"] for w in reply["warnings"]} == {"column_as_specification", "default_category", "invalid_url"}


def test_text(site):
    """001-brands#35: blocks of text; a heading without keys is the category of what follows."""
    brand = site.brand()
    text = ("Bench Saw\n- ID: t1\n- Kategori: Tools\n- Harga: Rp 12.500.000\n- Blade: 250 mm\n\n"
            "Just a line of text: with a colon\n\nNo price here\nColour: red\n\n")
    reply = upload(brand, "list.txt", text)
    assert (reply["products_added"], reply["status"]) == (1, "success")
    assert product(brand, "t1").items() >= {"name": "Bench Saw", "category": "Tools", "price": 12500000,
                                            "specifications": {"Blade": "250 mm"}}.items()
    reply = upload(brand, "list.md", "# Tents\n\n## Skarv 2\n\n* **Price:** 389.50\n* **ID**: k2\n\n# Packs\n\n"
                                     "Big pack\nprice: 99\n\n| SKU | Name | Price |\n|---|---|---|\n| m1 | Cup | 3 |\n")
    assert reply["products_added"] == 3
    assert product(brand, "k2").items() >= {"name": "Skarv 2", "category": "Tents", "price": 389.5}.items()
    assert product(brand, "big-pack")["category"] == "Packs" and product(brand, "m1")["price"] == 3
    none = upload(brand, "prose.txt", "Nothing to buy.\n")
    assert (none["status"], codes(none), none["rows_total"]) == ("failed", [(None, "no_products")], 0)


def test_office_and_pdf(site):
    brand = site.brand()
    body = (made.paragraph("Axe") + made.paragraph("Price: 45") + made.paragraph("")
            + made.table([["ชื่อ", "ราคา", "รหัส"], ["เต็นท์", "1.200,50", "th1"]]))
    assert upload(brand, "a.docx", made.docx(body))["products_added"] == 2
    assert product(brand, "axe")["price"] == 45
    assert product(brand, "th1").items() >= {"name": "เต็นท์", "price": 1200.5}.items()
    assert upload(brand, "b.pdf", made.pdf([(11, "Rope"), (11, "Price: 12")], gap=1))["products_added"] == 1
    assert product(brand, "rope")["price"] == 12
    assert codes(upload(brand, "c.pdf", made.pdf([]))) == [(None, "no_text")]
    xml = ("<catalogue><product sku='x1'><name>Cup</name><price>3</price><features><feature>a</feature></features>"
           "<specs><spec name='size'>M</spec></specs></product></catalogue>")
    assert upload(brand, "d.xml", xml)["products_added"] == 1
    assert product(brand, "x1").items() >= {"features": ["a"], "specifications": {"size": "M"}}.items()
    book = made.xlsx({"Notes": [["hello"]], "Stock": [["Name", "Price", "Until"], ["Tarp", 12.5, ("date", 46000)]],
                      "More": [["Name", "Price"], ["not read", 1]]})
    reply = upload(brand, "e.xlsx", book)
    assert {"code": "other_sheets", "detail": "Sheets not read: Notes, More"} in reply["warnings"]
    assert product(brand, "tarp")["specifications"] == {"Until": "2025-12-09"}


def test_csv_of_other_encodings_and_bad_rows(site):
    brand = site.brand()
    reply = upload(brand, "a.csv", "name;price\nCafé;1\n".encode("cp1252"))
    assert [w["code"] for w in reply["warnings"]] == ["default_category", "encoding"] or {
        w["code"] for w in reply["warnings"]} == {"default_category", "encoding"}
    assert product(brand, "cafe")["name"] == "Café"
    assert upload(brand, "b.csv", "\ufeffname\tprice\nŻurek\t12.500\n".encode("utf-16"))["products_added"] == 1
    assert product(brand, "zurek")["price"] == 12.5
    reply = upload(brand, "c.csv", 'name,price,id\n"two\nlines",1,c1\nx,1,c2,more\nshort,2\n')
    assert [(e["row"], e["line"], e["code"]) for e in reply["errors"]] == [(2, 4, "bad_row")]
    assert product(brand, "short")["price"] == 2


def test_made_ids_belong_to_names(site):
    """12.1: the product with that id and the same name is meant; another name gets the next number."""
    brand = site.brand()
    assert upload(brand, "a.csv", "name,price\nSkarv 2,1\nSkarv-2,2\n")["products_added"] == 2
    assert (product(brand, "skarv-2")["name"], product(brand, "skarv-2-2")["name"]) == ("Skarv 2", "Skarv-2")
    again = upload(brand, "a.csv", "name,price\nSkarv-2,5\nSkarv 2,4\n")
    assert (again["products_added"], again["products_updated"]) == (0, 2)
    assert (product(brand, "skarv-2")["price"], product(brand, "skarv-2-2")["price"]) == (4, 5)
    assert codes(upload(brand, "b.csv", "name,price\nCup,1\nCup,2\n")) == [(2, "duplicate_id")]


def test_history_of_uploads(site):
    """001-brands 14.7, 14.8: newest first, by id and by name, to who administers the brand."""
    brand, other = site.brand(), site.brand()
    first = upload(brand, "../list.csv", "name,price\na,1\n")
    second = upload(brand, "list.csv", "name,price\nb,x\n")
    assert first["filename"] == "list.csv"
    rows = [u for u in ok(site.admin.get("/uploads", params={"limit": 1000})) if u["brand_id"] == brand.id]
    assert [u["upload_id"] for u in rows] == [second["upload_id"], first["upload_id"]]
    assert rows[1].items() >= {"filename": "list.csv", "file_size": 15, "products_added": 1, "status": "success",
                               "products_updated": 0, "products_failed": 0}.items()
    one = ok(site.admin.get(f"/uploads/{second['upload_id']}"))
    assert one["errors"] == second["errors"] and one["status"] == "failed"
    assert ok(site.admin.get("/uploads/list.csv"))["upload_id"] == second["upload_id"]
    refused(site.admin.get("/uploads/never.csv"), 404, "File not found")
    assert site.anon.get("/uploads").status_code == 401
    assert brand.audit()["entries"][0]["action"] == "product.upload"
    kept = pathlib.Path(site.server.data) / "files" / brand.id / "uploads" / first["upload_id"]
    assert kept.read_text() == "name,price\na,1\n" and kept.stat().st_mode & 0o777 == 0o600
    assert not list((pathlib.Path(site.server.data) / "tmp").iterdir())
    assert ok(site.admin.get(f"{other.path}/stats"))["total_products"] == 0


def test_limits(server):
    """Rows and bytes of the settings, also after they were read again; the default brand's path."""
    one = server({"uploads.max_rows": 3, "uploads.max_bytes": 2000})
    admin = one.client(one.token)
    path = "/upload/products"
    rows = "".join(f"u{i},N,1\n" for i in range(9))
    reply = ok(admin.post(path, files={"file": ("a.csv", "id,name,price\n" + rows)}))
    assert (reply["brand_id"], reply["products_added"], reply["status"], reply["rows_total"]) == (
        "techpro", 3, "partial", 3)
    assert codes(reply) == [(None, "too_many_rows")]
    refused(admin.post(path, files={"file": ("a.csv", b"x" * 2001)}), 413, "Request body too large")
    refused(admin.post(path, files={"file": ("a.csv", b"x" * 200000)}), 413, "Request body too large")


@pytest.mark.release  # a sanitizer keeps freed memory for a while
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_memory_stays_flat(server, kind):
    """A file of 60 MB is read row by row: neither the server nor its reader grows with it."""
    one = server({"uploads.max_bytes": 100 << 20, "uploads.max_rows": 2000})
    admin = one.client(one.token)
    text = "word " * 4000
    if kind == "csv":
        content = "id,name,price,description\n" + "".join(f"m{i},N,-1,{text}\n" for i in range(3000))
    else:
        content = json.dumps([{"id": f"m{i}", "name": "N", "price": -1, "description": text} for i in range(3000)])
    ok(admin.post("/upload/products", files={"file": ("warm.csv", "id,name,price\nw,W,1\n")}))
    before = resident(one.pid)
    reply = ok(admin.post("/upload/products", files={"file": (f"big.{kind}", content)}, timeout=120))
    assert (reply["products_failed"], reply["errors_total"]) == (2000, 2001)
    assert resident(one.pid) - before < 40 << 20


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")
