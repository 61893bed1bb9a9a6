#!/usr/bin/env python3
"""Makes a dataset folder for `sightline eval --dataset` of a retrieval benchmark's Parquet files.

    from_parquet.py FOLDER OUT [--split test] [--answers]

FOLDER is a data set as hubs hold it, already on disk, in one of two layouts:

  corpus/ queries/ qrels/   a table each (MTEB, BEIR, ViDoRe 2 and later): an id and text or picture; an id and the
                            query; query id, document id and score. The last may lie in default/ or data/. Judgements
                            are those of --split, and so are queries and documents where they come in splits.
  data/ or the folder       one table, a row for each query with its picture (ViDoRe 1): `query` and `image`. Rows with
                            the same picture share a page; a page without a query answers none.

OUT gets corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv and images/. It must be empty or not exist, and is there only when
all went well. Rows are read in batches, so memory holds a batch and the ids. Needs pyarrow.
"""
import argparse
import hashlib
import json
import pathlib
import shutil
import sys
import tempfile

BATCH_ROWS = 64  # a row of a page may hold a picture of some MB
CORPUS_IDS = ("_id", "id", "corpus-id", "corpus_id")
QUERY_IDS = ("_id", "id", "query-id", "query_id")
ENDINGS = ((b"\x89PNG", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"GIF8", ".gif"), (b"II*\0", ".tif"), (b"MM\0*", ".tif"))


class Fault(Exception):
    """What is wrong with the data set, for a person."""


def table_files(folder, split, strict=False):
    """Parquet files below `folder` in order: the split's; unless `strict`, all where none bears its name."""
    files = sorted(folder.rglob("*.parquet"))
    of_split = [path for path in files if path.name == split + ".parquet" or path.name.startswith(split + "-")]
    if strict and files and not of_split:
        raise Fault(f"{folder}: no {split}.parquet or {split}-*.parquet; there are "
                    + ", ".join(path.name for path in files[:5]))
    return of_split or files


def rows(paths, wanted):
    """The rows of the files as dicts of the `wanted` columns that they have."""
    import pyarrow
    import pyarrow.parquet
    for path in paths:
        try:
            with pyarrow.parquet.ParquetFile(path) as table:
                columns = [name for name in table.schema_arrow.names if name in wanted]
                number = 0
                for batch in table.iter_batches(batch_size=BATCH_ROWS, columns=columns):
                    for row in batch.to_pylist():
                        number += 1
                        yield f"{path}, row {number}", row
        except (pyarrow.ArrowException, OSError) as error:
            raise Fault(f"{path}: {error}") from error


def first(where, row, keys, needed=True):
    for key in keys:
        if row.get(key) is not None:
            return str(row[key])
    if needed:
        raise Fault(f"{where}: none of the columns {', '.join(keys)} has a value; there are {', '.join(row) or 'none'}")
    return None


def picture_bytes(where, value):
    """The bytes of a hub's image column: {"bytes", "path"}, or the bytes alone. None where there is none."""
    data = value.get("bytes") if isinstance(value, dict) else value
    if value is None or (data is None and not value.get("path")):
        return None
    if not isinstance(data, bytes) or not data:
        raise Fault(f"{where}: the picture's bytes are not in the table")
    return data


class Output:
    """The folder that is written: under another name beside it until all is there."""

    def __init__(self, target, split):
        if target.exists() and any(target.iterdir()):
            raise Fault(f"{target}: is not empty")
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = pathlib.Path(tempfile.mkdtemp(prefix=target.name + ".part-", dir=target.parent))
        (folder / "images").mkdir()
        (folder / "qrels").mkdir()
        self.target, self.folder = target, folder
        self.corpus = open(folder / "corpus.jsonl", "w", encoding="utf-8")
        self.queries = open(folder / "queries.jsonl", "w", encoding="utf-8")
        self.qrels = open(folder / "qrels" / f"{split}.tsv", "w", encoding="utf-8")
        print("query-id", "corpus-id", "score", sep="\t", file=self.qrels)
        self.documents, self.query_ids, self.judgements = set(), set(), 0

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for file in (self.corpus, self.queries, self.qrels):
            file.close()
        if kind is not None:
            shutil.rmtree(self.folder)
            return
        self.folder.chmod(0o755)  # mkdtemp's are for the owner alone
        if self.target.exists():
            self.target.rmdir()
        self.folder.rename(self.target)

    def picture(self, data):
        """Its name in the folder: by content, so that a page of many rows is stored once."""
        ending = next((name for magic, name in ENDINGS if data.startswith(magic)), "")
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            ending = ".webp"
        name = f"images/{hashlib.sha256(data).hexdigest()[:32]}{ending}"
        path = self.folder / name
        if not path.exists():
            path.write_bytes(data)
        return name

    @staticmethod
    def line(file, **fields):
        print(json.dumps({key: value for key, value in fields.items() if value}, ensure_ascii=False), file=file)

    @staticmethod
    def check_id(where, key):
        if not key or any(character in key for character in "\t\r\n"):
            raise Fault(f"{where}: the id {key!r} is empty or has tabs or line breaks")

    def document(self, where, key, title=None, text=None, data=None):
        self.check_id(where, key)
        if key in self.documents:
            raise Fault(f"{where}: document {key} stands twice")
        if not (title or text or data):
            raise Fault(f"{where}: document {key} has neither text nor picture")
        self.documents.add(key)
        self.line(self.corpus, _id=key, title=title, text=text, image=self.picture(data) if data else None)

    def query(self, where, key, text, data=None, answer=None):
        self.check_id(where, key)
        if key in self.query_ids:
            raise Fault(f"{where}: query {key} stands twice")
        if not (text or data):
            raise Fault(f"{where}: query {key} has neither text nor picture")
        self.query_ids.add(key)
        self.line(self.queries, _id=key, text=text, image=self.picture(data) if data else None, answer=answer)

    def judge(self, query, document, score):
        print(query, document, score, sep="\t", file=self.qrels)
        self.judgements += 1


