"""Files for ingest_bench, the same every time: ingest_mixes.py FOLDER [SCALE] makes text/, photos/, scans/, pdfs/ and one/ in it.

Needs Pillow: build/test-tools/venv/bin/python, as scripts/test_tools.sh makes it.
"""
import io
import pathlib
import random
import sys

from PIL import Image, ImageDraw, ImageFilter, ImageFont

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "e2e"))
from pdf_files import pdf_of  # noqa: E402

FONT = ImageFont.truetype("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", 26)
WORDS = ("harbour letter invoice bicycle carpenter staircase lighthouse keeper meeting window morning river engine garden "
         "contract teacher village ticket mountain winter painter kettle ladder market station blanket copper signal").split()


def sentence(rng):
    words = rng.choices(WORDS, k=rng.randint(8, 14))
    return " ".join(words).capitalize() + "."


def photo(rng, width=1600, height=1200):
    """Soft shapes under a little grain: as hard to decode as a photograph."""
    small = Image.new("RGB", (width // 8, height // 8), tuple(rng.randrange(256) for _ in range(3)))
    draw = ImageDraw.Draw(small)
    for _ in range(24):
        x, y, r = rng.randrange(small.width), rng.randrange(small.height), rng.randrange(6, 60)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=tuple(rng.randrange(256) for _ in range(3)))
    image = small.filter(ImageFilter.GaussianBlur(2)).resize((width, height), Image.BICUBIC)
    grain = Image.effect_noise((width, height), 24).convert("RGB")
    return Image.blend(image, grain, 0.15)


def jpeg(image):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


def scan(rng, lines=18):
    """A4 at 150 dots an inch, without a text layer."""
    image = Image.new("L", (1240, 1754), 246)
    draw = ImageDraw.Draw(image)
    for line in range(lines):
        draw.text((110, 140 + 80 * line), sentence(rng)[:72], font=FONT, fill=30)
    return image


def text_page(rng, lines=40):
    return [(sentence(rng)[:84], 50, 60 + 18 * line, 9) for line in range(lines)], None


def main():
    folder, scale = pathlib.Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    rng = random.Random(5)
    count = lambda most: max(1, round(most * scale))  # noqa: E731
    for name in ("text", "photos", "scans", "pdfs", "one"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for i in range(count(1000)):
        (folder / "text" / f"{i:04d}.txt").write_text("\n\n".join(" ".join(sentence(rng) for _ in range(4)) for _ in range(3)))
    for i in range(count(60)):
        (folder / "photos" / f"{i:03d}.jpg").write_bytes(jpeg(photo(rng)))
    for i in range(count(10)):
        (folder / "scans" / f"{i:02d}.pdf").write_bytes(pdf_of([([], scan(rng)) for _ in range(4)]))
    for i in range(count(12)):
        (folder / "pdfs" / f"{i:02d}.pdf").write_bytes(pdf_of([text_page(rng) for _ in range(8)]))
    (folder / "one" / "long.pdf").write_bytes(pdf_of([text_page(rng) for _ in range(count(80))]))


main()
