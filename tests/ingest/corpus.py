# SPDX-License-Identifier: Apache-2.0
"""The corpus of files: ordinary ones as programs write them, and hostile ones. All are made here, none is a copy.

FILES    name → (format, bytes, want, rows or texts that must come out)
HOSTILE  name → (format, bytes): it must end in a reason, whatever it is
"""

import io
import json
import struct
import zipfile

import made

ROWS = [["sku", "name", "price"], ["a1", "Lamp", "12,50"], ["a2", "Tent", "1.399,00"]]
THAI = [["รหัส", "ชื่อ", "ราคา"], ["th1", "เต็นท์สำหรับเดินป่า", "1200"], ["th2", "โคมไฟตั้งโต๊ะ", "350"]]
JAPANESE = [["商品コード", "商品名", "価格"], ["jp1", "折りたたみ式のテント", "12000"], ["jp2", "デスクランプ（白色）", "3500"]]
CHINESE = [["编号", "名称", "价格"], ["cn1", "徒步旅行用的轻便帐篷", "1200"], ["cn2", "书桌上的台灯和灯泡", "350"]]
KOREAN = [["코드", "이름", "가격"], ["kr1", "등산용 가벼운 텐트입니다", "12000"], ["kr2", "책상 위의 작은 전등입니다", "3500"]]


def csv(rows, separator=",", end="\r\n", quote=False, last=True):
    def cell(text):
        wants = quote or any(c in text for c in (separator, '"', "\n", "\r"))
        return '"' + text.replace('"', '""') + '"' if wants else text
    text = end.join(separator.join(cell(c) for c in row) for row in rows)
    return text + (end if last else "")


def many(rows, times=8):
    """Enough bytes that an encoding shows itself."""
    return rows + rows[1:] * times


def _csvs():
    files = {
        "csv as Excel writes it in the United States": (csv(ROWS, ",", "\r\n", False).encode(), ROWS),
        "csv as Excel writes it in Germany": (csv(ROWS + [["ä", "Größe", "€ 5"]], ";").encode("cp1252"),
                                              ROWS + [["ä", "Größe", "€ 5"]]),
        "csv UTF-8 as Excel writes it": (("\ufeff" + csv(THAI)).encode(), THAI),
        "Unicode text as Excel writes it": (("\ufeff" + csv(JAPANESE, "\t")).encode("utf-16-le"), JAPANESE),
        "UTF-16 of the other order": (("\ufeff" + csv(THAI, "\t")).encode("utf-16-be"), THAI),
        "csv as LibreOffice writes it": (csv(ROWS, ",", "\n").encode(), ROWS),
        "csv as LibreOffice writes it, all quoted": (csv(ROWS, ";", "\n", True).encode(), ROWS),
        "csv as a spreadsheet in a browser saves it": (csv(ROWS, ",", "\r\n", last=False).encode(), ROWS),
        "csv with semicolons in UTF-8": (csv(ROWS + [["ü", "Zelt für zwei", "3"]], ";", "\n").encode(),
                                         ROWS + [["ü", "Zelt für zwei", "3"]]),
        "csv with the line ends of an old Macintosh": (csv(ROWS, ";", "\r").encode(), ROWS),
        "tabs as a database writes them": (csv(ROWS, "\t", "\n").encode(), ROWS),
        "vertical bars": (csv(ROWS, "|", "\n").encode(), ROWS),
        "csv with a line break in a cell": (csv(ROWS + [["b", "two\nlines", "3"]]).encode(),
                                            ROWS + [["b", "two\nlines", "3"]]),
        "csv with quotes in a cell": (csv(ROWS + [["b", 'a 5" pipe', "3"]]).encode(), ROWS + [["b", 'a 5" pipe', "3"]]),
    }
    for name, rows, encoding in (
            ("Thai as Windows writes it", THAI, "cp874"), ("Thai in UTF-8", THAI, "utf-8"),
            ("Japanese as Windows writes it", JAPANESE, "cp932"), ("Japanese as Unix wrote it", JAPANESE, "euc-jp"),
            ("Chinese as Windows writes it", CHINESE, "gb18030"), ("Korean as Windows writes it", KOREAN, "cp949"),
            ("Japanese in UTF-8 with a mark", JAPANESE, "utf-8-sig")):
        files[name] = (csv(many(rows)).encode(encoding), many(rows))
    return {name: ("csv", content, "rows", rows) for name, (content, rows) in files.items()}