def answer_of(row, wanted):
    answer = row.get("answer") if wanted else None
    answers = [answer] if isinstance(answer, str) else list(answer or [])
    return [text for text in answers if text]


def convert_tables(source, judgements, out, split, answers):
    """corpus/, queries/ and `judgements`, files."""
    for where, row in rows(table_files(source / "corpus", split), {*CORPUS_IDS, "title", "text", "image"}):
        out.document(where, first(where, row, CORPUS_IDS), row.get("title"), row.get("text"),
                     picture_bytes(where, row.get("image")))
    columns = {*QUERY_IDS, "text", "query", "image", "answer"}
    for where, row in rows(table_files(source / "queries", split), columns):
        data = picture_bytes(where, row.get("image"))
        out.query(where, first(where, row, QUERY_IDS), first(where, row, ("text", "query"), needed=data is None), data,
                  answer_of(row, answers))
    for where, row in rows(judgements, {*QUERY_IDS, *CORPUS_IDS, "score"}):
        query, document = first(where, row, QUERY_IDS[2:]), first(where, row, CORPUS_IDS[2:])
        if query not in out.query_ids or document not in out.documents:
            raise Fault(f"{where}: judges query {query} and document {document}, and one of them does not exist")
        out.judge(query, document, first(where, row, ("score",)))


def convert_rows(paths, out, answers):
    """One row for each query with its picture. A page without a query is a document that answers none."""
    for where, row in rows(paths, {"query", "image", "image_filename", "answer"}):
        data = picture_bytes(where, row.get("image"))
        if data is None:
            raise Fault(f"{where}: no picture in the column image; there are {', '.join(row) or 'none'}")
        document = hashlib.sha256(data).hexdigest()[:32]
        if document not in out.documents:
            out.document(where, document, data=data)
        if row.get("query"):
            query = f"q{len(out.query_ids) + 1}"
            out.query(where, query, row["query"], answer=answer_of(row, answers))
            out.judge(query, document, 1)


def convert(source, target, split, answers):
    if not source.is_dir():
        raise Fault(f"{source}: no such folder")
    names = ("corpus", "queries", "qrels", "default", "data")
    there = [name for name in names if any((source / name).rglob("*.parquet"))]
    is_tables = any(name in there for name in ("corpus", "queries", "qrels"))
    if is_tables and not (there[:2] == ["corpus", "queries"] and len(there) > 2):
        raise Fault(f"{source}: Parquet files in {', '.join(there)}, but not in all of corpus, queries, qrels")
    # Of tables the judgements, else the rows.
    paths = table_files(source / (there[2] if is_tables else there[-1]) if there else source, split, strict=True)
    if not paths:
        raise Fault(f"{source}: no Parquet files")
    with Output(target, split) as out:
        if is_tables:
            convert_tables(source, paths, out, split, answers)
        else:
            convert_rows(paths, out, answers)
        if not out.documents or not out.judgements:
            raise Fault(f"{source}: {len(out.documents)} documents, {out.judgements} judgements; expected some of both")
        return f"{target}: {len(out.documents)} documents, {len(out.query_ids)} queries, {out.judgements} judgements"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path, help="the data set, on disk")
    parser.add_argument("out", type=pathlib.Path, help="the folder to make")
    parser.add_argument("--split", default="test", help="default test")
    parser.add_argument("--answers", action="store_true", help="keep answers, so that eval asks for them too")
    arguments = parser.parse_args()
    try:
        print(convert(arguments.folder, arguments.out, arguments.split, arguments.answers))
    except ModuleNotFoundError as error:
        sys.exit(f"from_parquet: needs pyarrow: pip install pyarrow ({error})")
    except (Fault, OSError) as error:
        sys.exit(f"from_parquet: {error}")


if __name__ == "__main__":
    main()
