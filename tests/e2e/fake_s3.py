"""A small S3 service for tests: checks every signature by its own reading of the algorithm, lists in pages, breaks on demand."""
import contextlib
import hashlib
import hmac
import http.server
import re
import socket
import struct
import threading
import time
import urllib.parse
from xml.sax.saxutils import escape

UNRESERVED = "-._~"


def encode(text, safe=""):
    return urllib.parse.quote(text, safe=UNRESERVED + safe)


def signature(secret, method, raw_path, raw_query, headers, signed, when, region):
    """The hex signature of a request, from what came over the wire."""
    pairs = sorted((encode(urllib.parse.unquote(name)), encode(urllib.parse.unquote(value)))
                   for name, _, value in (part.partition("=") for part in raw_query.split("&") if part))
    canonical = "\n".join([
        method, encode(urllib.parse.unquote(raw_path, errors="surrogateescape").encode("utf-8", "surrogateescape"), "/"),
        "&".join(f"{name}={value}" for name, value in pairs),
        "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in signed), ";".join(signed),
        headers["x-amz-content-sha256"]])
    scope = f"{when[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", when, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in [("Content-Length", len(body)), *headers]:
            self.send_header(name, str(value))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def fail(self, status, code, message, headers=()):
        body = f"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        self.reply(status, body.encode(), headers)

    def refusal(self, raw_path, raw_query):
        """What is wrong with who asks, or None."""
        service = self.server.service
        bucket = urllib.parse.unquote(raw_path).split("/")[1]
        header = self.headers.get("Authorization")
        if header is None:
            return None if bucket in service.public else ("AccessDenied", "Access Denied")
        found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, "
                             r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})", header)
        if not found:
            return "AuthorizationHeaderMalformed", "The authorization header is malformed"
        key_id, day, region, names, given = found.groups()
        headers = {name.lower(): value for name, value in self.headers.items()}
        signed = names.split(";")
        when = headers.get("x-amz-date", "")
        if key_id != service.key_id:
            return "InvalidAccessKeyId", "The key id does not exist"
        if signed != sorted(signed) or not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(signed):
            return "AccessDenied", "Headers that must be signed are not"
        if any(name.startswith("x-amz-") and name not in signed for name in headers):
            return "AccessDenied", "There were headers present which were not signed"
        if service.token and headers.get("x-amz-security-token") != service.token:
            return "InvalidToken", "The token is not valid"
        clock = time.strptime(when, "%Y%m%dT%H%M%SZ")
        if day != when[:8] or abs(time.mktime(clock) - time.mktime(time.gmtime())) > 900:
            return "RequestTimeTooSkewed", "The difference between the clocks is too large"
        if region != service.region:
            return "AuthorizationHeaderMalformed", f"the region '{region}' is wrong; expecting '{service.region}'"
        expected = signature(service.secret, self.command, raw_path, raw_query, headers, signed, when, region)
        if not hmac.compare_digest(expected, given):
            # Some services repeat what they were sent.
            return "SignatureDoesNotMatch", f"The signature does not match ({service.leak})"
        return None

    def do_GET(self):
        service = self.server.service
        raw_path, _, raw_query = self.path.partition("?")
        path = urllib.parse.unquote(raw_path)
        query = dict(urllib.parse.parse_qsl(raw_query, keep_blank_values=True))
        with service.lock:
            service.requests.append((path, query, {k.lower(): v for k, v in self.headers.items()}))
            faults = service.faults.get(path, [])
            fault = faults.pop(0) if faults else None
        _, bucket, key = path.split("/", 2)
        wrong = self.refusal(raw_path, raw_query)
        if wrong:
            region = [("x-amz-bucket-region", service.region)]
            return self.fail(400 if wrong[0] == "AuthorizationHeaderMalformed" else 403, *wrong, region)
        if fault == "reset":
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            return
        if fault == "hang":
            time.sleep(60)
        if fault == "503":
            return self.fail(503, "SlowDown", "Please reduce your request rate.")
        if fault == "500":
            return self.reply(500, b"<html>not XML that closes")
        if fault == "403":
            return self.fail(403, "AccessDenied", "Access Denied")
        if bucket not in service.buckets:
            return self.fail(404, "NoSuchBucket", "The specified bucket does not exist")
        if not key:
            body = self.listing(service, bucket, query)
            return self.truncated(200, body, []) if fault == "truncate" else self.reply(200, body)
        self.object(service, service.buckets[bucket], key, fault)

    def truncated(self, status, body, headers):
        self.send_response(status)
        for name, value in [("Content-Length", len(body)), *headers]:
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body[:len(body) // 2])
        self.close_connection = True

    @staticmethod
    def listing(service, bucket, query):
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = service.tokens[query["continuation-token"]] if "continuation-token" in query else ""
        limit = min(int(query.get("max-keys", 1000)), service.page_size)
        rows, last, more = [], after, False
        for key in sorted(service.buckets[bucket], key=str.encode):
            if not key.startswith(prefix):
                continue
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            name = key if cut < 0 else key[:cut + 1]
            if name.encode() <= after.encode() or name == last:
                continue
            if len(rows) == limit:
                more = True
                break
            shown = urllib.parse.quote_plus(name, safe="/")
            if cut < 0:
                data = service.buckets[bucket][key]
                rows.append(f"<Contents><Key>{shown}</Key><ETag>&quot;{service.etag(data)}&quot;</ETag>"
                            f"<Size>{len(data)}</Size></Contents>")
            else:
                rows.append(f"<CommonPrefixes><Prefix>{shown}</Prefix></CommonPrefixes>")
            last = name
        end = ""
        if more:
            token = f"1+{len(service.tokens)}/= &x"
            service.tokens[token] = last
            end = f"<NextContinuationToken>{escape(token)}</NextContinuationToken>"
        return ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                f"<EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>{''.join(rows)}{end}"
                "</ListBucketResult>").encode()

    def object(self, service, objects, key, fault):
        if key not in objects:
            return self.fail(404, "NoSuchKey", "The specified key does not exist.")
        data = objects[key]
        etag = f"\"{service.etag(data)}\""
        if self.headers.get("If-Match", etag) != etag:
            return self.fail(412, "PreconditionFailed", "At least one of the preconditions did not hold")
        headers = [("ETag", etag)]
        status = 200
        if self.headers.get("Range"):
            first, last = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"]).groups())
            if first >= len(data):
                return self.fail(416, "InvalidRange", "The requested range is not satisfiable")
            last = min(last, len(data) - 1)
            headers.append(("Content-Range", f"bytes {first}-{last}/{len(data)}"))
            data, status = data[first:last + 1], 206
        if fault == "truncate":
            return self.truncated(status, data, headers)
        if fault == "change":
            objects[key] = objects[key] + b"!"
        self.reply(status, data, headers)


class FakeS3:
    def __init__(self, buckets, public=(), region="us-east-1", page_size=1000, token=""):
        self.buckets, self.public, self.region, self.page_size, self.token = buckets, public, region, page_size, token
        self.key_id, self.secret = "AKTESTKEY", "se/cr+et" + "x" * 32
        self.leak = "nothing"
        self.lock = threading.Lock()
        self.requests, self.faults, self.tokens = [], {}, {}
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.service = self
        self.endpoint = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @staticmethod
    def etag(data):
        return hashlib.md5(data).hexdigest()

    def environment(self, **more):
        return {"AWS_ACCESS_KEY_ID": self.key_id, "AWS_SECRET_ACCESS_KEY": self.secret, "AWS_SESSION_TOKEN": self.token,
                "AWS_REGION": self.region, "AWS_ENDPOINT_URL_S3": self.endpoint, **more}

    def fetched(self):
        """Keys of the objects asked for since this was called last, one a request."""
        with self.lock:
            keys = [path.split("/", 2)[2] for path, _, _ in self.requests]
            self.requests.clear()
        return [key for key in keys if key]

    def close(self):
        self.http.shutdown()
        self.http.server_close()
