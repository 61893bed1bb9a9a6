"""A corpus with every format that is read, several files each in English and Chinese, and where each thing in it is to be found.

The same seed gives the same files. `python format_corpus.py FOLDER PHOTOS` writes it out.
"""
import ctypes
import dataclasses
import email.message
import io
import pathlib
import random
import sys
import tempfile

from PIL import Image, ImageCms, ImageDraw, ImageFont

import office_files as office
from pdf_files import CHINESE_WIDTH, HEIGHT, LATIN_WIDTH, WIDTH, drawn, is_latin, pdf_of, rewritten

PASSWORD = "s3cret"
LATIN = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
CHINESE = "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"
PAGE = (1240, 1754)  # pixels of A4 at 150 dots an inch

NAMES = "Margaret Oliver Beatrice Harold Florence Edmund Winifred Leonard Matilda Clarence Gertrude Sidney Josephine".split()
THINGS = "lantern kettle anchor saddle violin mirror compass blanket hammer teapot wheel basket clock".split()
PLACES = "harbour orchard library kitchen stable chapel cellar garden market tower bakery station museum".split()
NAMES_ZH = "王小明 李秀英 张伟强 刘桂花 陈建国 杨玉兰 赵德海 黄丽华 周志平 吴美玲 徐永福 孙春梅 马文龙".split()
THINGS_ZH = "灯笼 水壶 船锚 马鞍 提琴 镜子 罗盘 毛毯 铁锤 茶壶 车轮 竹篮 时钟".split()
PLACES_ZH = "港口 果园 书馆 厨房 马棚 教堂 地窖 花园 市场 高塔 面包店 车站 博物馆".split()
TRADITIONAL = [("老師把鑰匙放在圖書館的櫃檯後面，學生們輪流來取。", "鑰匙 櫃檯"), ("漁船載著鮮魚與螃蟹回到臺灣東邊的碼頭。", "漁船 螃蟹 碼頭")]
JAPANESE = [("図書館の受付に新しい辞書が届きました。職員は棚に並べています。", "辞書 受付"),
            ("となりの猫は縁側で昼寝をしながら、夕方の雨を待っています。", "縁側 昼寝")]
WESTERN = [("Le garçon a oublié son château de sable près de la forêt enneigée.", "garçon château forêt"),
           ("Die Bäckerin verkauft süße Brötchen und heiße Getränke für Gäste.", "Bäckerin Brötchen Getränke")]


@dataclasses.dataclass(frozen=True)
class Truth:
    """One thing in the corpus, what to ask for it, and what should come first."""
    form: str                # row of the table
    source: str              # path below the corpus's folder
    words: str = ""          # the query, or
    picture: bytes = b""     # the query as a picture
    page: int = 0            # 0: the format has none
    box: tuple = None        # fractions of the page: left, top, right, bottom
    kinds: tuple = ("text", "table")


@dataclasses.dataclass(frozen=True)
class Fact:
    text: str
    words: str


def facts(seed):
    """Endless facts (English, Chinese in turns by two iterators); any two share at most one of their three words."""
    def of(names, things, places, form, join):
        pairs = [(i, j) for i in range(len(names)) for j in range(len(things))]
        random.Random(seed).shuffle(pairs)
        for i, j in pairs:
            name, thing, place = names[i], things[j], places[(i + j) % len(places)]
            yield Fact(form.format(name, thing, place), join.join((name, thing, place)))
    return (of(NAMES, THINGS, PLACES, "{0} left the old {1} near the {2} and nobody has asked for it since that winter.", " "),
            of(NAMES_ZH, THINGS_ZH, PLACES_ZH, "{0}把旧{1}留在{2}旁边，从那个冬天起再也没有人来找过它。", " "))


