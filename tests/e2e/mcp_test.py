"""The Model Context Protocol as assistants speak it: the official client over stdio and over HTTP."""
import base64
import json
import subprocess
import sys
import unittest

from support import BIN, ROOT, Server, pdf, picture


def talk(server, *lines):
    """What `sightline mcp` answers to these lines, and its exit code."""
    done = subprocess.run([str(BIN / "sightline"), "mcp", "--server", server.grpc], input="".join(lines),
                          capture_output=True, text=True, timeout=60)
    return [json.loads(line) for line in done.stdout.splitlines()], done.returncode


class McpTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.server.json("POST", "/v1/collections", {"name": "parts"}, expect=201)
        document = pdf([["The part QX-1047 is a brass hinge."]])
        cls.photo = picture(9)
        cls.server.multipart("/v1/collections/parts/documents", [],
                             [("file", "hinge.pdf", document), ("file", "photo.png", cls.photo)])
        done = subprocess.run(
            ["node", str(ROOT / "tests/e2e/node/mcp_client.mjs"), f"http://{cls.server.http}/mcp",
             str(BIN / "sightline"), "mcp", "--server", cls.server.grpc],
            capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise AssertionError(done.stderr + cls.server.stderr())
        cls.out = json.loads(done.stdout)

    def test_the_official_client_finds_asks_and_reads(self):
        for name, out in self.out.items():
            with self.subTest(name):
                self.assertEqual(out["server"]["name"], "sightline")
                self.assertEqual([tool["name"] for tool in out["tools"]],
                                 ["search", "ask", "get_passage", "list_collections"])
                self.assertEqual(out["collections"]["structuredContent"]["collections"][0]["name"], "parts")
                self.assertIn("brass hinge", out["found"]["structuredContent"]["hits"][0]["text"])
                answer = out["answer"]["structuredContent"]
                self.assertIn("brass hinge", answer["answer"])
                self.assertEqual(answer["citations"][0]["source"], "hinge.pdf")
                self.assertEqual(out["passage"]["structuredContent"]["page"], 1)
                self.assertEqual([r["uri"] for r in out["resources"]], ["sightline://collections/parts"])
                self.assertEqual(len(out["templates"]), 3)
                self.assertTrue(base64.b64decode(out["picture"]["blob"]))
                self.assertTrue(out["picture"]["mimeType"].startswith("image/"))
                self.assertGreater(len(out["byPicture"]["structuredContent"]["hits"]), 0)
                self.assertTrue(out["wrong"]["isError"])
                self.assertIn("not_found", out["wrong"]["content"][0]["text"])
                self.assertEqual(out["noTool"]["code"], -32602)
                self.assertEqual(out["noResource"]["code"], -32002)
                self.assertNotIn("result", out["aborted"])

    def test_every_request_is_answered_before_the_program_ends(self):
        replies, code = talk(self.server, *[
            json.dumps({"jsonrpc": "2.0", "id": i, "method": "tools/call", "params": {
                "name": "search", "arguments": {"query": f"hinge {i}", "collection": "parts"}}}) + "\n"
            for i in range(50)])
        self.assertEqual(code, 0)
        self.assertEqual(sorted(reply["id"] for reply in replies), list(range(50)))
        self.assertTrue(all("structuredContent" in reply["result"] for reply in replies))

    def test_what_is_no_message_is_answered_by_its_code(self):
        replies, code = talk(self.server, "\n", "nonsense\n", "[]\n", '{"jsonrpc":"2.0","id":1,"method":"x"}\n',
                             '{"jsonrpc":"2.0","method":"x"}\n', "cut off")
        self.assertEqual(code, 0)
        self.assertEqual(sorted(reply["error"]["code"] for reply in replies), [-32700, -32601, -32600])

    def test_a_revision_that_nobody_speaks_is_refused_over_http(self):
        ping = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode()
        for version, status in ((None, 200), ("2025-06-18", 200), ("1999-01-01", 400)):
            headers = {"Content-Type": "application/json"} | ({"MCP-Protocol-Version": version} if version else {})
            got, _, body = self.server.request("POST", "/mcp", ping, headers)
            self.assertEqual(got, status, body)
            self.assertEqual(b"unknown_revision" in body, status == 400)

    def test_without_a_server_it_says_so_on_standard_error(self):
        done = subprocess.run([str(BIN / "sightline"), "mcp", "--server", "127.0.0.1:1"], input="", capture_output=True,
                              text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("127.0.0.1:1", done.stderr)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
