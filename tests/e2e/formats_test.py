"""Office files, books, mail, tables and archives through the real programs: each is found again by what is in it."""
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from office_files import docx, epub, mail, odt, package, pptx, tarred, xlsx, zipped
from support import Server, cli, pdf, picture


LIMIT = 16 << 20  # bytes that may come out of a file


def corpus():
    """{file name: bytes}; each holds words that no other file has."""
    deep = zipped({"inner/deep.txt": "The walnutfish swims in the inner archive.".encode()})
    return {
        "report.docx": docx("Annual report", ["The quartzfinch nests in the depot."],
                            [("part", "price"), ("gadfly valve", "17.25")], picture(901), "Figure 1: the cobaltheron"),
        "合同.docx": docx("采购合同", ["供应商必须在三十天内交付翡翠茶壶。"]),
        "misnamed.txt": docx("Other", ["The name says text, the zirconlark says otherwise."]),
        "plan.pptx": pptx([("Opening", ["Nothing here"]), ("Budget", ["The topazowl needs money"])]),
        "课程.pptx": pptx([("第一课", ["认识汉字"]), ("第二课", ["琥珀猫的故事"])]),
        "stock.xlsx": xlsx({"Depot": [["item", "count"]] + [[f"screw{i}", i] for i in range(200)],
                            "Shop": [["item", "count"], ["opalwren", 7]]}),
        "库存.xlsx": xlsx({"仓库": [["货品", "数量"], ["珊瑚灯笼", 12]]}),
        "letter.odt": odt("Letter", ["The garnetjay sends greetings."]),
        "通知.odt": odt("通知", ["珍珠风铃将于周五到货。"]),
        "novel.epub": epub("The Tale", [("One", "A quiet start."), ("Two", "Then came the jadeheron.")]),
        "小说.epub": epub("传说", [("第一章", "很久以前。"), ("第二章", "玛瑙狐狸来到村庄。")]),
        "mail.eml": mail("About the rubystork", "The sapphirecrane is attached.",
                         {"bill.pdf": pdf([["First page"], ["The onyxplover costs 12."]])}),
        "邮件.eml": mail("会议通知", "周三讨论水晶海豚的方案。"),
        "people.csv": "name,town\nAnn,Bern\nBob,Perlitefalls\n".encode(),
        "名单.csv": "姓名,城市\n李雷,琉璃镇\n".encode("gb18030"),
        "files.zip": zipped({"a/note.md": "# Note\n\nThe agatedove sings.\n".encode(), "b.png": picture(902),
                             "inner.zip": deep, "bad.pdf": b"%PDF-1.4 cut", "../out.txt": b"never"}),
        "文件.tar.gz": tarred({"资料/说明.txt": "玳瑁蝴蝶在花园里。".encode(), "x.txt": b"The beryltern sits."}),
        "log.txt.gz": gzip.compress(b"The spinelrook was here."),
        "more.tar.xz": tarred({"y.txt": b"The kyanitegull flies."}, "w:xz"),
        "more.tar.bz2": tarred({"z.txt": b"The azuritecrow waits."}, "w:bz2"),
        "plain.tar": tarred({"w.txt": b"The micasparrow hops."}, "w"),
    }


# words, source's end, page, kind
WANTED = [
    ("quartzfinch", "report.docx", 0, "text"),
    ("gadfly", "report.docx", 0, "table"),
    ("翡翠茶壶", "合同.docx", 0, "text"),
    ("zirconlark", "misnamed.txt", 0, "text"),
    ("topazowl", "plan.pptx", 2, "text"),
    ("琥珀猫", "课程.pptx", 2, "text"),
    ("opalwren", "stock.xlsx", 2, "table"),
    ("screw177", "stock.xlsx", 1, "table"),
    ("珊瑚灯笼", "库存.xlsx", 1, "table"),
    ("garnetjay", "letter.odt", 0, "text"),
    ("珍珠风铃", "通知.odt", 0, "text"),
    ("jadeheron", "novel.epub", 0, "text"),
    ("玛瑙狐狸", "小说.epub", 0, "text"),
    ("rubystork sapphirecrane", "mail.eml", 0, "text"),
    ("onyxplover", "mail.eml!/bill.pdf", 2, None),
    ("水晶海豚", "邮件.eml", 0, "text"),
    ("Perlitefalls", "people.csv", 0, "table"),
    ("琉璃镇", "名单.csv", 0, "table"),
    ("agatedove", "files.zip!/a/note.md", 0, "text"),
    ("walnutfish", "files.zip!/inner.zip!/inner/deep.txt", 0, "text"),
    ("玳瑁蝴蝶", "文件.tar.gz!/资料/说明.txt", 0, "text"),
    ("beryltern", "文件.tar.gz!/x.txt", 0, "text"),
    ("spinelrook", "log.txt.gz!/log.txt", 0, "text"),
    ("kyanitegull", "more.tar.xz!/y.txt", 0, "text"),
    ("azuritecrow", "more.tar.bz2!/z.txt", 0, "text"),
    ("micasparrow", "plain.tar!/w.txt", 0, "text"),
]


class FormatsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temp = tempfile.TemporaryDirectory(prefix="sightline-e2e-")
        cls.folder = pathlib.Path(cls.temp.name) / "files"
        cls.folder.mkdir()
        for name, data in corpus().items():
            (cls.folder / name).write_bytes(data)
        os.environ["SIGHTLINE__MEDIA__MAX_UNPACKED_BYTES"] = str(LIMIT)
        try:
            cls.server = Server()
        finally:
            del os.environ["SIGHTLINE__MEDIA__MAX_UNPACKED_BYTES"]
        cls.first = cls.ingest(cls, cls.folder, "f")

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.temp.cleanup()

    def tearDown(self):
        self.assertIsNone(self.server.process.poll(), "the server died")

    def ingest(self, path, collection, *more):
        return cli("ingest", path, "-c", collection, "--recursive", "--failed-list",
                   pathlib.Path(self.temp.name) / "failed.jsonl", "--server", self.server.grpc, *more, check=False)

    def search(self, text, collection="f", **more):
        return self.server.json("POST", "/v1/search",
                                {"collection": collection, "text": text, "mode": "lexical", **more})["hits"]

    def documents(self, collection="f"):
        reply = self.server.json("GET", f"/v1/collections/{collection}/documents?page_size=1000")
        return {d["source"]: d for d in reply["documents"]}

    def by_name(self, name, collection="f"):
        return next(d for source, d in self.documents(collection).items() if source.endswith("/" + name))

    def test_each_file_is_found_by_what_is_in_it(self):
        self.assertIn(self.first.returncode, (0, 3), self.first.stdout + self.first.stderr)
        for words, source, page, kind in WANTED:
            with self.subTest(words):
                hits = self.search(words)
                self.assertTrue(hits)
                self.assertTrue(hits[0]["source"].endswith("/" + source), hits[0]["source"])
                self.assertEqual(hits[0].get("page", 0) or 0, page)
                if kind:
                    self.assertEqual(hits[0]["kind"], kind)

    def test_tables_keep_their_head_and_say_where_they_stand(self):
        hit = self.search("screw177")[0]
        self.assertTrue(hit["text"].startswith("| item | count |"), hit["text"][:80])
        passage = self.server.json("GET", f"/v1/passages/{hit['passage_id']}")
        self.assertEqual(passage["heading"], "Depot > A152:B201")

    def test_a_picture_in_a_document_is_a_passage_with_its_caption(self):
        hits = [h for h in self.search("cobaltheron", k=10) if h["kind"] == "figure"]
        self.assertTrue(hits)
        self.assertTrue(hits[0]["source"].endswith("report.docx"))
        self.assertEqual(self.server.request("GET", hits[0]["thumbnail_url"])[0], 200)
        _, _, body = self.server.multipart("/v1/search", [("collection", "f"), ("k", "3")],
                                           [("image", "q.png", picture(901))])
        self.assertTrue(json.loads(body)["hits"][0]["source"].endswith("report.docx"))

    def test_what_a_file_says_of_itself_is_metadata(self):
        mail_document = self.by_name("mail.eml")
        self.assertEqual(mail_document["metadata"]["subject"], "About the rubystork")
        self.assertEqual(mail_document["metadata"]["date"], "2024-05-01T08:00:00")
        self.assertIn("张三", mail_document["metadata"]["from"])
        self.assertEqual(self.by_name("novel.epub")["metadata"]["title"], "The Tale")
        hits = self.search("sapphirecrane", filter='subject = "About the rubystork"')
        self.assertTrue(hits)

    def test_bad_members_are_named_and_cost_only_themselves(self):
        archive = self.by_name("files.zip")
        self.assertEqual(archive["state"], "partial")
        failures = {(f["reason"], f["message"].split(":")[0]) for f in archive["failures"]}
        self.assertEqual(failures, {("bad_pdf", "bad.pdf"), ("unsafe_path", "../out.txt")})
        self.assertEqual(self.by_name("files.zip!/bad.pdf")["state"], "failed")
        self.assertFalse(any("out.txt" in source for source in self.documents()))

    def test_a_new_version_of_an_archive_loses_what_it_has_no_more(self):
        path = self.folder / "changing.zip"
        path.write_bytes(zipped({"stays.txt": b"The lynxmoth stays.", "goes.txt": b"The ibexgnat goes."}))
        self.assertEqual(self.ingest(path, "g").returncode, 0)
        before = self.by_name("changing.zip!/stays.txt", "g")
        self.assertTrue(self.search("ibexgnat", "g"))
        path.write_bytes(zipped({"stays.txt": b"The lynxmoth stays.", "new.txt": b"The tapirwasp came."}))
        self.assertEqual(self.ingest(path, "g").returncode, 0)
        self.assertEqual(self.search("ibexgnat", "g"), [])
        self.assertTrue(self.search("tapirwasp", "g"))
        self.assertEqual(self.by_name("changing.zip!/stays.txt", "g")["version"], before["version"])
        archive = self.by_name("changing.zip", "g")["document_id"]
        cli("documents", "delete", archive, "-c", "g", "--server", self.server.grpc)
        self.assertEqual(self.documents("g"), {})
        path.unlink()

    def test_a_new_version_that_cannot_be_read_takes_nothing_away(self):
        path = self.folder / "broken.zip"
        whole = zipped({"stays.txt": b"The quaggahen stays.", "inner.zip": zipped({"deep.txt": b"The okapigull dives."})})
        path.write_bytes(whole)
        self.assertEqual(self.ingest(path, "h").returncode, 0)
        path.write_bytes(zipped({"stays.txt": b"The quaggahen stays.", "inner.zip": b"PK\x03\x04 cut"}))
        self.ingest(path, "h")
        self.assertTrue(self.search("okapigull", "h"))
        self.assertTrue(self.search("quaggahen", "h"))
        path.unlink()

    def test_two_archives_of_one_source_keep_their_members(self):
        self.server.json("POST", "/v1/collections", {"name": "twins"}, expect=201)
        for name, animal in (("one", b"The civetowl calls."), ("two", b"The genetowl calls.")):
            self.server.multipart("/v1/collections/twins/documents", [("document_id", name)],
                                  [("file", "same.zip", zipped({"a.txt": animal}))])
        self.assertTrue(self.search("civetowl", "twins"))
        cli("documents", "delete", "two", "-c", "twins", "--server", self.server.grpc)
        self.assertEqual(self.search("genetowl", "twins"), [])
        self.assertTrue(self.search("civetowl", "twins"))
        done = cli("erase", "one", "-c", "twins", "--verify", "--json", "--server", self.server.grpc, check=False)
        self.assertEqual(json.loads(done.stdout)["traces"], [])
        self.assertEqual(self.search("civetowl", "twins"), [])

    def test_ingesting_the_same_again_changes_nothing(self):
        before = {s: d["version"] for s, d in self.documents().items()}
        self.ingest(self.folder, "f")
        self.assertEqual({s: d["version"] for s, d in self.documents().items()}, before)

    def test_hostile_files_have_their_own_reasons(self):
        nested = b"bottom"
        for level in range(5):
            nested = zipped({f"level{level}.zip" if level else "bottom.txt": nested})
        comments = b"<w:document xmlns:w='urn:w'><w:body>" + (b"<!--" + b" " * (1 << 20) + b"-->") * (LIMIT >> 19)
        entity = ('<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><w:document xmlns:w="urn:w"><w:body><w:p><w:r>'
                  "<w:t>&x;</w:t></w:r></w:p></w:body></w:document>")
        cases = {
            "bomb.docx": (package("word/document.xml", {"word/document.xml": comments}), "inflate_limit"),
            "bomb.gz": (gzip.compress(b"x" * (2 * LIMIT), 1), "inflate_limit"),
            "bomb.zip": (zipped({f"{i}.txt": bytes(LIMIT // 8) for i in range(12)}), "inflate_limit"),
            "entity.docx": (package("word/document.xml", {"word/document.xml": entity}), "xml_entities"),
            "cut.xlsx": (xlsx({"s": [["a"]]})[:300], "bad_archive"),
            "nested.zip": (nested, "nested_too_deep"),
        }
        with tempfile.TemporaryDirectory(prefix="sightline-e2e-") as temp:
            for name, (data, reason) in cases.items():
                with self.subTest(name):
                    path = pathlib.Path(temp) / name
                    path.write_bytes(data)
                    self.ingest(path, "h")
                    found = [f for s, d in self.documents("h").items() if f"/{name}" in s for f in d["failures"]]
                    self.assertTrue(found, name)
                    self.assertRegex(" ".join(f["reason"] for f in found), reason)
                    self.assertNotIn("root:", json.dumps(self.search("root", "h")))

    def test_a_locked_pdf_opens_with_its_password(self):
        with tempfile.TemporaryDirectory(prefix="sightline-e2e-") as temp:
            plain, locked = pathlib.Path(temp) / "plain.pdf", pathlib.Path(temp) / "locked.pdf"
            plain.write_bytes(pdf([["The hidden basaltswift."]]))
            subprocess.run(["qpdf", "--encrypt", "user", "owner", "256", "--", plain, locked], check=True)
            self.assertEqual(self.ingest(locked, "p").returncode, 3)
            secret = pathlib.Path(temp) / "password"
            secret.write_text("user\n")
            self.assertEqual(self.ingest(locked, "p", "--password-file", secret).returncode, 0)
            self.assertTrue(self.search("basaltswift", "p")[0]["source"].endswith("locked.pdf"))


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
