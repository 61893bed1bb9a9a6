"""What the end-to-end tests share: files of every kind, the real programs, a REST client."""
import contextlib
import http.client
import io
import json
import os
import pathlib
import random
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import uuid
import zlib

from PIL import Image, ImageDraw

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("SIGHTLINE_BIN", ROOT / "build" / "release" / "bin"))
# Every program started here runs with it unless told otherwise: what models/demo answers is no matter of these tests.
os.environ["SIGHTLINE__MODEL__PATH"] = str(BIN.parent / "tests" / "untrained_model")

WORDS = ("harbour lantern copper valley orchard ribbon granite meadow compass barrel window saddle "
         "thimble anchor bellows candle drawer engine feather garnet hammer island jacket kettle").split()


# --- files -------------------------------------------------------------------------------------------

def pdf(pages):
    """A PDF with one text line a string, `pages` a list of lists of Latin-1 strings."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", None,
               "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"]
    kids = []
    for lines in pages:
        text = "BT /F1 14 Tf 72 760 Td 20 TL " + " ".join(
            "(%s) Tj T*" % line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
            for line in lines) + " ET"
        objects.append("<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text))
        objects.append("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
                       "/Resources << /Font << /F1 3 0 R >> >> >>" % len(objects))
        kids.append("%d 0 R" % len(objects))
    objects[1] = "<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), " ".join(kids))
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body.encode("latin-1") + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for offset in offsets:
        out += b"%010d 00000 n \n" % offset
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def picture(seed, form="PNG", size=(160, 120), exif_orientation=None):
    """A picture of a few coloured shapes, different for every seed."""
    rng = random.Random(seed)
    image = Image.new("RGB", size, tuple(rng.randrange(200, 256) for _ in range(3)))
    draw = ImageDraw.Draw(image)
    for _ in range(4):
        x, y = rng.randrange(size[0] - 40), rng.randrange(size[1] - 40)
        box = (x, y, x + rng.randrange(20, 60), y + rng.randrange(20, 60))
        colour = tuple(rng.randrange(256) for _ in range(3))
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)(box, fill=colour)
    out = io.BytesIO()
    options = {}
    if form == "JPEG":
        options["quality"] = 90
        if exif_orientation:
            exif = Image.Exif()
            exif[0x0112] = exif_orientation
            options["exif"] = exif
    image.save(out, form, **options)
    return out.getvalue()


def png_header(width, height):
    """A PNG that claims a size and holds next to nothing."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b""))


def sentence(rng):
    words = rng.sample(WORDS, 6)
    return f"The {words[0]} and the {words[1]} stand near the {words[2]} by the {words[3]}."


