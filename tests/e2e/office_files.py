"""Office files, books, mail and archives written by hand, as the programs that people use write them."""
import email.message
import io
import tarfile
import zipfile
from xml.sax.saxutils import escape

REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def zipped(entries):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(entries, mode="w:gz"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, data in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def rels(*items):
    body = "".join(f'<Relationship Id="{id}" Type="{REL}/{kind}" Target="{target}"/>' for id, kind, target in items)
    return ('<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Relationships '
            f'xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{body}</Relationships>')


def package(main, entries):
    return zipped({"[Content_Types].xml": '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/'
                                          'package/2006/content-types"/>',
                   "_rels/.rels": rels(("rId1", "officeDocument", main)), **entries})


def docx(heading, paragraphs, table=(), picture=None, caption=""):
    def p(text, style=""):
        mark = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
        return f"<w:p>{mark}<w:r><w:t>{escape(text)}</w:t></w:r></w:p>"
    body = p(heading, "Heading1") + "".join(p(text) for text in paragraphs)
    if table:
        body += "<w:tbl>" + "".join("<w:tr>" + "".join(f"<w:tc>{p(cell)}</w:tc>" for cell in row) + "</w:tr>"
                                    for row in table) + "</w:tbl>"
    entries = {}
    links = [("rId1", "styles", "styles.xml")]
    if picture:
        body += ('<w:p><w:r><w:drawing><wp:inline><wp:docPr id="1" name="p"/><a:graphic><a:blip r:embed="rId2"/>'
                 "</a:graphic></wp:inline></w:drawing></w:r></w:p>" + p(caption, "Caption"))
        entries["word/media/image1.png"] = picture
        links.append(("rId2", "image", "media/image1.png"))
    entries["word/document.xml"] = (
        '<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/'
        f'2006/main" xmlns:r="{REL}" xmlns:a="urn:a" xmlns:wp="urn:wp"><w:body>{body}</w:body></w:document>')
    entries["word/styles.xml"] = (
        '<w:styles xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        '<w:style w:styleId="Heading1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="Caption"><w:name w:val="caption"/></w:style></w:styles>')
    entries["word/_rels/document.xml.rels"] = rels(*links)
    return package("word/document.xml", entries)


def pptx(slides):
    """`slides`: (title, lines) each."""
    entries, links, ids = {}, [], ""
    for number, (title, lines) in enumerate(slides, 1):
        def shape(holder, texts):
            runs = "".join(f"<a:p><a:r><a:t>{escape(text)}</a:t></a:r></a:p>" for text in texts)
            return (f'<p:sp><p:nvSpPr><p:cNvPr id="2" name="n"/><p:nvPr>{holder}</p:nvPr></p:nvSpPr>'
                    f"<p:txBody>{runs}</p:txBody></p:sp>")
        entries[f"ppt/slides/slide{number}.xml"] = (
            f'<p:sld xmlns:p="urn:p" xmlns:a="urn:a" xmlns:r="{REL}"><p:cSld><p:spTree>'
            + shape('<p:ph type="title"/>', [title]) + shape('<p:ph idx="1"/>', lines)
            + "</p:spTree></p:cSld></p:sld>")
        links.append((f"rId{number}", "slide", f"slides/slide{number}.xml"))
        ids += f'<p:sldId id="{255 + number}" r:id="rId{number}"/>'
    entries["ppt/presentation.xml"] = (f'<p:presentation xmlns:p="urn:p" xmlns:r="{REL}"><p:sldIdLst>{ids}</p:sldIdLst>'
                                       "</p:presentation>")
    entries["ppt/_rels/presentation.xml.rels"] = rels(*links)
    return package("ppt/presentation.xml", entries)


def xlsx(sheets):
    """`sheets`: {name: rows of cells}."""
    entries, links, refs = {}, [], ""
    for number, (name, rows) in enumerate(sheets.items(), 1):
        data = ""
        for r, row in enumerate(rows, 1):
            cells = ""
            for c, value in enumerate(row):
                place = f"{chr(65 + c)}{r}"
                cells += (f'<c r="{place}"><v>{value}</v></c>' if isinstance(value, (int, float)) else
                          f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>')
            data += f'<row r="{r}">{cells}</row>'
        entries[f"xl/worksheets/sheet{number}.xml"] = f"<worksheet><sheetData>{data}</sheetData></worksheet>"
        links.append((f"rId{number}", "worksheet", f"worksheets/sheet{number}.xml"))
        refs += f'<sheet name="{escape(name)}" sheetId="{number}" r:id="rId{number}"/>'
    entries["xl/workbook.xml"] = f'<workbook xmlns:r="{REL}"><sheets>{refs}</sheets></workbook>'
    entries["xl/_rels/workbook.xml.rels"] = rels(*links)
    return package("xl/workbook.xml", entries)


def odt(heading, paragraphs):
    body = f'<text:h text:outline-level="1">{escape(heading)}</text:h>' + "".join(
        f"<text:p>{escape(text)}</text:p>" for text in paragraphs)
    return zipped({"mimetype": "application/vnd.oasis.opendocument.text",
                   "META-INF/manifest.xml": "<manifest/>",
                   "content.xml": '<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="urn:o" '
                                  f'xmlns:text="urn:t"><office:body><office:text>{body}</office:text></office:body>'
                                  "</office:document-content>"})


def epub(title, chapters):
    """`chapters`: (heading, text) each."""
    items = "".join(f'<item id="c{i}" href="c{i}.xhtml"/>' for i in range(len(chapters)))
    spine = "".join(f'<itemref idref="c{i}"/>' for i in range(len(chapters)))
    entries = {"mimetype": "application/epub+zip",
               "META-INF/container.xml": '<container><rootfiles><rootfile full-path="b.opf"/></rootfiles></container>',
               "b.opf": f'<package xmlns:dc="urn:dc"><metadata><dc:title>{escape(title)}</dc:title></metadata>'
                        f"<manifest>{items}</manifest><spine>{spine}</spine></package>"}
    for i, (heading, text) in enumerate(chapters):
        entries[f"c{i}.xhtml"] = ('<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html '
                                  f'xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body><h1>{escape(heading)}'
                                  f"</h1><p>{escape(text)}</p></body></html>")
    return zipped(entries)


def mail(subject, text, attachments=None):
    message = email.message.EmailMessage()
    message["From"] = "张三 <zhang@example.com>"
    message["To"] = "Bob <bob@example.com>"
    message["Subject"] = subject
    message["Date"] = "Wed, 01 May 2024 10:00:00 +0200"
    message.set_content(text)
    message.add_alternative(f"<html><body><p>{escape(text)}</p></body></html>", subtype="html")
    for name, data in (attachments or {}).items():
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def opendocument(kind, body):
    """`kind`: spreadsheet or presentation."""
    return zipped({"mimetype": f"application/vnd.oasis.opendocument.{kind}",
                   "META-INF/manifest.xml": "<manifest/>",
                   "content.xml": '<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="urn:o" '
                                  'xmlns:text="urn:t" xmlns:table="urn:tb" xmlns:draw="urn:d" xmlns:presentation="urn:p">'
                                  f"<office:body><office:{kind}>{body}</office:{kind}></office:body>"
                                  "</office:document-content>"})


def ods(sheets):
    """`sheets`: {name: rows of cells}."""
    body = ""
    for name, rows in sheets.items():
        cells = "".join("<table:table-row>" + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{escape(cell)}</text:p></table:table-cell>' for cell in row)
            + "</table:table-row>" for row in rows)
        body += f'<table:table table:name="{escape(name)}">{cells}</table:table>'
    return opendocument("spreadsheet", body)


def odp(slides):
    """`slides`: (title, lines) each."""
    body = ""
    for title, lines in slides:
        frames = "".join(f'<draw:frame presentation:class="{kind}"><draw:text-box><text:p>{escape(text)}</text:p>'
                         "</draw:text-box></draw:frame>" for kind, text in [("title", title), *(("outline", t) for t in lines)])
        body += f"<draw:page>{frames}</draw:page>"
    return opendocument("presentation", body)