def _workbook(sheet, workbook=None, target="worksheets/sheet1.xml", namespace=None, **more):
    """A workbook whose sheet is given as XML: for what other programs write otherwise than made.xlsx."""
    names = namespace or made.S
    relations = f'<Relationships xmlns="{made.PACKAGE}"><Relationship Id="rId1" Target="{target}"/></Relationships>'
    parts = {"[Content_Types].xml": "<Types/>", "xl/_rels/workbook.xml.rels": relations,
             "xl/workbook.xml": workbook or f'<workbook {names}><sheets><sheet name="S" sheetId="1" r:id="rId1"/>'
                                            "</sheets></workbook>",
             "xl/worksheets/sheet1.xml": sheet}
    return made.archive({**parts, **more})


def _sheet(data, names=made.S, after=""):
    return f'<?xml version="1.0" encoding="UTF-8"?><worksheet {names}><sheetData>{data}</sheetData>{after}</worksheet>'


SHARED = ("<sst {0}><si><t>sku</t></si><si><t>name</t></si><si><t>Lamp</t></si>"
          '<si><r><rPr><b/></rPr><t xml:space="preserve">two </t></r><r><t>runs</t></r></si></sst>')
INLINE = "".join(f'<row r="{r}">' + "".join(f'<c r="{made.column(i)}{r}" t="inlineStr"><is><t>{c}</t></is></c>'
                                            for i, c in enumerate(row)) + "</row>" for r, row in enumerate(ROWS, 1))


def _books():
    s = made.S
    prefixed = s.replace('xmlns="', 'xmlns:x="')
    bare = "".join("<row>" + "".join(f'<c t="inlineStr"><is><t>{c}</t></is></c>' for c in row) + "</row>"
                   for row in ROWS)
    shared = ('<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
              '<row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2" t="s"><v>3</v></c></row>')
    results = ('<row r="1"><c r="A1" t="str"><f>UPPER("a")</f><v>A</v></c><c r="B1"><f>1+1</f><v>2</v></c>'
               '<c r="C1" t="b"><v>1</v></c><c r="D1" t="e"><v>#N/A</v></c></row>')
    dates = '<row r="1"><c r="A1" s="1"><v>46000</v></c><c r="B1"><v>46000</v></c></row>'
    styles = f'<styleSheet {s}><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'
    books = {
        "xlsx with inline strings, as scripts write it": (_workbook(_sheet(INLINE)), ROWS),
        "xlsx with shared strings, as Excel writes it": (
            _workbook(_sheet(shared), **{"xl/sharedStrings.xml": SHARED.format(s)}),
            [["sku", "name"], ["Lamp", "two runs"]]),
        "xlsx with an absolute target": (_workbook(_sheet(INLINE), target="/xl/worksheets/sheet1.xml"), ROWS),
        "xlsx with prefixes": (_workbook(
            f"<x:worksheet {prefixed}><x:sheetData>" + INLINE.replace("</", "</x:").replace("<", "<x:").replace(
                "<x:/x:", "</x:") + "</x:sheetData></x:worksheet>"), ROWS),
        "xlsx without places of cells": (_workbook(_sheet(bare)), ROWS),
        "xlsx with results of formulas": (_workbook(_sheet(results)), None),
        "xlsx with a built-in date form": (_workbook(_sheet(dates), **{"xl/styles.xml": styles}),
                                           [["2025-12-09", "46000"]]),
        "xlsx with merged cells": (_workbook(_sheet(INLINE, after='<mergeCells count="1"><mergeCell ref="A4:C4"/>'
                                                                  "</mergeCells>")), ROWS),
        "xlsx that is not packed": (made.archive(
            {i.filename: zipfile.ZipFile(io.BytesIO(_workbook(_sheet(INLINE)))).read(i)
             for i in zipfile.ZipFile(io.BytesIO(_workbook(_sheet(INLINE)))).infolist()}, zipfile.ZIP_STORED), ROWS),
        "xlsx in Thai": (made.xlsx({"แผ่นงาน": THAI}), THAI),
    }
    return {name: ("xlsx", content, "rows", rows) for name, (content, rows) in books.items()}