def png(image):
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def saved(image, form, **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def heic(image, options=""):
    """By libvips, which the decoders link too: nothing else here writes HEIC."""
    vips = ctypes.CDLL("libvips.so.42")
    vips.vips_image_new_from_file.restype = ctypes.c_void_p
    vips.vips_image_write_to_file.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    with tempfile.TemporaryDirectory(prefix="sightline-e2e-") as folder:
        before, after = pathlib.Path(folder, "a.png"), pathlib.Path(folder, "a.heic")
        image.save(before)
        loaded = vips.vips_image_new_from_file(str(before).encode(), None)
        if not loaded or vips.vips_image_write_to_file(loaded, f"{after}[Q=80{options}]".encode(), None) != 0:
            raise RuntimeError("libvips cannot write HEIC")
        return after.read_bytes()


def turned(image, orientation):
    """`image` as a camera held otherwise stores it, and the mark that says so."""
    back = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    return image.transpose(back) if back is not None else image, exif


def with_hole(image):
    """(RGBA with a transparent corner that hides red, what it looks like on white)"""
    clear = image.convert("RGBA")
    hole = (0, 0, image.width // 3, image.height // 3)
    ImageDraw.Draw(clear).rectangle(hole, fill=(255, 0, 0, 0))
    seen = image.copy()
    ImageDraw.Draw(seen).rectangle(hole, fill=(255, 255, 255))
    return clear, seen


def wrapped(text):
    """Lines of about equal length, as a column sets them."""
    if not is_latin(text):
        return [text[i:i + 12] for i in range(0, len(text), 12)]
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > 30:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def typeset(fact, rng, size=20):
    """Lines for pdf_of at a random place of a page, and the box around them."""
    lines = wrapped(fact.text)
    width = size * max(len(line) for line in lines) * (LATIN_WIDTH if is_latin(fact.text) else CHINESE_WIDTH)
    x, y = rng.randrange(50, int(WIDTH - width) - 40), rng.randrange(80, 700)
    out = [(line, x, y + number * size * 1.2, size) for number, line in enumerate(lines)]
    top, bottom = y - 0.8 * size, y + (len(lines) - 1) * 1.2 * size + 0.2 * size
    return out, (x / WIDTH, top / HEIGHT, (x + width) / WIDTH, bottom / HEIGHT)


def printed(fact, rng, size=40):
    """A page as a scanner sees it, and the box around its words."""
    image = Image.new("L", PAGE, 248)
    font = ImageFont.truetype(LATIN if is_latin(fact.text) else CHINESE, size)
    text = "\n".join(wrapped(fact.text))
    place = (rng.randrange(100, 300), rng.randrange(100, 1400))
    draw = ImageDraw.Draw(image)
    draw.multiline_text(place, text, font=font, fill=25, spacing=16)
    box = draw.multiline_textbbox(place, text, font=font, spacing=16)
    return image, tuple(value / PAGE[i % 2] for i, value in enumerate(box))


class FormatCorpus:
    """`files` {path: bytes} and `truths`."""

    def __init__(self, photos, seed):
        """`photos`: pictures that differ from each other, 36 or more."""
        self.rng = random.Random(seed)
        self.photos = iter([photo.convert("RGB") for photo in photos])
        self.english, self.chinese = facts(seed)
        self.files, self.truths = {}, []
        self.add_pictures()
        self.add_pdf()
        self.add_office()
        self.add_texts()
        self.add_mail()
        self.add_archives()

    def both(self):
        """A fact of each language, with a word that names it in a file name."""
        return [(next(self.english), "en"), (next(self.chinese), "中文")]

    def four(self):
        return self.both() + [(fact, f"{language} 2") for fact, language in self.both()]

    def like(self, fact):
        """Another one of its language."""
        return next(self.english if is_latin(fact.text) else self.chinese)

    def put(self, form, source, data, *found):
        """`found`: facts, or what else a Truth has, as keywords."""
        self.files[source] = data
        for item in found:
            item = {"words": item.words} if isinstance(item, Fact) else item
            self.truths.append(Truth(form, **{"source": source, **item}))

    def put_photo(self, form, source, data, seen):
        self.put(form, source, data, {"picture": png(seen), "kinds": ("image",)})

    def add_pictures(self):
        for form, suffix, write in (
                ("JPEG", "jpg", lambda image, **more: saved(image, "JPEG", quality=92, **more)),
                ("PNG", "png", lambda image, **more: saved(image, "PNG", **more)),
                ("WebP", "webp", lambda image, **more: saved(image, "WEBP", quality=90, **more)),
                ("GIF", "gif", lambda image, **more: saved(image, "GIF", **more)),
                ("TIFF", "tif", lambda image, **more: saved(image, "TIFF", compression="tiff_lzw", **more)),
                ("BMP", "bmp", lambda image, **more: saved(image, "BMP", **more)),
                ("AVIF", "avif", lambda image, **more: saved(image, "AVIF", quality=85, **more)),
                ("HEIC", "heic", heic)):
            for fact, language in self.both():
                page, box = printed(fact, self.rng)
                self.put(form, f"pictures/fax {language}.{suffix}", write(page.convert("RGB")),
                         {"words": fact.words, "box": box})
            photo = next(self.photos)
            self.put_photo(form, f"pictures/plain.{suffix}", write(photo), photo)
            if form in ("JPEG", "PNG", "WebP", "TIFF", "AVIF"):
                for orientation in (3, 6, 8):
                    photo = next(self.photos)
                    stored, exif = turned(photo, orientation)
                    self.put_photo(form, f"pictures/turned {orientation}.{suffix}", write(stored, exif=exif), photo)
            if form in ("JPEG", "PNG", "WebP", "TIFF", "AVIF"):
                photo = next(self.photos)
                profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
                self.put_photo(form, f"pictures/profile.{suffix}", write(photo, icc_profile=profile), photo)
            if form in ("PNG", "WebP", "TIFF", "AVIF", "HEIC"):
                clear, seen = with_hole(next(self.photos))
                self.put_photo(form, f"pictures/alpha.{suffix}", write(clear), seen)
            if form in ("PNG", "WebP", "GIF", "AVIF", "TIFF"):
                photo, second = next(self.photos), Image.new("RGB", (160, 160), (200, 30, 30))
                frames = {} if form == "TIFF" else {"duration": 200}
                self.put_photo(form, f"pictures/frames.{suffix}",
                               write(photo, save_all=True, append_images=[second.resize(photo.size)] * 3, **frames), photo)
        photo = next(self.photos)
        self.put_photo("BMP", "pictures/palette.bmp", saved(photo.quantize(256), "BMP"), photo)
        photo = next(self.photos)
        self.put_photo("JPEG", "pictures/progressive.jpg", saved(photo, "JPEG", quality=92, progressive=True), photo)
        clear, seen = with_hole(next(self.photos))
        self.put_photo("GIF", "pictures/clear.gif", saved(clear, "GIF"), seen)
        photo = next(self.photos)
        self.put_photo("GIF", "pictures/single.gif", saved(photo, "GIF"), photo)

    def add_pdf(self):
        for kind in ("text layer", "scanned", "mixed"):
            for first, language in self.both():
                wanted = [first, next(self.chinese if language == "en" else self.english), next(self.english), next(self.chinese)]
                pages, found = [], []
                for number, fact in enumerate(wanted, 1):
                    scan = kind == "scanned" or (kind == "mixed" and number % 2 == 0)
                    if scan:
                        image, box = printed(fact, self.rng)
                        pages.append(([], image))
                    else:
                        lines, box = typeset(fact, self.rng)
                        pages.append((lines, None))
                    found.append({"words": fact.words, "page": number, "box": box})
                data = pdf_of(pages)
                if language == "en":  # as newer programs write it: objects packed in streams
                    data = rewritten(data, "--object-streams=generate")
                found += [{"picture": drawn(data, number), "page": number, "kinds": ("page",)} for number in range(1, 5)]
                self.put(f"PDF, {kind}", f"pdf/{kind} {language}.pdf", data, *found)
        lock = ("--encrypt", PASSWORD, "owner")
        for name, arguments in (("aes 256", (*lock, "256")), ("aes 128", (*lock, "128", "--use-aes=y")),
                                ("rc4 128", ("--allow-weak-crypto", *lock, "128", "--use-aes=n")),
                                ("rc4 40", ("--allow-weak-crypto", *lock, "40"))):
            pages, found = [], []
            for number, (fact, _) in enumerate(self.both(), 1):
                lines, box = typeset(fact, self.rng)
                pages.append((lines, None))
                found.append({"words": fact.words, "page": number, "box": box})
            self.put("PDF, encrypted", f"locked/{name}.pdf", rewritten(pdf_of(pages), *arguments), *found)

    def figure(self):
        photo = next(self.photos)
        return png(photo), {"picture": png(photo), "kinds": ("figure",)}

    def add_office(self):
        for fact, language in self.four():
            other = self.like(fact)
            picture, found = self.figure()
            self.put("DOCX", f"office/letter {language}.docx",
                     office.docx("Heading", [fact.text], [("note",), (other.text,)], picture, "Figure"), fact, other, found)
        for form, write in (("PPTX", office.pptx), ("ODP", office.odp)):
            for fact, language in self.four():
                second = self.like(fact)
                self.put(form, f"office/talk {language}.{form.lower()}",
                         write([("First", [fact.text]), ("Second", ["Nothing"]), ("Third", [second.text])]),
                         {"words": fact.words, "page": 1}, {"words": second.words, "page": 3})
        for form, write in (("XLSX", office.xlsx), ("ODS", office.ods)):
            for fact, language in self.four():
                second = self.like(fact)
                self.put(form, f"office/table {language}.{form.lower()}",
                         write({"One": [["note"], [fact.text]], "Two": [["number", "note"], ["1", second.text]]}),
                         {"words": fact.words, "page": 1}, {"words": second.words, "page": 2})
        for fact, language in self.four():
            self.put("ODT", f"office/letter {language}.odt", office.odt("Heading", ["Before.", fact.text]), fact)
        for fact, language in self.four():
            second = self.like(fact)
            self.put("EPUB", f"books/book {language}.epub", office.epub("Book", [("I", fact.text), ("II", second.text)]), fact, second)

    def add_texts(self):
        for fact, language in self.four():
            charset = "gb2312" if language == "中文" else "utf-8"
            page = (f'<html><head><meta charset="{charset}"><title>Page</title></head><body><h1>Page</h1><script>var x = 1;</script>'
                    f"<p>{fact.text}</p></body></html>")
            self.put("HTML", f"web/page {language}.html", page.encode(charset), fact)
        for fact, language in self.four():
            second = self.like(fact)
            self.put("Markdown", f"web/note {language}.md",
                     f"# Note\n\n{fact.text}\n\n| a | b |\n|---|---|\n| 1 | {second.text} |\n".encode(), fact, second)
        for (fact, language), encoding in zip(self.four(), ("utf-8", "gb18030", "utf-16", "utf-8-sig")):
            rows = "number,note\n" + "".join(f"{i},row {i}\n" for i in range(5)) + f'6,"{fact.text}"\n'
            self.put("CSV", f"tables/rows {language}.csv", rows.encode(encoding), fact)
        for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"):
            for fact, language in self.both():
                self.put("text, UTF-8, UTF-16, UTF-32", f"text/{encoding} {language}.txt", (fact.text + "\n").encode(encoding), fact)
        for form, encoding, texts in (("text, Big5", "big5", TRADITIONAL), ("text, Shift-JIS", "shift_jis", JAPANESE),
                                      ("text, Latin-1", "latin-1", WESTERN)):
            for number, (text, words) in enumerate(texts):
                self.put(form, f"text/{encoding} {number}.txt", (text + "\n").encode(encoding), {"words": words})
        for number in range(4):
            fact = next(self.chinese)
            self.put("text, GB18030", f"text/gb18030 {number}.txt", (fact.text + "\n").encode("gb18030"), fact)

    def add_mail(self):
        for fact, language in self.both():
            second, third = self.like(fact), self.like(fact)
            message = email.message.EmailMessage()
            message["From"], message["To"] = "ann@example.com", "bob@example.com"
            message["Date"], message["Subject"] = "Wed, 01 May 2024 10:00:00 +0200", f"Letter {language}"
            message.set_content(fact.text, charset="utf-8" if language == "en" else "gb18030")
            lines, box = typeset(second, self.rng)
            photo = next(self.photos)
            message.add_attachment(pdf_of([(lines, None)]), maintype="application", subtype="pdf", filename="附件.pdf")
            message.add_attachment(png(photo), maintype="image", subtype="png", filename="photo.png")
            message.add_attachment(office.docx("Attached", [third.text]), maintype="application", subtype="octet-stream",
                                   filename="letter.docx")
            source = f"mail/letter {language}.eml"
            self.put("EML with attachments", source, message.as_bytes(), fact,
                     {"words": second.words, "source": f"{source}!/附件.pdf", "page": 1, "box": box},
                     {"words": third.words, "source": f"{source}!/letter.docx"},
                     {"picture": png(photo), "source": f"{source}!/photo.png", "kinds": ("image",)})

    def add_archives(self):
        for form, suffix, pack in (("zip", "zip", office.zipped), ("tar", "tar", lambda entries: office.tarred(entries, "w")),
                                   ("tar.gz", "tar.gz", office.tarred)):
            for fact, language in self.both():
                second, third = self.like(fact), self.like(fact)
                lines, box = typeset(second, self.rng)
                photo = next(self.photos)
                source = f"archives/files {language}.{suffix}"
                self.put(form, source,
                         pack({"资料/note.txt": fact.text.encode(), "page.pdf": pdf_of([(lines, None)]), "photos/a.png": png(photo),
                               "inner.zip": office.zipped({"deep/读我.md": third.text.encode()})}),
                         {"words": fact.words, "source": f"{source}!/资料/note.txt"},
                         {"words": second.words, "source": f"{source}!/page.pdf", "page": 1, "box": box},
                         {"words": third.words, "source": f"{source}!/inner.zip!/deep/读我.md"},
                         {"picture": png(photo), "source": f"{source}!/photos/a.png", "kinds": ("image",)})

    def write(self, folder):
        for source, data in self.files.items():
            path = pathlib.Path(folder, source)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


if __name__ == "__main__":
    FormatCorpus([Image.open(path) for path in sorted(pathlib.Path(sys.argv[2]).iterdir())], 1).write(sys.argv[1])