def mixed_folder(folder, seed, count=200):
    """Writes `count` files, a quarter PDF, and returns {name: a word that only this file holds}."""
    rng = random.Random(seed)
    folder = pathlib.Path(folder)
    marks = {}
    for i in range(count):
        mark = f"zq{seed}x{i:04d}"
        kind = i % 8
        body = [sentence(rng) for _ in range(5)]
        if kind in (0, 1):
            name, data = f"doc{i:03d}.pdf", pdf([body + [f"Part number {mark}."], [sentence(rng)]])
        elif kind == 2:
            name, data = f"note{i:03d}.md", f"# Note {i}\n\n{' '.join(body)}\n\nReference {mark}.\n".encode()
        elif kind == 3:
            name, data = f"page{i:03d}.html", (f"<html><head><title>Page {i}</title></head><body><h1>Page {i}</h1>"
                                              f"<p>{' '.join(body)}</p><p>Reference {mark}.</p></body></html>").encode()
        elif kind == 4:
            name, data = f"text{i:03d}.txt", f"{' '.join(body)}\n编号 {mark}。仓库里有货物。\n".encode()
        elif kind == 5:
            name, data = f"photo{i:03d}.jpg", picture(1000 * seed + i, "JPEG")
            mark = None
        elif kind == 6:
            name, data = f"photo{i:03d}.png", picture(1000 * seed + i, "PNG")
            mark = None
        else:
            form, suffix = [("WEBP", "webp"), ("GIF", "gif"), ("TIFF", "tif")][i // 8 % 3]
            name, data = f"photo{i:03d}.{suffix}", picture(1000 * seed + i, form)
            mark = None
        (folder / name).write_bytes(data)
        marks[name] = mark
    return marks


# --- programs ----------------------------------------------------------------------------------------

def cli(*args, check=True, timeout=300, env=None):
    """Runs `sightline ARGS`; returns the finished process with text output."""
    done = subprocess.run([str(BIN / "sightline"), *map(str, args)], capture_output=True, text=True,
                          timeout=timeout, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL)
    if check and done.returncode != 0:
        raise AssertionError(f"sightline {args}: exit {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done


class Server:
    """A real sightline-server on free loopback ports, over a data folder of its own or a given one."""

    def __init__(self, data=None, args=(), wrapper=(), grpc="127.0.0.1:0"):
        self._own = None
        if data is None:
            self._own = tempfile.mkdtemp(prefix="sightline-e2e-")
            data = self._own
        self.data = str(data)
        self.log = open(os.path.join(tempfile.gettempdir(), f"sightline-e2e-{uuid.uuid4().hex}.log"), "w+b")
        self.process = subprocess.Popen(
            [*wrapper, str(BIN / "sightline-server"), "serve", "--data", self.data, "--grpc", grpc,
             "--http", "127.0.0.1:0", *args], stdout=subprocess.PIPE, stderr=self.log, text=True,
            stdin=subprocess.DEVNULL)
        line = self._ready_line(120)
        fields = dict(part.split("=", 1) for part in line.split()[1:])
        self.grpc, self.http = fields["grpc"], fields["http"]

    def _ready_line(self, seconds):
        readable, _, _ = select.select([self.process.stdout], [], [], seconds)
        line = self.process.stdout.readline() if readable else ""
        if not line.startswith("ready "):
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"server did not become ready: {line!r}\n{self.stderr()}")
        return line.strip()

    def stderr(self):
        self.log.flush()
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-8000:]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout=60):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"server did not stop in {timeout} s\n{self.stderr()}")
        return self.process.returncode

    def close(self):
        with contextlib.suppress(Exception):
            if self.process.poll() is None:
                self.kill()
        self.process.stdout.close()
        name = self.log.name
        self.log.close()
        os.unlink(name)
        if self._own:
            shutil.rmtree(self._own, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    # --- REST

    def request(self, method, path, body=None, headers=None, timeout=120):
        host, port = self.http.rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            reply = connection.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()
        finally:
            connection.close()

    def json(self, method, path, value=None, expect=200):
        body = None if value is None else json.dumps(value).encode()
        headers = {"Content-Type": "application/json"} if body is not None else {}
        status, _, data = self.request(method, path, body, headers)
        if expect is not None and status != expect:
            raise AssertionError(f"{method} {path}: {status} {data[:2000]!r}\n{self.stderr()}")
        return json.loads(data) if data else None

    def multipart(self, path, fields, files, expect=200, headers=None):
        boundary = uuid.uuid4().hex
        out = bytearray()
        for name, value in fields:
            out += (f"--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").encode()
        for name, filename, data in files:
            out += (f"--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{filename}\"\r\n"
                    "Content-Type: application/octet-stream\r\n\r\n").encode() + data + b"\r\n"
        out += f"--{boundary}--\r\n".encode()
        status, reply_headers, data = self.request(
            "POST", path, bytes(out), {"Content-Type": f"multipart/form-data; boundary={boundary}", **(headers or {})})
        if expect is not None and status != expect:
            raise AssertionError(f"POST {path}: {status} {data[:2000]!r}\n{self.stderr()}")
        return status, reply_headers, data


def wait_until(condition, seconds=60, what="condition"):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"{what} did not come true in {seconds} s")