def _documents():
    p, w = made.paragraph, made.W
    link = ('<w:p><w:hyperlink r:id="rId9" xmlns:r="r"><w:r><w:t>a link</w:t></w:r></w:hyperlink>'
            "<w:r><w:t> and more</w:t></w:r></w:p>")
    kept = "<w:p><w:ins><w:r><w:t>new text</w:t></w:r></w:ins></w:p>"
    breaks = "<w:p><w:r><w:t>one</w:t><w:br/><w:t>two</w:t><w:tab/><w:t>three</w:t></w:r></w:p>"
    other = f'<?xml version="1.0"?><z:document {w.replace("xmlns:w", "xmlns:z")}><z:body><z:p><z:r><z:t>Tent</z:t>' \
            "</z:r></z:p></z:body></z:document>"
    documents = {
        "docx in Japanese": (made.docx(p("折りたたみ式のテント") + made.table(JAPANESE[:2])), ["折りたたみ式のテント", *JAPANESE[:2]]),
        "docx with a link": (made.docx(link), ["a link and more"]),
        "docx with a tracked insertion": (made.docx(kept), ["new text"]),
        "docx with breaks and tabs": (made.docx(breaks), None),
        "docx with another prefix": (made.archive({"word/document.xml": other}), ["Tent"]),
        "docx without styles": (made.archive({"word/document.xml": f"<w:document {w}><w:body>{p('Tent')}</w:body>"
                                                                   "</w:document>"}), ["Tent"]),
    }
    return {name: ("docx", content, "blocks", texts) for name, (content, texts) in documents.items()}


def _texts():
    page = "<html><head><meta charset='{0}'><title>t</title><style>p {{}}</style></head><body><h1>{1}</h1>" \
           "<script>alert(1)</script><p>{2}</p></body></html>"
    xml = '<?xml version="1.0" encoding="{0}"?><c><product><name>{1}</name><price>5</price></product></c>'
    jp, th = JAPANESE[1][1], THAI[1][1]
    texts = {
        "html in UTF-8": ("html", page.format("utf-8", th, jp).encode(), [th, jp]),
        "html in Shift_JIS by its word": ("html", page.format("shift_jis", jp, jp).encode("cp932"), [jp, jp]),
        "html in Thai by its word": ("html", page.format("windows-874", th, th).encode("cp874"), [th, th]),
        "html that closes nothing": ("html", b"<h1>Head<p>One<p>Two<ul><li>Three", None),
        "xml in UTF-16": ("xml", ("\ufeff" + xml.format("UTF-16", th)).encode("utf-16-le"), None),
        "xml in ISO 8859-1": ("xml", xml.format("ISO-8859-1", "Größe").encode("latin-1"), None),
        "xml with CDATA and a namespace": (
            "xml", b'<c xmlns="urn:x"><product><name><![CDATA[a < b]]></name><price>5</price></product></c>', None),
        "json with a mark": ("json", ("\ufeff" + json.dumps([{"name": th}])).encode(), None),
        "json with escapes": ("json", json.dumps([{"name": "\U0001f3d5 " + jp}]).encode(), None),
        "plain text in Thai": ("txt", ((th + "\n\n") * 9).encode("cp874"), [th] * 9),
        "plain text in Japanese": ("txt", ((jp + "であり、軽くて丈夫です。\n\n") * 9).encode("cp932"),
                                   [jp + "であり、軽くて丈夫です。"] * 9),
        "plain text in UTF-16": ("txt", ("\ufeff" + th).encode("utf-16-le"), [th]),
        "Markdown with a table": ("md", b"# Tents\n\n| a | b |\n|:--|--:|\n| 1 | 2 |\n",
                                  ["Tents", ["a", "b"], ["1", "2"]]),
    }
    return {name: (kind, content, "blocks", out) for name, (kind, content, out) in texts.items()}


