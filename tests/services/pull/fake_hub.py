"""A model hub on loopback that misbehaves on request. Standard library only."""
import contextlib
import hashlib
import http.server
import json
import socket
import threading
import urllib.parse

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def git_blob(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Hub:
    """Serves `files` ({path: bytes}) of one repository. Files of 10 kB and more count as large.

    Faults, each {path: what}, and used up as they happen where that is said:
      cut       [byte, …]: the connection breaks after that many bytes of a reply, once for each
      wrong     how many replies carry a flipped byte
      status    [(code, headers), …]: answered first, once each
    Other switches: etags {path: text}, content_host (base address that file requests are sent to),
    listing (replaces the reply), blobs (whether the listing has sizes and checksums), ignore_if_range.
    `requests` lists what came: (method, path, headers in lower case). `sent` counts content bytes by path.
    """

    def __init__(self, files, repository="owner/tiny"):
        self.files, self.repository = files, repository
        self.commit = COMMIT
        self.cut, self.wrong, self.status, self.etags = {}, {}, {}, {}
        self.content_host = None
        self.listing = None
        self.blobs = True
        self.ignore_if_range = False
        self.no_head = False  # HEAD gets 403, as signed addresses give
        self.slow = 0  # seconds between two kilobytes
        self.requests, self.sent = [], {}
        self.busy = 0  # requests under way
        self.lock = threading.Lock()
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def handle(self):
                with contextlib.suppress(ConnectionError):  # clients of these tests are killed
                    super().handle()

            def do_GET(self):
                hub.answer(self)

            def do_HEAD(self):
                hub.answer(self)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def describe(self):
        siblings = []
        for path, data in self.files.items():
            entry = {"rfilename": path}
            if self.blobs:
                entry.update(size=len(data), blobId=git_blob(data))
                if len(data) >= 10_000:
                    entry["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
            siblings.append(entry)
        return {"id": self.repository, "sha": self.commit, "siblings": siblings}

    def content_requests(self, path):
        """Headers of the requests for one file's content."""
        return [headers for method, asked, headers in self.requests if method == "GET" and asked.endswith("/" + path)]

    def forget(self):
        """Waits until nothing is being answered, then counts anew."""
        while self.busy:
            threading.Event().wait(0.01)
        self.sent.clear()

    def answer(self, handler):
        with self.lock:
            self.busy += 1
        try:
            self.route(handler)
        finally:
            with self.lock:
                self.busy -= 1

    def route(self, handler):
        path = urllib.parse.unquote(urllib.parse.urlsplit(handler.path).path)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self.lock:
            self.requests.append((handler.command, path, headers))
            queue = self.status.get(path.rsplit("/", 1)[-1]) or self.status.get("*")
            code = queue.pop(0) if queue else None
        if code:
            self.reply(handler, code[0], code[1], b"<html>no</html>")
        elif path.startswith("/api/models/"):
            self.list(handler, path)
        else:
            self.content(handler, path, headers)

    def reply(self, handler, code, headers, body=b""):
        handler.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)

    def list(self, handler, path):
        if not path.startswith(f"/api/models/{self.repository}/revision/"):
            self.reply(handler, 404, {"X-Error-Code": "RepoNotFound"})
            return
        body = self.listing if self.listing is not None else json.dumps(self.describe()).encode()
        self.reply(handler, 200, {"Content-Type": "application/json"}, body)

    def content(self, handler, path, headers):
        name = path.split(f"/resolve/{self.commit}/", 1)[-1]
        if handler.command == "HEAD" and self.no_head:
            self.reply(handler, 403, {})
            return
        if name not in self.files:
            self.reply(handler, 404, {"X-Error-Code": "EntryNotFound"})
            return
        data = self.files[name]
        large = len(data) >= 10_000
        sha = hashlib.sha256(data).hexdigest() if large else git_blob(data)
        if self.content_host and large:
            self.reply(handler, 302, {"Location": f"{self.content_host}{path}", "X-Linked-Etag": f'"{sha}"',
                                      "X-Linked-Size": str(len(data)), "X-Repo-Commit": self.commit})
            return
        etag = self.etags.get(name, f'"{sha}"')
        start, code, extra = 0, 200, {}
        wanted = headers.get("range")
        if wanted and (self.ignore_if_range or headers.get("if-range", etag) == etag):
            start = int(wanted[len("bytes="):].split("-")[0])
            if start >= len(data):
                self.reply(handler, 416, {"Content-Range": f"bytes */{len(data)}"})
                return
            code, extra = 206, {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        body = data[start:]
        with self.lock:
            if self.wrong.get(name, 0) > 0:
                self.wrong[name] -= 1
                body = bytes([body[0] ^ 1]) + body[1:]
            cuts = self.cut.get(name)
            stop = cuts.pop(0) if cuts else None
        handler.send_response(code)
        for key, value in {"Content-Length": str(len(body)), "ETag": etag, "Accept-Ranges": "bytes", **extra}.items():
            handler.send_header(key, value)
        handler.end_headers()
        if handler.command == "HEAD":
            return
        self.send(handler, name, body[:stop], stop is not None)

    def send(self, handler, name, body, broken):
        step = 1024 if self.slow else 1 << 16
        try:
            for at in range(0, len(body), step):
                piece = body[at:at + step]
                handler.wfile.write(piece)
                with self.lock:
                    self.sent[name] = self.sent.get(name, 0) + len(piece)
                if self.slow:
                    threading.Event().wait(self.slow)
            handler.wfile.flush()
        except OSError:
            broken = True
        if broken:
            handler.close_connection = True
            with contextlib.suppress(OSError):
                handler.connection.shutdown(socket.SHUT_RDWR)
