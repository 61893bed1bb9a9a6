"""The page in a real browser against the real server; the steps are in web/page_test.mjs."""
import os
import subprocess
import sys
import unittest

from support import ROOT, Server


class PageTest(unittest.TestCase):
    def test_the_page_searches_by_photo_and_answers_with_chips(self):
        self.assertTrue((ROOT / "web/dist/index.html").is_file(), "scripts/build_web.sh builds the page")
        with Server() as server:
            done = subprocess.run(
                ["node", str(ROOT / "tests/e2e/web/page_test.mjs")], capture_output=True, text=True, timeout=300,
                env={**os.environ, "BASE_URL": f"http://{server.http}", "OUT": str(ROOT / "build/web-test")})
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr + server.stderr())


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
