"""Files made to hurt who reads them, of every format, and what may be answered. The same seed gives the same files."""
import base64
import bz2
import dataclasses
import gzip
import io
import lzma
import random
import struct
import tarfile
import zipfile
import zlib

from PIL import Image

import office_files as office
from format_corpus import heic, saved
from pdf_files import assemble, pdf_of, rewritten, stream
from support import picture, png_header

MIB = 1 << 20
INDEXED = "indexed"  # beside reasons: the file may also be read, wholly or what is whole of it


@dataclasses.dataclass(frozen=True)
class Hostile:
    kind: str      # row of the table
    name: str      # of the file
    data: bytes
    answers: str   # reasons of which it has one, between spaces; INDEXED among them: or none
    also: str = ""  # further ones that its members may have


MEMBERS = "too_much_text unknown_type"  # what is wrong with the members themselves of an archive of equal bytes


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(*chunks, size=(64, 64)):
    """A grey PNG of `size` with further chunks after its header."""
    rows = zlib.compress(b"".join(b"\0" + b"\x80" * size[0] for _ in range(size[1])))
    return (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0))
            + b"".join(png_chunk(*chunk) for chunk in chunks) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b""))


def packed(size, packer, letter=b"\0"):
    """`size` equal bytes packed, without ever holding them."""
    out = b"".join(packer.compress(letter * MIB) for _ in range(size // MIB))
    return out + packer.flush()


def gif_of_frames(count):
    frame = b"\x2c\0\0\0\0\1\0\1\0\0\2\2\x4c\1\0"
    return b"GIF89a\x20\0\x20\0\x80\0\0\0\0\0\xff\xff\xff" + frame * count + b"\x3b"


def tiff(entries, order="<"):
    """A little TIFF of one directory: (tag, type, count, value) each; its next directory is itself."""
    body = struct.pack(order + "H", len(entries)) + b"".join(struct.pack(order + "HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack(order + "I", 8) + body + struct.pack(order + "I", 8) + bytes(64)


def pictures():
    small = io.BytesIO()
    jpeg = picture(71, "JPEG")
    yield Hostile("claims of size", "png-claims.png", png_header(65_535, 65_535), "too_many_pixels side_too_long")
    yield Hostile("claims of size", "png-nothing.png", png_header(0, 0), "bad_image")
    yield Hostile("claims of size", "png-thin.png", png_header(10_000, 1), "aspect_ratio bad_image")
    yield Hostile("claims of size", "gif-claims.gif", b"GIF89a\xff\xff\xff\xff" + gif_of_frames(1)[10:],
                  f"{INDEXED} too_many_pixels side_too_long")
    at = jpeg.index(b"\xff\xc0")
    yield Hostile("claims of size", "jpeg-claims.jpg", jpeg[:at + 5] + b"\xff\xdc\xff\xdc" + jpeg[at + 9:],
                  "too_many_pixels side_too_long")
    webp = saved(Image.new("RGBA", (32, 32)), "WEBP", exif=b"Exif\0\0" + bytes(8))
    at = webp.index(b"VP8X")
    yield Hostile("claims of size", "webp-claims.webp", webp[:at + 12] + b"\xff\xff\xff\xff\xff\xff" + webp[at + 18:],
                  "too_many_pixels side_too_long bad_image")
    bmp = saved(Image.new("RGB", (16, 16)), "BMP")
    yield Hostile("claims of size", "bmp-claims.bmp", bmp[:18] + struct.pack("<ii", 60_000, -(1 << 31)) + bmp[26:],
                  "too_many_pixels side_too_long bad_image")
    yield Hostile("bombs", "png-one-colour.png",
                  b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 25_000, 25_000, 1, 0, 0, 0, 0))
                  + png_chunk(b"IDAT", packed(75 * MIB, zlib.compressobj())) + png_chunk(b"IEND", b""), "too_many_pixels side_too_long")
    text = packed(64 * MIB, zlib.compressobj())
    yield Hostile("bombs", "png-text.png", png_with((b"zTXt", b"Comment\0\0" + text)), f"{INDEXED} bad_image out_of_memory")
    yield Hostile("bombs", "png-profile.png", png_with((b"iCCP", b"p\0\0" + text)), f"{INDEXED} bad_image out_of_memory")
    yield Hostile("bombs", "gif-frames.gif", gif_of_frames(100_000), f"{INDEXED} bad_image too_many_pixels")
    small = saved(Image.effect_noise((32, 32), 40), "JPEG", progressive=True)
    scan = small[small.rindex(b"\xff\xda"):-2]
    yield Hostile("renderer hangs", "jpeg-scans.jpg", small[:-2] + scan * 10_000 + b"\xff\xd9", "bad_image timeout")
    yield Hostile("broken inside", "gif-outside.gif", b"GIF89a\x10\0\x10\0\x80\0\0\0\0\0\xff\xff\xff\x2c\xf0\0\xf0\0\xff\0\xff\0\0\2\4\xff\xff\xff\xff\0\x3b",
                  f"{INDEXED} bad_image")
    yield Hostile("broken inside", "tiff-strips.tif", tiff([(256, 4, 1, 64), (257, 4, 1, 64), (258, 3, 1, 8), (262, 3, 1, 1),
                                                           (273, 4, 1 << 31, 8), (279, 4, 1 << 31, 8)]), "bad_image out_of_memory")
    yield Hostile("broken inside", "tiff-loop.tif", tiff([(256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
                                                         (273, 4, 1, 80), (277, 3, 1, 1), (278, 4, 1, 8), (279, 4, 1, 64)]),
                  f"{INDEXED} bad_image")
    run = bytearray(bmp[:54])
    run[28:30], run[30:34] = struct.pack("<H", 8), struct.pack("<I", 1)
    yield Hostile("broken inside", "bmp-runs.bmp", bytes(run) + b"\xff\xff" * 5_000, f"{INDEXED} bad_image")
    yield Hostile("broken inside", "avif-boxes.avif", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1" + b"\0\0\0\x08meta" * 1000, "bad_image")
    yield Hostile("broken inside", "heic-empty.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\xff\xff\xff\xffmeta", "bad_image")


def bombs():
    yield Hostile("bombs", "letters.zip", office.zipped({f"{i}.txt": b"x" * 2 * MIB for i in range(12)}), "inflate_limit", MEMBERS)
    yield Hostile("bombs", "letters.gz", packed(64 * MIB, zlib.compressobj(9, zlib.DEFLATED, 31), b"x"), "inflate_limit")
    yield Hostile("bombs", "letters.bz2", packed(64 * MIB, bz2.BZ2Compressor(), b"x"), "inflate_limit")
    yield Hostile("bombs", "letters.xz", packed(64 * MIB, lzma.LZMACompressor(preset=0), b"x"), "inflate_limit")
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        info = tarfile.TarInfo("letters.txt")
        info.size = 64 * MIB
        archive.addfile(info, io.BytesIO(b"x" * 64 * MIB))
    yield Hostile("bombs", "letters.tar.gz", gzip.compress(tar.getvalue(), 1), "inflate_limit")
    word = b"<w:document xmlns:w='urn:w'><w:body>" + b" " * (40 * MIB)
    bomb = office.package("word/document.xml", {"word/document.xml": word})
    yield Hostile("bombs", "spaces.docx", bomb, "inflate_limit bad_document")
    lie = bytearray(bomb)  # says that it holds a thousand bytes
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = -1
        while (place := lie.find(mark, place + 1)) >= 0:
            if struct.unpack("<I", lie[place + at:place + at + 4])[0] > MIB:
                lie[place + at:place + at + 4] = struct.pack("<I", 1000)
    yield Hostile("bombs", "lies.docx", bytes(lie), "inflate_limit bad_document bad_archive")
    sheet = b"<worksheet><sheetData>" + b"<row><c t='inlineStr'><is><t>" + b"a" * (40 * MIB)
    entries = {"xl/workbook.xml": f"<workbook xmlns:r='{office.REL}'><sheets><sheet name='s' r:id='r1'/></sheets></workbook>",
               "xl/_rels/workbook.xml.rels": office.rels(("r1", "worksheet", "s.xml")), "xl/s.xml": sheet}
    yield Hostile("bombs", "cell.xlsx", office.package("xl/workbook.xml", entries), "inflate_limit bad_document too_much_text")
    yield Hostile("bombs", "overlap.zip", overlapping(200, 4 * MIB), "inflate_limit bad_archive", MEMBERS)
    nested = b"bottom"
    for level in range(6):
        nested = office.zipped({f"level{level}.zip" if level else "bottom.txt": nested})
    yield Hostile("nested archives", "six.zip", nested, "nested_too_deep")
    nested = b"bottom"
    for level in range(6):
        nested = office.tarred({f"level{level}.tar.gz" if level else "bottom.txt": nested})
    yield Hostile("nested archives", "six.tar.gz", nested, "nested_too_deep")
    inner = office.zipped({f"{i}.txt": bytes(4 * MIB) for i in range(8)})
    yield Hostile("nested archives", "wide.zip", office.zipped({f"{i}.zip": inner for i in range(4)}), "inflate_limit", MEMBERS)
    yield Hostile("nested archives", "many.zip", office.zipped({f"{i}.txt": b"" for i in range(3_000)}), "too_many_members")
    yield Hostile("nested archives", "many.tar", office.tarred({f"{i}.txt": b"" for i in range(3_000)}, "w"), "too_many_members", "empty")


def overlapping(count, size):
    """A zip whose entries are one and the same bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body, checksum = packed(size, packer), zlib.crc32(bytes(size))
    local = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, 0, 8, 0, 0, checksum, len(body), size, 5, 0) + b"a.txt" + body
    entry = struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\x01\x02", 20, 20, 0, 8, 0, 0, checksum, len(body), size, 5, 0, 0, 0, 0, 0, 0) + b"a.txt"
    return local + entry * count + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(entry) * count, len(local), 0)


def slips(outside):
    """`outside`: a path that must stay without a file."""
    up = "../" * 12 + str(outside).lstrip("/")
    for name, path in (("up", up), ("absolute", str(outside)), ("middle", "a/" + up), ("backslash", up.replace("/", "\\")),
                       ("drive", "C:\\" + outside.name)):
        yield Hostile("zip slips", f"slip-{name}.zip", office.zipped({path: b"slipped"}), "unsafe_path")
        yield Hostile("zip slips", f"slip-{name}.tar", office.tarred({path: b"slipped"}, "w"), "unsafe_path")
    yield Hostile("zip slips", "slip-control.zip", office.zipped({"a\x1b[2J\nb\x07.txt": b"slipped"}), f"{INDEXED} unsafe_path")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind, target in (("link", tarfile.SYMTYPE, str(outside.parent)), ("hard", tarfile.LNKTYPE, "/etc/passwd"),
                                   ("device", tarfile.CHRTYPE, ""), ("pipe", tarfile.FIFOTYPE, "")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
        info = tarfile.TarInfo("link/" + outside.name)
        info.size = 7
        archive.addfile(info, io.BytesIO(b"slipped"))
    yield Hostile("zip slips", "slip-link.tar", out.getvalue(), "not_a_file")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, str(outside.parent))
    yield Hostile("zip slips", "slip-link.zip", out.getvalue(), "not_a_file")


def xml():
    laughs = "<!DOCTYPE d [<!ENTITY a0 'ha'>" + "".join(
        f"<!ENTITY a{i} '{f'&a{i - 1};' * 10}'>" for i in range(1, 12)) + "]>"
    outside = "<!DOCTYPE d [<!ENTITY a11 SYSTEM 'file:///etc/passwd'>]>"
    for name, prolog in (("laughs", laughs), ("outside", outside)):
        word = prolog + "<w:document xmlns:w='urn:w'><w:body><w:p><w:r><w:t>&a11;</w:t></w:r></w:p></w:body></w:document>"
        yield Hostile("XML entities", f"{name}.docx", office.package("word/document.xml", {"word/document.xml": word}), "xml_entities")
        slide = prolog + "<p:sld xmlns:p='urn:p' xmlns:a='urn:a'><a:t>&a11;</a:t></p:sld>"
        shown = {"ppt/presentation.xml": f"<p:presentation xmlns:p='urn:p' xmlns:r='{office.REL}'><p:sldIdLst><p:sldId id='1' r:id='r1'/>"
                                         "</p:sldIdLst></p:presentation>",
                 "ppt/_rels/presentation.xml.rels": office.rels(("r1", "slide", "s.xml")), "ppt/s.xml": slide}
        yield Hostile("XML entities", f"{name}.pptx", office.package("ppt/presentation.xml", shown), "xml_entities")
        book = {"xl/workbook.xml": f"{prolog}<workbook xmlns:r='{office.REL}'><sheets><sheet name='&a11;' r:id='r1'/></sheets></workbook>"}
        yield Hostile("XML entities", f"{name}.xlsx", office.package("xl/workbook.xml", book), "xml_entities")
        text = {"mimetype": "application/vnd.oasis.opendocument.text",
                "content.xml": prolog + "<o:document-content xmlns:o='urn:o'>&a11;</o:document-content>"}
        yield Hostile("XML entities", f"{name}.odt", office.zipped(text), "xml_entities")
        novel = {"mimetype": "application/epub+zip", "b.opf": prolog + "<package>&a11;</package>",
                 "META-INF/container.xml": '<container><rootfiles><rootfile full-path="b.opf"/></rootfiles></container>'}
        yield Hostile("XML entities", f"{name}.epub", office.zipped(novel), "xml_entities")
    deep = "<w:document xmlns:w='urn:w'><w:body>" + "<w:p>" * 200_000
    yield Hostile("nested parts", "deep.docx", office.package("word/document.xml", {"word/document.xml": deep}), "bad_document too_deep")
    cells = "<worksheet><dimension ref='A1:XFD1048576'/><sheetData><row r='1048576'><c r='XFD1048576'><v>7</v></c></row></sheetData></worksheet>"
    book = {"xl/workbook.xml": f"<workbook xmlns:r='{office.REL}'><sheets><sheet name='s' r:id='r1'/></sheets></workbook>",
            "xl/_rels/workbook.xml.rels": office.rels(("r1", "worksheet", "s.xml")), "xl/s.xml": cells}
    yield Hostile("claims of size", "corner.xlsx", office.package("xl/workbook.xml", book), f"{INDEXED} too_many_cells")
    rows = ("<table:table table:name='s'><table:table-row table:number-rows-repeated='1048576'><table:table-cell "
            "table:number-columns-repeated='16384'><text:p>x</text:p></table:table-cell></table:table-row></table:table>")
    yield Hostile("claims of size", "repeated.ods", office.opendocument("spreadsheet", rows), f"{INDEXED} too_many_cells too_much_text")


def texts(rng):
    yield Hostile("nested parts", "deep.html", b"<html><body>" + b"<div>" * 100_000 + b"x", "too_deep")
    yield Hostile("nested parts", "deep.md", b"> " * 20_000 + b"x\n", f"{INDEXED} too_deep")
    yield Hostile("nested parts", "brackets.md", b"[" * 10_000 + b"](a)" * 10_000, f"{INDEXED} too_deep")
    yield Hostile("too much", "long.txt", b"All work and no play makes long files. " * 200_000, "too_much_text")
    yield Hostile("too much", "wide.csv", b"a,b\n" + b"1," * 1_500_000 + b"\n", f"{INDEXED} too_much_text")
    yield Hostile("no known type", "noise.bin", rng.randbytes(100_000), "unknown_type bad_text")
    yield Hostile("no known type", "empty.txt", b"", "empty")
    yield Hostile("no known type", "zeros.txt", bytes(10_000), "unknown_type bad_text")
    yield Hostile("no known type", "program.txt", b"\x7fELF\x02\x01\x01" + bytes(200), "type_not_allowed")
    yield Hostile("no known type", "script.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "type_not_allowed")
    yield Hostile("no known type", "old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000), "type_not_allowed")


def mails():
    head = b"From: a@example.com\r\nTo: b@example.com\r\nDate: Wed, 01 May 2024 10:00:00 +0200\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(5_000))
    yield Hostile("nested parts", "deep.eml", head + nested, f"{INDEXED} too_deep bad_document")
    mixed = head + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    yield Hostile("too much", "parts.eml", mixed + b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" * 20_000, f"{INDEXED} too_many_members")
    part = (b"--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"%s\"\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n%s\r\n")
    bomb = base64.encodebytes(gzip.compress(b"x" * 64 * MIB, 1))
    yield Hostile("bombs", "attached.eml", mixed + part % (b"letters.gz", bomb) + b"--b--\r\n", "inflate_limit")
    yield Hostile("zip slips", "attached-up.eml", mixed + part % (b"../../../../etc/cron.d/x", b"eA==") + b"--b--\r\n",
                  f"{INDEXED} unsafe_path")
    yield Hostile("too much", "head.eml", head + b"X-Long: " + b"a" * (3 * MIB) + b"\r\n\r\nbody\r\n", f"{INDEXED} bad_document")


def pdf_pages(*contents, extra=()):
    """One page for each content stream; `extra` are objects from number 10 on, which the pages know as X, F and P."""
    kids = [4 + 2 * i for i in range(len(contents))]
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>",
               b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(b"%d 0 R" % kid for kid in kids))]
    for content in contents:
        objects.append(content)
        objects.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 400] /Contents %d 0 R /Resources << /XObject << /X 10 0 R >> "
                       b"/Font << /F 10 0 R >> /Shading << /S 10 0 R >> /Pattern << /P 10 0 R >> >> >>" % len(objects))
    objects += [b"null"] * (9 - len(objects))
    return assemble(objects + list(extra))


def pdfs():
    plain = pdf_of([([("A plain page.", 72, 100, 14)], None)])
    million = b"%PDF-1.4\n" + b"".join(b"%d 0 obj null endobj\n" % i for i in range(1, 1_000_001))
    yield Hostile("PDF", "objects.pdf", million + b"trailer << /Size 1000001 /Root 1 0 R >>\nstartxref\n9\n%%EOF\n", "bad_pdf timeout")
    page = pdf_of([([("Among a million objects.", 72, 100, 14)], None)])
    yield Hostile("PDF", "objects-page.pdf", page[:page.rindex(b"xref\n0")] + million[9:].replace(b" 0 obj", b" 1 obj")
                  + b"trailer << /Size 1000001 /Root 1 0 R >>\nstartxref\n9\n%%EOF\n", f"{INDEXED} bad_pdf timeout bad_page")
    yield Hostile("PDF", "tree.pdf", assemble([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Count 1 /Kids [2 0 R] >>"]),
                  "bad_pdf bad_page")
    yield Hostile("PDF", "previous.pdf", plain.replace(b"/Root 1 0 R >>", b"/Root 1 0 R /Prev %d >>" % plain.rindex(b"xref\n0")),
                  f"{INDEXED} bad_pdf timeout")
    yield Hostile("PDF", "claims.pdf", plain.replace(b"/Count 1 ", b"/Count 1000000 "), f"{INDEXED} too_many_pages bad_pdf")
    chain = packed(400 * MIB, zlib.compressobj(9))
    for _ in range(2):
        chain = zlib.compress(chain, 9)
    yield Hostile("PDF", "chain.pdf", pdf_pages(stream(chain, "/Filter [/FlateDecode /FlateDecode /FlateDecode]")),
                  f"{INDEXED} bad_page timeout out_of_memory")
    form = "/Type /XObject /Subtype /Form /BBox [0 0 300 400] /Resources << /XObject << /X {} 0 R >> >>"
    slow = [stream(b"/X Do /X Do", form.format(11 + i)) for i in range(30)] + [stream(b"0 0 300 400 re f")]
    yield Hostile("PDF", "twice.pdf", pdf_pages(stream(b"/X Do"), extra=slow), "timeout bad_page")
    yield Hostile("PDF", "itself.pdf", pdf_pages(stream(b"/X Do"), extra=[stream(b"/X Do", form.format(10))]), f"{INDEXED} bad_page timeout")
    glyph = stream(b"1000 0 0 0 1000 1000 d1 BT /F 1 Tf (aaaaaaaaaaaa) Tj ET")
    font = (b"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 1000 1000] /FontMatrix [0.001 0 0 0.001 0 0] /FirstChar 97 /LastChar 97 "
            b"/Widths [1000] /Encoding << /Differences [97 /a] >> /CharProcs << /a 11 0 R >> /Resources << /Font << /F 10 0 R >> >> >>")
    yield Hostile("PDF", "font-itself.pdf", pdf_pages(stream(b"BT /F 20 Tf 20 200 Td (aaaa) Tj ET"), extra=[font, glyph]),
                  f"{INDEXED} bad_page timeout")
    broken = [b"<< /Type /Font /Subtype /TrueType /BaseFont /Bad /FirstChar 32 /LastChar 126 /Widths [%s] /FontDescriptor 11 0 R >>" % (b"500 " * 95),
              b"<< /Type /FontDescriptor /FontName /Bad /Flags 4 /FontBBox [0 0 9 9] /FontFile2 12 0 R >>",
              stream(b"\0\1\0\0\xff\xff\xff\xff" + random.Random(5).randbytes(4000))]
    yield Hostile("PDF", "font-broken.pdf", pdf_pages(stream(b"BT /F 20 Tf 20 200 Td (Legible) Tj ET"), extra=broken),
                  f"{INDEXED} bad_page timeout")
    mesh = stream(random.Random(6).randbytes(900_000), "/ShadingType 4 /ColorSpace /DeviceRGB /BitsPerCoordinate 8 /BitsPerComponent 8 "
                                                       "/BitsPerFlag 8 /Decode [0 300 0 400 0 1 0 1 0 1]")
    yield Hostile("PDF", "mesh.pdf", pdf_pages(stream(b"/S sh"), extra=[mesh]), f"{INDEXED} bad_page timeout")
    tile = stream(b"0 0 1 1 re f", "/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 0.001 0.001] /XStep 0.001 /YStep 0.001 "
                                   "/Resources << >>")
    yield Hostile("PDF", "tiles.pdf", pdf_pages(stream(b"/Pattern cs /P scn 0 0 300 400 re f"), extra=[tile]),
                  f"{INDEXED} bad_page timeout")
    loop = stream(b"{ 9999 { dup mul 1 exch sub } repeat }", "/FunctionType 4 /Domain [0 1] /Range [0 1]")
    shading = b"<< /ShadingType 2 /ColorSpace /DeviceGray /Coords [0 0 300 400] /Function 11 0 R /Extend [true true] >>"
    yield Hostile("PDF", "function.pdf", pdf_pages(stream(b"/S sh"), extra=[shading, loop]), f"{INDEXED} bad_page timeout")
    for codec, body in (("JBIG2Decode", b"\x97JB2\r\n\x1a\n\xff"), ("JPXDecode", b"\0\0\0\x0cjP  \r\n\x87\n\xff\x4f\xff\x51"), ("CCITTFaxDecode", b"\xff")):
        image = stream(body * 50, "/Type /XObject /Subtype /Image /Width 60000 /Height 60000 /ColorSpace /DeviceGray /BitsPerComponent 8 "
                                  f"/Filter /{codec}")
        yield Hostile("PDF", f"image-{codec[:4].lower()}.pdf", pdf_pages(stream(b"300 0 0 400 0 0 cm /X Do"), extra=[image]),
                      f"{INDEXED} bad_page timeout out_of_memory")
    yield Hostile("PDF", "huge-page.pdf", plain.replace(b"[0 0 595 842]", b"[0 0 99999999 99999999]"), f"{INDEXED} bad_page bad_pdf timeout")
    yield Hostile("PDF", "arrays.pdf", plain.replace(b"/Type /Page ", b"/Type /Page /D " + b"[" * 2_000_000 + b"]" * 2_000_000),
                  f"{INDEXED} bad_pdf bad_page timeout")
    yield Hostile("PDF", "operators.pdf", pdf_pages(stream(zlib.compress(b"q " * 10_000_000, 9), "/Filter /FlateDecode")),
                  f"{INDEXED} bad_page timeout out_of_memory")
    yield Hostile("PDF", "locked.pdf", rewritten(plain, "--encrypt", "user", "owner", "256"), "encrypted")
    yield Hostile("PDF", "actions.pdf", plain.replace(b"/Type /Catalog", b"/Type /Catalog /OpenAction << /S /Launch /F (/bin/sh) >> /AA << /O << /S "
                                                      b"/JavaScript /JS (app.alert(1)) >> >>"), INDEXED)


def samples():
    """One whole file of each format, with what a damaged one may fail of."""
    image = Image.open(io.BytesIO(picture(72, size=(320, 240))))
    for form, suffix, more in (("JPEG", "jpg", {}), ("PNG", "png", {}), ("WEBP", "webp", {}), ("GIF", "gif", {}),
                               ("TIFF", "tif", {"compression": "tiff_lzw"}), ("BMP", "bmp", {}), ("AVIF", "avif", {})):
        yield suffix, saved(image, form, **more), "bad_image"
    yield "heic", heic(image), "bad_image"
    text = "The keeper of the lighthouse writes a long letter to the harbour. " * 40
    yield "pdf", pdf_of([([(text[:60], 40, 100 + 20 * i, 12) for i in range(20)], None)] * 3), "bad_pdf bad_page"
    package = "bad_archive bad_document"
    yield "docx", office.docx("Heading", [text] * 5, [("a", "b")], picture(73), "Figure"), package
    yield "pptx", office.pptx([("One", [text]), ("Two", [text])]), package
    yield "xlsx", office.xlsx({"One": [[text, i] for i in range(20)]}), package
    yield "odt", office.odt("Heading", [text] * 5), package
    yield "ods", office.ods({"One": [[text, "x"]] * 5}), package
    yield "odp", office.odp([("One", [text])]), package
    yield "epub", office.epub("Book", [("I", text), ("II", text)]), package
    members = {"a.txt": text.encode(), "b.png": picture(74), "c.docx": office.docx("Heading", [text])}
    inside = "bad_archive bad_image bad_document unsafe_path unknown_type bad_text inflate_limit not_a_file encrypted type_not_allowed"
    yield "zip", office.zipped(members), inside
    yield "tar", office.tarred(members, "w"), inside
    yield "tar.gz", office.tarred(members), inside
    yield "eml", office.mail("Subject", text, {"bill.pdf": pdf_of([([(text[:60], 40, 100, 12)], None)]), "b.png": picture(75)}), \
        "bad_pdf bad_page bad_image bad_document unknown_type bad_text"


# Cut or flipped, a file may look like one of another kind, or like none.
NO_TYPE = "unknown_type type_not_allowed bad_text empty"
PICTURES = ("jpg", "png", "webp", "gif", "tif", "bmp", "avif", "heic")


def damaged(rng):
    for suffix, whole, reasons in samples():
        for part in (3, 30, 60, 95):
            cut = whole[:len(whole) * part // 100]
            # A cut picture is refused. Of what has pages or members, what is whole may be read.
            answers = f"{reasons} {NO_TYPE}" + ("" if suffix in PICTURES else f" {INDEXED} encrypted")
            yield Hostile("cut", f"cut-{part:02}.{suffix}", cut, answers)
        for turn in range(3):
            flipped = bytearray(whole)
            for _ in range(1 + 4 * turn * len(whole) // 4000):
                flipped[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
            yield Hostile("flipped", f"flip-{turn}.{suffix}", bytes(flipped),
                          f"{INDEXED} {reasons} {NO_TYPE} encrypted xml_entities inflate_limit too_many_pixels side_too_long aspect_ratio "
                          "out_of_memory timeout")


def hostile_files(seed, outside):
    """All of them. `outside`: a path that must stay without a file."""
    rng = random.Random(seed)
    return [*pictures(), *bombs(), *slips(outside), *xml(), *texts(rng), *mails(), *pdfs(), *damaged(rng)]
