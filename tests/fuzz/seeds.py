"""Writes the first inputs of one fuzz target: seeds.py TARGET FOLDER. They come from tests/golden."""
import json
import pathlib
import struct
import sys

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"
MODELS = ("tiny-dense", "tiny-embedding", "tiny-reranker")
CONFIGS = ("config.json", "generation_config.json", "preprocessor_config.json", "video_preprocessor_config.json")


def small_tokenizer():
    """One that is complete and short: the bytes, two merges, two added tokens."""
    whole = json.loads((GOLDEN / "tiny-dense" / "tokenizer.json").read_text())
    vocab = {token: i for token, i in whole["model"]["vocab"].items() if i < 256}
    assert len(vocab) == 256
    merges = [["a", "b"], ["ab", "c"]]
    vocab.update({"ab": 256, "abc": 257})
    whole["model"].update(vocab=vocab, merges=merges)
    whole["added_tokens"] = [
        {"id": 258, "content": "<|im_end|>", "special": True}, {"id": 259, "content": "<think>", "special": False}]
    return json.dumps(whole)


def safetensors(tensors, metadata=None):
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, dtype, shape, content in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def seeds(target):
    if target == "json":
        for file in (*CONFIGS, "tokenizer_config.json", "vocab.json", "model.safetensors.index.json"):
            yield (GOLDEN / "tiny-dense" / file).read_bytes()
        yield b'[1,-2,3.5e-7,1e308,"\\u00e9\\ud83d\\ude00",true,false,null,{"a":{"b":[[]]}}]'
    elif target == "model_config":
        for model in MODELS:
            for i, file in enumerate(CONFIGS):
                yield bytes([i]) + (GOLDEN / model / file).read_bytes()
    elif target == "safetensors":
        yield safetensors([("a", "F32", [2], b"12345678"), ("b", "U8", [3], b"abc")])
        yield safetensors([("s", "F64", [], b"12345678"), ("none", "BF16", [0, 5], b"")], {"format": "pt"})
        yield safetensors([(f"t{i}", "F8_E4M3", [1, 1], b"x") for i in range(20)])
        for model in MODELS:
            for file in sorted((GOLDEN / model).glob("*.safetensors")):
                yield file.read_bytes()[:16384]  # a cut one: its header is what matters
    elif target == "tokenizer_file":
        yield small_tokenizer().encode()
        for model in MODELS:
            yield (GOLDEN / model / "tokenizer.json").read_bytes()
    elif target == "tokenizer_text":
        for case in json.loads((GOLDEN / "tokenizer" / "tiny_dense.json").read_text()):
            yield case["text"].encode()
    elif target == "subtitles":
        yield (b"1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>One</i> {\\an8}two\r\n\r\n2\n00:00:02,600 --> 00:00:04,000 X1:1\n"
               b"two\nthree &amp; &lt;b&gt;\n")
        yield (b"WEBVTT - a title\n\nNOTE nothing\n\nSTYLE\n::cue {}\n\nid\n01:02.000 --> 1:00:02.500 align:start\n"
               b"<v Ann>Hello<00:00:01.000> there\n")
    elif target == "media_reply":
        yield b"\0" * 400
        box = struct.pack("<4d", 0.25, 0.5, 0.75, 1)
        block = (struct.pack("<BBI4sBBB", 0, 0, 4, b"text", 1, 0, 0) + box +
                 struct.pack("<IIB", 2, 0, 1) + box + struct.pack("<IB", 2, 0))
        yield (struct.pack("<BqqIqqqBBIBBI", *[0] * 12, 1) + block +
               struct.pack("<IIBBIIqddIIq", *[0] * 7, 0.0, 0.0, 0, 0, 0))
    elif target == "sniff":
        for file in sorted((GOLDEN / "images").glob("*")):
            if file.is_file():
                yield file.read_bytes()[:4096]
        for head in (b"%PDF-1.5\n", b"PK\x03\x04", b"\x1f\x8b\x08", b"\0\0\0\x18ftypmp42", b"\x1aE\xdf\xa3", b"RIFF\0\0\0\0AVI ",
                     b"From: a@b\nSubject: c\n\nd", b"G" * 400, b"OggS\0", b"<svg xmlns="):
            yield head
    elif target == "video_probe":
        yield (b"\0" + json.dumps({"format": {"start_time": "0.5", "duration": "9.5", "tags": {"title": "T", "date": "2024"}},
                                   "streams": [{"codec_type": "video", "codec_name": "h264", "width": 64, "height": 48,
                                                "duration": "9", "disposition": {"attached_pic": 0, "default": 1}},
                                               {"codec_type": "subtitle", "codec_name": "subrip",
                                                "disposition": {"forced": 1}}]}).encode())
        yield b"\x01" + b"0.000000,N/A,0.040000,K_\n0.040000,0.040000,0.040000,__\nN/A,0.08,,K__\n"
    else:
        sys.exit(f"seeds: no target {target}")


def main():
    target, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(seeds(target)):
        (folder / f"seed{i:03d}").write_bytes(seed)


main()
