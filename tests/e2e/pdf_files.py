"""PDF files written by hand: text at known places in English and Chinese, scans, and both."""
import io
import subprocess
import tempfile
import pathlib

from PIL import Image

WIDTH, HEIGHT = 595, 842  # A4 in points
LATIN_WIDTH, CHINESE_WIDTH = 0.6, 1.0  # of a letter, in sizes of the font: both are monospaced
FONTS = ("<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>",
         "<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UTF16-H /DescendantFonts [ << /Type /Font "
         "/Subtype /CIDFontType0 /BaseFont /STSong-Light /DW 1000 /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) "
         "/Supplement 4 >> /FontDescriptor << /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 "
         "880] /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >> >> ] >>")


def is_latin(text):
    return all(ord(c) < 256 for c in text)


def assemble(objects):
    """A PDF file of `objects`, bytes each, the first being the catalogue."""
    out, offsets = bytearray(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def stream(body, words=""):
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(body), words.encode(), body)


def show(text, x, y, size):
    """`x`, `y`: where the line begins, in points from the upper left corner to its baseline."""
    shown = (text.encode("cp1252").hex(), 1) if is_latin(text) else (text.encode("utf-16-be").hex(), 2)
    return f"BT /F{shown[1]} {size} Tf {x} {HEIGHT - y} Td <{shown[0]}> Tj ET\n"


def pdf_of(pages):
    """`pages`: ([(text, x, y, size)], picture or None) each; the picture fills the page."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", *(font.encode() for font in FONTS)]
    kids = []
    for lines, picture in pages:
        drawn = f"q {WIDTH} 0 0 {HEIGHT} 0 0 cm /P Do Q\n" if picture else ""
        images = ""
        if picture:
            out = io.BytesIO()
            picture.convert("RGB").save(out, "JPEG", quality=88)
            objects.append(stream(out.getvalue(), f"/Type /XObject /Subtype /Image /Width {picture.width} /Height {picture.height} "
                                                  "/ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode"))
            images = f"/XObject << /P {len(objects)} 0 R >>"
        objects.append(stream((drawn + "".join(show(*line) for line in lines)).encode()))
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] /Contents {len(objects)} 0 R "
                       f"/Resources << /Font << /F1 3 0 R /F2 4 0 R >> {images} >> >>".encode())
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(kids)}] >>".encode()
    return assemble(objects)


def rewritten(data, *arguments):
    """The same file as qpdf writes it with `arguments`."""
    with tempfile.TemporaryDirectory(prefix="sightline-e2e-") as folder:
        before, after = pathlib.Path(folder, "before.pdf"), pathlib.Path(folder, "after.pdf")
        before.write_bytes(data)
        subprocess.run(["qpdf", *arguments, "--", before, after], check=True)
        return after.read_bytes()


def drawn(data, number, side=1280):
    """PNG of a page."""
    with tempfile.TemporaryDirectory(prefix="sightline-e2e-") as folder:
        path = pathlib.Path(folder, "a.pdf")
        path.write_bytes(data)
        done = subprocess.run(["pdftoppm", "-png", "-cropbox", "-scale-to", str(side), "-f", str(number), "-l", str(number), path],
                              check=True, capture_output=True)
        out = io.BytesIO()
        Image.open(io.BytesIO(done.stdout)).save(out, "PNG")
        return out.getvalue()
