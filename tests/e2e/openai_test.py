"""The OpenAI dialect as its users meet it: OpenAI's own Node client against the real server."""
import base64
import functools
import http.server
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
from unittest import mock

import tiny_model
from support import ROOT, Server, pdf, picture, wait_until

CLIENT = ROOT / "tests/e2e/node/openai_client.mjs"


class OpenAiClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temp = pathlib.Path(tempfile.mkdtemp(prefix="sightline-openai-"))
        cls.addClassCleanup(shutil.rmtree, cls.temp)
        tiny_model.write(cls.temp / "model")
        (cls.temp / "pictures").mkdir()
        photo = cls.temp / "pictures" / "a photo.png"
        photo.write_bytes(picture(9))
        files = functools.partial(http.server.SimpleHTTPRequestHandler, directory=cls.temp / "pictures")
        web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), files)
        cls.addClassCleanup(web.server_close)
        cls.addClassCleanup(web.shutdown)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        with mock.patch.dict(os.environ, SIGHTLINE__QUERY__PICTURE_ROOT=str(cls.temp / "pictures"),
                             SIGHTLINE__FETCH__ENABLED="true", SIGHTLINE__FETCH__ALLOWED_HOSTS="127.0.0.1",
                             SIGHTLINE__FETCH__ALLOW_PRIVATE="127.0.0.1", SIGHTLINE__FETCH__PORTS=str(web.server_port)):
            cls.server = Server(args=["--model", str(cls.temp / "model")])
        cls.addClassCleanup(cls.server.close)
        cls.server.json("POST", "/v1/collections", {"name": "parts"}, expect=201)
        document = pdf([["A first page about nothing."], ["The caf\xe9's part QX-1047 is a brass hinge."]])
        cls.server.multipart("/v1/collections/parts/documents", [], [("file", "parts.pdf", document)])
        done = subprocess.run(
            ["node", str(CLIENT), f"http://{cls.server.http}/v1", str(photo), "parts", photo.as_uri(),
             f"http://127.0.0.1:{web.server_port}/a%20photo.png"],
            capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise AssertionError(done.stderr + cls.server.stderr())
        cls.out = json.loads(done.stdout)

    def test_models_are_listed_and_found(self):
        self.assertEqual([model["role"] for model in self.out["models"]], ["encoder", "reranker", "generator"])
        self.assertEqual(self.out["model"]["object"], "model")
        self.assertEqual((self.out["noModel"]["status"], self.out["noModel"]["code"]), (404, "model_not_found"))

    def test_a_chat_with_pictures_gives_n_texts_the_same_for_a_seed(self):
        chat = self.out["chat"]
        self.assertEqual(chat["object"], "chat.completion")
        self.assertEqual([choice["index"] for choice in chat["choices"]], [0, 1])
        self.assertEqual([choice["message"] for choice in chat["choices"]],
                         [choice["message"] for choice in self.out["again"]["choices"]])
        self.assertGreater(chat["usage"]["prompt_tokens_details"]["image_tokens"], 0)
        self.assertGreater(chat["usage"]["prompt_tokens"], chat["usage"]["prompt_tokens_details"]["image_tokens"])
        first = chat["choices"][0]
        self.assertIn(first["finish_reason"], ("stop", "length"))
        tokens = first["logprobs"]["content"]
        self.assertEqual(bytes(sum((token["bytes"] for token in tokens), [])).decode(errors="replace"),
                         first["message"]["content"])
        self.assertTrue(all(token["logprob"] <= 0 and len(token["top_logprobs"]) == 2 for token in tokens))

    def test_a_stream_is_the_same_text(self):
        self.assertEqual(self.out["stream"]["text"], self.out["again"]["choices"][0]["message"]["content"])
        self.assertEqual(self.out["stream"]["finish"], self.out["again"]["choices"][0]["finish_reason"])
        self.assertGreater(self.out["stream"]["usage"]["total_tokens"], 0)
        self.assertEqual(self.out["helped"]["message"]["content"], self.out["plain"]["message"]["content"])

    def test_the_logprobs_of_a_stream_are_those_of_the_whole_reply(self):
        for index, choice in enumerate(self.out["chat"]["choices"]):
            self.assertEqual(self.out["tokens"]["text"][index], choice["message"]["content"])
            self.assertEqual(self.out["tokens"]["logprobs"][index], choice["logprobs"]["content"])
        self.assertGreater(self.out["tokens"]["chunks"], 2)
        self.assertEqual(self.out["helped"]["logprobs"]["content"], self.out["plain"]["logprobs"]["content"])

    def test_structured_output_is_of_its_schema(self):
        self.assertIn(self.out["structured"]["colour"], ("red", "blue"))
        self.assertIn(self.out["structured"]["count"], range(10))
        self.assertIsInstance(json.loads(self.out["object"]), dict)

    def test_an_answer_from_a_collection_is_annotated(self):
        message = self.out["grounded"]["choices"][0]["message"]
        self.assertIn("brass hinge", message["content"])
        cited = message["annotations"][0]["url_citation"]
        text = message["content"]
        self.assertEqual(text[cited["start_index"]:cited["end_index"]],
                         text.encode()[cited["start_byte"]:cited["end_byte"]].decode())
        self.assertEqual((cited["page"], cited["title"]), (2, "parts.pdf"))
        self.assertEqual(cited["passage_id"], self.out["grounded"]["sources"][cited["marker"] - 1]["passage_id"])
        stream = self.out["groundedStream"]
        self.assertEqual((stream["text"], stream["annotations"]), (text, message["annotations"]))
        self.assertEqual(stream["sources"], self.out["grounded"]["sources"])
        # The same citations as of the route of our own.
        own = self.server.json("POST", "/v1/answer", {"collection": "parts", "text": "Which part is a brass hinge?",
                                                      "answer_mode": "extractive"})
        self.assertEqual(own["answer"], text)
        self.assertEqual([(c["start"], c["end"], c["passage_id"]) for c in own["citations"]],
                         [(a["url_citation"]["start_byte"], a["url_citation"]["end_byte"],
                           a["url_citation"]["passage_id"]) for a in message["annotations"]])

    def test_a_follow_up_is_searched_with_what_it_leans_on(self):
        reply = self.out["followUp"]
        self.assertEqual(reply["follow_up"]["rewritten_query"], "QX And what is it made of?")
        self.assertIs(reply["follow_up"]["generated"], False)
        self.assertEqual(reply["sources"][0]["page"], 2)
        # The generator's words were of no use, which is said.
        self.assertTrue(any("put together by rule" in warning for warning in reply["warnings"]), reply["warnings"])
        self.assertIsNone(self.out["grounded"]["follow_up"])

    def test_required_calls_fit_their_schema(self):
        for choice in (self.out["named"], self.out["namedStream"]):
            self.assertEqual(choice["finish_reason"], "tool_calls")
            self.assertIsNone(choice["message"]["content"])
            [call] = choice["message"]["tool_calls"]
            self.assertEqual((call["type"], call["function"]["name"]), ("function", "stock"))
            self.assertIn(json.loads(call["function"]["arguments"])["part"], ("hinge", "bolt"))
            self.assertTrue(call["id"].startswith("call_"))
        self.assertEqual(self.out["named"]["message"]["tool_calls"][0]["function"],
                         {key: self.out["namedStream"]["message"]["tool_calls"][0]["function"][key]
                          for key in ("name", "arguments")})
        [call] = self.out["required"]["message"]["tool_calls"]
        self.assertIn(call["function"]["name"], ("stock", "now"))
        self.assertIsInstance(json.loads(call["function"]["arguments"]), dict)

    def test_results_of_calls_and_free_choice_are_taken(self):
        for name in ("withResult", "auto"):
            self.assertIn(self.out[name]["finish_reason"], ("stop", "length"))
            self.assertIsInstance(self.out[name]["message"]["content"], str)

    def test_embeddings_are_the_same_as_numbers_and_as_bytes(self):
        floats = self.out["floats"]["data"][0]["embedding"]
        packed = base64.b64decode(self.out["base64"]["data"][0]["embedding"])
        for number, same in zip(floats, struct.unpack(f"<{len(floats)}f", packed), strict=True):
            self.assertAlmostEqual(number, same, places=6)
        self.assertEqual(len(self.out["embeddings"]["data"]), 2)
        self.assertAlmostEqual(sum(number ** 2 for number in floats), 1, places=4)
        self.assertEqual(len(self.out["short"]["data"][0]["embedding"]), 16)
        self.assertEqual(len(self.out["reranked"]["results"]), 1)

    def test_errors_name_what_is_wrong(self):
        errors = self.out["errors"]
        self.assertEqual((errors["tools"]["kind"], errors["tools"]["code"], errors["tools"]["param"]),
                         ("BadRequestError", "unsupported_parameter", "tools"))
        self.assertEqual((errors["noTool"]["code"], errors["noTool"]["param"]), ("no_tool", "tool_choice"))
        self.assertEqual(errors["noCall"]["param"], "messages[0].tool_call_id")
        self.assertEqual((errors["history"]["status"], errors["history"]["code"]), (400, "too_many_turns"))
        self.assertEqual((errors["type"]["status"], errors["type"]["param"]), (400, "temperature"))
        self.assertEqual((errors["range"]["status"], errors["range"]["param"]), (400, "temperature"))
        self.assertEqual((errors["picture"]["status"], errors["picture"]["code"]), (415, "unknown_type"))
        self.assertEqual((errors["fetched"]["status"], errors["fetched"]["code"]), (400, "url_not_allowed"))
        self.assertEqual(errors["collection"]["kind"], "NotFoundError")
        self.assertEqual(errors["schema"]["status"], 400)

    def test_picture_files_are_read_below_the_root_only(self):
        self.assertEqual(self.out["file"], {"status": 200})
        self.assertEqual((self.out["outside"]["status"], self.out["outside"]["code"]), (400, "url_not_allowed"))

    def test_pictures_are_fetched_from_allowed_hosts_only(self):
        fetched = self.out["url"]
        self.assertEqual(fetched["chat"], self.out["sent"])
        self.assertEqual(fetched["embedding"], self.out["short"]["data"][0]["embedding"])
        self.assertEqual(fetched["reranked"], self.out["reranked"]["results"])
        self.assertEqual((fetched["none"]["status"], fetched["none"]["code"]), (400, "fetch_failed"))

    def test_a_stream_that_was_left_ends(self):
        def running():
            text = self.server.request("GET", "/metrics")[2].decode()
            lines = [line for line in text.splitlines()
                     if line.startswith("sightline_requests_in_flight") and "Generate" in line]
            self.assertEqual(len(lines), 1, text)
            return float(lines[0].split()[-1])
        # Its 20,000 tokens would take longer.
        wait_until(lambda: running() == 0, 10, "the end of the generation")

    def test_a_form_asks_about_a_picture(self):
        _, _, body = self.server.multipart("/v1/chat/vision", [("prompt", "What is it?")],
                                           [("image_file", "a.png", picture(9))])
        self.assertIsInstance(json.loads(body)["result"], str)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