FILES = {**_csvs(), **_books(), **_documents(), **_texts()}


# ---- hostile ---------------------------------------------------------------------------------------------------------


def swap(content, old, new):
    assert old in content
    return content.replace(old, new)


def lying_zip(sizes):
    """The directory says another size than what is unpacked."""
    content = made.docx(made.paragraph("x" * 100000))
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        info = zipped.getinfo("word/document.xml")
    return content.replace(struct.pack("<II", info.compress_size, info.file_size),
                           struct.pack("<II", info.compress_size, sizes))


def encrypted_zip():
    content = bytearray(made.docx(made.paragraph("x")))
    at = content.find(b"PK\x01\x02")
    while at >= 0:
        content[at + 8] |= 1
        at = content.find(b"PK\x01\x02", at + 4)
    return bytes(content)


def passwd(kind):
    entity = '<!ENTITY x SYSTEM "file:///etc/passwd">'
    return f'<?xml version="1.0"?><!DOCTYPE c [{entity}]><c><product><name>&x;</name><price>1</price></product></c>' \
        if kind == "entity" else ('<c xmlns:xi="http://www.w3.org/2001/XInclude"><product><name><xi:include '
                                  'parse="text" href="file:///etc/passwd"/></name><price>1</price></product></c>')


def _pdfs():
    plain = made.pdf([(11, "Plain words on a page.")])

    def opening(action):
        return swap(plain, b"<</Type/Catalog", b"<</Type/Catalog/OpenAction" + action)
    deep = b"[" * 50000 + b"]" * 50000
    return {
        "pdf that runs a script": opening(b"<</S/JavaScript/JS(app.alert(1))>>"),
        "pdf that starts a program": opening(b"<</S/Launch/F(/bin/sh)>>"),
        "pdf that fetches": opening(b"<</S/URI/URI(http://127.0.0.1:1/)>>"),
        "pdf whose pages are their own parents": swap(plain, b"/Kids[5 0 R]", b"/Kids[2 0 R]"),
        "pdf of a billion pages": swap(plain, b"/Count 1", b"/Count 1000000000"),
        "pdf with a wrong place of its table": swap(plain, b"startxref\n", b"startxref\n9"),
        "pdf without a table": plain[:plain.index(b"xref\n")],
        "pdf with wrong lengths": plain.replace(b"/Length ", b"/Length 99"),
        "pdf with negative lengths": plain.replace(b"/Length ", b"/Length -"),
        "pdf with deep lists": swap(plain, b"<</Type/Catalog", b"<</Type/Catalog/X " + deep),
        "pdf with a table that points to itself": swap(plain, b"trailer<<", b"trailer<</Prev 9"),
        "pdf of nothing but its head": b"%PDF-1.7\n",
        "pdf with a page as wide as the sea": swap(plain, b"[0 0 612 792]", b"[0 0 1e38 1e38]"),
    }


def one_row(cells):
    return "xlsx", _workbook(_sheet(f'<row r="1">{cells}</row>'))


