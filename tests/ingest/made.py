# SPDX-License-Identifier: Apache-2.0
"""Files made for tests: office documents and PDFs as small as they can be, and hostile ones."""

import io
import zipfile
import zlib

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
S = ('xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
     'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"')
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def escape(text):
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def archive(parts, compression=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as zipped:
        for name, content in parts.items():
            zipped.writestr(name, content)
    return out.getvalue()


def paragraph(text, style=None):
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{escape(text)}</w:t></w:r></w:p>"


def table(rows):
    cells = "".join("<w:tr>" + "".join(f"<w:tc>{paragraph(c)}</w:tc>" for c in row) + "</w:tr>" for row in rows)
    return f"<w:tbl>{cells}</w:tbl>"


def docx(body, **more):
    """`body`: XML of paragraph() and table()."""
    styles = (f'<w:styles {W}><w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>'
              f'<w:style w:styleId="Small"><w:name w:val="Small"/></w:style></w:styles>')
    return archive({"[Content_Types].xml": "<Types/>", "word/document.xml":
                    f'<?xml version="1.0"?><w:document {W}><w:body>{body}</w:body></w:document>',
                    "word/styles.xml": styles, **more})


def column(i):
    return chr(65 + i) if i < 26 else chr(64 + i // 26) + chr(65 + i % 26)


def cell(row, i, value):
    """A number, a boolean, ("date", serial), ("shared", index), None, or an inline string."""
    at = f'r="{column(i)}{row}"'
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c {at} t="b"><v>{int(value)}</v></c>'
    if isinstance(value, (int, float)):
        return f"<c {at}><v>{value!r}</v></c>"
    if isinstance(value, tuple) and value[0] == "date":
        return f'<c {at} s="1"><v>{value[1]}</v></c>'
    if isinstance(value, tuple):
        return f'<c {at} t="s"><v>{value[1]}</v></c>'
    return f'<c {at} t="inlineStr"><is><t>{escape(value)}</t></is></c>'


def xlsx(sheets, shared=(), **more):
    """`sheets`: {name: rows}."""
    parts = {"[Content_Types].xml": "<Types/>"}
    names = "".join(f'<sheet name="{escape(n)}" sheetId="{i}" r:id="rId{i}"/>' for i, n in enumerate(sheets, 1))
    parts["xl/workbook.xml"] = f"<workbook {S}><sheets>{names}</sheets></workbook>"
    parts["xl/_rels/workbook.xml.rels"] = f'<Relationships xmlns="{PACKAGE}">' + "".join(
        f'<Relationship Id="rId{i}" Target="worksheets/sheet{i}.xml"/>' for i in range(1, len(sheets) + 1)
    ) + "</Relationships>"
    for i, rows in enumerate(sheets.values(), 1):
        data = "".join(f'<row r="{r}">' + "".join(cell(r, k, v) for k, v in enumerate(row)) + "</row>"
                       for r, row in enumerate(rows, 1))
        parts[f"xl/worksheets/sheet{i}.xml"] = f"<worksheet {S}><sheetData>{data}</sheetData></worksheet>"
    parts["xl/styles.xml"] = (f'<styleSheet {S}><numFmts><numFmt numFmtId="170" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
                              '<cellXfs><xf numFmtId="0"/><xf numFmtId="170"/></cellXfs></styleSheet>')
    parts["xl/sharedStrings.xml"] = f"<sst {S}>" + "".join(
        f"<si><r><t>{escape(s)}</t></r><rPh><t>no</t></rPh></si>" for s in shared) + "</sst>"
    return archive({**parts, **more})


def pdf(*pages, encrypt=False, gap=3):
    """Each page is a list of (size, text); one block of text each, or one block of all with `gap` 1."""
    kids = " ".join(f"{5 + 2 * i} 0 R" for i in range(len(pages)))
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>".encode(),
               b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
               b"<</Filter/Standard/V 1/R 2/O(" + b"o" * 32 + b")/U(" + b"u" * 32 + b")/P -4>>" if encrypt else b"<<>>"]
    for i, page in enumerate(pages):
        y, content = 740, ""
        for size, text in page:
            content += f"BT /F1 {size} Tf 72 {y} Td ({text}) Tj ET\n"
            y -= gap * size
        packed = zlib.compress(content.encode())
        objects.append(b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %d 0 R"
                       b"/Resources<</Font<</F1 3 0 R>>>>>>" % (6 + 2 * i))
        objects.append(b"<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(packed), packed))
    out, places = b"%PDF-1.4\n", []
    for i, one in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (i, one)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    secret = b"/Encrypt 4 0 R/ID[(aaaaaaaaaaaaaaaa)(aaaaaaaaaaaaaaaa)]" if encrypt else b""
    return out + b"trailer<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, secret, start)


def bomb(megabytes=120):
    """A DOCX that is small and would unpack to many megabytes."""
    return docx(paragraph("x" * (megabytes << 20)))


def laughs():
    entities = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE l [{entities}]><products><product><name>&a9;</name></product></products>'