def _zips():
    body = made.paragraph("words")
    cells = [f'<row r="1"><c r="{at}" t="inlineStr"><is><t>x</t></is></c></row>'
             for at in ("XFD1048576", "ZZZZZZZ1", "A99999999999", "A0", "1A", "")]
    bad = {f"xlsx with a cell at '{at}'": ("xlsx", _workbook(_sheet(cell)))
           for at, cell in zip(("XFD1048576", "ZZZZZZZ1", "A99999999999", "A0", "1A", ""), cells)}
    return {
        **bad,
        "xlsx with a string that is not there": one_row('<c t="s"><v>99999999</v></c>'),
        "xlsx with a negative string": one_row('<c t="s"><v>-1</v></c>'),
        "xlsx with a style that is not there": one_row('<c s="70000"><v>1</v></c>'),
        "xlsx with impossible numbers": one_row('<c><v>1e999</v></c><c><v>nan</v></c>'),
        "xlsx with a date past the end of time": ("xlsx", made.xlsx({"S": [[("date", 1e300), ("date", -5)]]})),
        "xlsx with rows in no order": ("xlsx", _workbook(_sheet(
            "".join(f'<row r="{at}"><c><v>1</v></c></row>' for at in (9, 2, 4294967297))))),
        "docx that says it is small": ("docx", lying_zip(10)),
        "docx that says it is large": ("docx", lying_zip(0x7FFFFFFF)),
        "docx under a password": ("docx", encrypted_zip()),
        "docx with paths that climb": ("docx", made.docx(body, **{"../../../tmp/escaped": "x", "/etc/escaped": "x"})),
        "docx without a directory": ("docx", made.docx(body)[:-22]),
        "docx of no parts": ("docx", made.archive({})),
        "docx with deep tables": ("docx", made.docx("<w:tbl><w:tr><w:tc>" * 5000 + "</w:tc></w:tr></w:tbl>" * 5000)),
    }


def _texts_hostile():
    return {
        "xml that reads a file": ("xml", passwd("entity")),
        "xml that includes a file": ("xml", passwd("include")),
        "xml with a hundred thousand attributes": ("xml", "<a " + " ".join(f'a{i}="1"' for i in range(100000)) + "/>"),
        "xml with a name of a megabyte": ("xml", f"<{'a' * (1 << 20)}/>"),
        "xml in an encoding that nobody knows": ("xml", '<?xml version="1.0" encoding="none-such"?><a/>'),
        "xml of half a rune": ("xml", b"<a>\xf0\x9f\x8f</a>"),
        "json with a lone surrogate": ("json", '[{"name":"\\ud800"}]'),
        "json with a number without end": ("json", "[" + "9" * 4000 + ", 1e999999]"),
        "json with rest behind it": ("json", "[] []"),
        "json of zeros": ("json", bytes(100000)),
        "csv of zeros": ("csv", bytes(1 << 20)),
        "csv of quotes": ("csv", '"' * (1 << 20)),
        "csv of bare carriage returns": ("csv", "\r" * (1 << 20)),
        "csv of half a rune": ("csv", b"name,price\n\xf0\x9f,1\n"),
        "csv in UTF-16 of an odd length": ("csv", b"\xff\xfea\x00,\x00b"),
        "csv of a mark alone": ("csv", b"\xef\xbb\xbf"),
        "csv in UTF-16 with lone surrogates": ("csv", b"\xff\xfe" + b"\x00\xd8" * 1000),
        "html with a hundred thousand attributes": ("html", "<p " + "a=1 " * 100000 + ">x"),
        "html with entities without end": ("html", "&" * 1000000),
        "html with comments without end": ("html", "<!--" * 200000),
        "text of bells": ("txt", "\a" * 100000),
        "Markdown of stars": ("md", "*" * 1000000),
        "Markdown of bars": ("md", "|" * 1000000),
    }


HOSTILE = {**{name: ("pdf", content) for name, content in _pdfs().items()}, **_zips(), **_texts_hostile()}
