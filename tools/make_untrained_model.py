#!/usr/bin/env python3
"""Writes models/demo: a small Qwen3-VL checkpoint of the Embedding shape with random weights.

It lets the whole path run without a download. Nothing was trained: the files are the same at every run.
Two choices make it less useless than noise, without pretending to understand anything: queries and keys
are small, so that attention is nearly the mean over what came before, and control tokens are nearly zero,
so that the pooled last token holds that mean. Texts that share words, and pictures that share patches,
therefore come out closer than others.

Usage: tools/make_untrained_model.py [OUTPUT_FOLDER]     (default: models/demo beside this script's folder)
"""

import collections
import json
import pathlib
import random
import struct
import sys

SEED = 20260101

HIDDEN, LAYERS, HEADS, KV_HEADS, HEAD_DIM, INNER = 160, 3, 4, 2, 32, 320
VISION_HIDDEN, VISION_DEPTH, VISION_HEADS, VISION_INNER, TABLE = 64, 3, 4, 160, 576
VOCAB = 1024
MERGES = 640
MAX_IMAGE_PIXELS = 512 * 512

SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
    "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>",
    "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
]
PLAIN_ADDED = [
    "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
    "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>", "</think>",
]

# Words the merges are learned from, the frequent ones first. A word of rank r counts as seen N / r times.
WORDS = """
the of and to in a is that for it was on are as with they be at this have from or one had by but not what
all were we when your can said there use an each which she do how their if will up other about out many
then them these so some her would make like him into time has look two more write go see number no way
could people my than first water been call who now find long down day did get come made may part over new
sound take only little work know place year live me back give most very after thing our just name good
sentence man think say great where help through much before line right too mean old any same tell boy
follow came want show also around form three small set put end does another well large must big even such
because turn here why ask went men read need land different home us move try kind hand picture again change
off play spell air away animal house point page letter mother answer found study still learn should world
high every near add food between own below country plant last school father keep tree never start city
earth eye light thought head under story saw left few while along might close something seem next hard open
example begin life always those both paper together got group often run important until children side feet
car mile night walk white sea began grow took river four carry state once book hear stop without second
later miss idea enough eat face watch far really almost let above girl sometimes mountain cut young talk
soon list song being leave family yes image images photo photos document documents text passage video query
search retrieve relevant represent user system assistant input judge whether meets requirements based
instruct provided note given candidates table figure chart report invoice total price date street map train
ship bridge garden museum history science music energy model data value result method system process
government company market service public report information research development education university
international national program business computer network language software hardware storage memory
""".split()

SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def byte_alphabet():
    """Printable stand-ins for the 256 bytes, as byte-level BPE defines them."""
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table = {b: chr(b) for b in printable}
    for extra, b in enumerate(b for b in range(256) if b not in table):
        table[b] = chr(256 + extra)
    return table


def learn_merges():
    """Plain BPE over WORDS: the most frequent pair first, ties by spelling."""
    words = collections.Counter()
    for rank, word in enumerate(dict.fromkeys(WORDS), start=1):
        weight = 1 + 2000 // rank
        words[("Ġ",) + tuple(word)] += 3 * weight
        words[tuple(word)] += weight
        words[("Ġ",) + tuple(word.capitalize())] += weight
        words[tuple(word.capitalize())] += weight
    merges = []
    # The two words the reranker's head is read from are whole in every checkpoint.
    forced = [("y", "e"), ("ye", "s"), ("n", "o")]
    while len(merges) < MERGES:
        if forced:
            best = forced.pop(0)
        else:
            pairs = collections.Counter()
            for word, count in words.items():
                for pair in zip(word, word[1:]):
                    pairs[pair] += count
            if not pairs:
                break
            best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        merged = collections.Counter()
        for word, count in words.items():
            out, i = [], 0
            while i < len(word):
                if word[i:i + 2] == best:
                    out.append(best[0] + best[1])
                    i += 2
                else:
                    out.append(word[i])
                    i += 1
            merged[tuple(out)] += count
        words = merged
    return merges


def make_vocabulary():
    tokens = [byte_alphabet()[b] for b in range(256)]
    tokens.sort(key=lambda c: (ord(c) > 255, ord(c)))
    merges = []
    seen = set(tokens)
    for left, right in learn_merges():
        if left + right not in seen:
            seen.add(left + right)
            tokens.append(left + right)
        merges.append([left, right])
    return tokens, merges


def added_token(index, content):
    return {"id": index, "content": content, "special": content in SPECIAL, "lstrip": False,
            "normalized": False, "rstrip": False, "single_word": False}


def tokenizer(tokens, merges, ids):
    """tokenizer.json: `tokens` by id, then the added ones with `ids`."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False,
                  "use_regex": False}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [added_token(index, content) for content, index in ids.items()],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": SPLIT}, "behavior": "Isolated", "invert": False},
            byte_level]},
        "post_processor": byte_level,
        "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "",
                  "end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False,
                  "ignore_merges": False, "vocab": {token: i for i, token in enumerate(tokens)},
                  "merges": merges},
    }


class Weights:
    """Collects bfloat16 tensors and writes them as one safetensors file."""

    def __init__(self):
        self.rng = random.Random(SEED)
        self.tensors = {}

    def put(self, name, shape, values):
        self.tensors[name] = (shape, values)

    def normal(self, name, shape, std):
        count = 1
        for extent in shape:
            count *= extent
        gauss = self.rng.gauss
        self.put(name, shape, [gauss(0.0, std) for _ in range(count)])

    def constant(self, name, shape, value):
        self.put(name, shape, [value] * shape[0])

    def linear(self, name, out, inner, gain=1.0):
        self.normal(name + ".weight", [out, inner], gain / inner ** 0.5)

    def linear_bias(self, name, out, inner, gain=1.0):
        self.linear(name, out, inner, gain)
        self.constant(name + ".bias", [out], 0.0)

    def layer_norm(self, name, n):
        self.constant(name + ".weight", [n], 1.0)
        self.constant(name + ".bias", [n], 0.0)

    def save(self, path):
        header, offset, blobs = {}, 0, []
        for name in sorted(self.tensors):
            shape, values = self.tensors[name]
            blob = bfloat16(values)
            header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + len(blob)]}
            offset += len(blob)
            blobs.append(blob)
        header["__metadata__"] = {"format": "pt", "seed": str(SEED)}
        text = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
        text += b" " * (-len(text) % 8)
        path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))
        return sum(len(values) for _, values in self.tensors.values())


def bfloat16(values):
    """The upper halves of float32, rounded half to even."""
    words = struct.unpack("<%dI" % len(values), struct.pack("<%df" % len(values), *values))
    return struct.pack("<%dH" % len(words),
                       *((w + 0x7FFF + ((w >> 16) & 1)) >> 16 for w in words))


def make_text(weights, tokens, num_tokens):
    root = "model.language_model."
    weights.normal(root + "embed_tokens.weight", [VOCAB, HIDDEN], 0.05)
    rows = weights.tensors[root + "embed_tokens.weight"][1]
    layout = list(range(len(tokens), num_tokens)) + [tokens.index("Ċ")]
    for row in layout:
        for column in range(HIDDEN):
            rows[row * HIDDEN + column] *= 1e-4
    for layer in range(LAYERS):
        name = f"{root}layers.{layer}."
        weights.constant(name + "input_layernorm.weight", [HIDDEN], 1.0)
        weights.constant(name + "post_attention_layernorm.weight", [HIDDEN], 1.0)
        weights.constant(name + "self_attn.q_norm.weight", [HEAD_DIM], 0.3)
        weights.constant(name + "self_attn.k_norm.weight", [HEAD_DIM], 0.3)
        weights.linear(name + "self_attn.q_proj", HEADS * HEAD_DIM, HIDDEN)
        weights.linear(name + "self_attn.k_proj", KV_HEADS * HEAD_DIM, HIDDEN)
        weights.linear(name + "self_attn.v_proj", KV_HEADS * HEAD_DIM, HIDDEN)
        weights.linear(name + "self_attn.o_proj", HIDDEN, HEADS * HEAD_DIM)
        weights.linear(name + "mlp.gate_proj", INNER, HIDDEN)
        weights.linear(name + "mlp.up_proj", INNER, HIDDEN)
        weights.linear(name + "mlp.down_proj", HIDDEN, INNER, 0.05)
    weights.constant(root + "norm.weight", [HIDDEN], 1.0)


def make_vision(weights):
    root = "model.visual."
    v, grouped = VISION_HIDDEN, 4 * VISION_HIDDEN
    weights.normal(root + "patch_embed.proj.weight", [v, 3, 2, 16, 16], 1.0 / 1536 ** 0.5)
    weights.constant(root + "patch_embed.proj.bias", [v], 0.0)
    weights.normal(root + "pos_embed.weight", [TABLE, v], 0.05)
    for block in range(VISION_DEPTH):
        name = f"{root}blocks.{block}."
        weights.layer_norm(name + "norm1", v)
        weights.layer_norm(name + "norm2", v)
        weights.linear_bias(name + "attn.qkv", 3 * v, v, 0.5)
        weights.linear_bias(name + "attn.proj", v, v, 0.5)
        weights.linear_bias(name + "mlp.linear_fc1", VISION_INNER, v)
        weights.linear_bias(name + "mlp.linear_fc2", v, VISION_INNER, 0.5)
    mergers = [("merger", v), ("deepstack_merger_list.0", grouped)]
    for merger, norm in mergers:
        weights.layer_norm(root + merger + ".norm", norm)
        weights.linear_bias(root + merger + ".linear_fc1", grouped, grouped)
        weights.linear_bias(root + merger + ".linear_fc2", HIDDEN, grouped, 0.05)


def config(ids):
    return {
        "architectures": ["Qwen3VLForConditionalGeneration"],
        "model_type": "qwen3_vl",
        "tie_word_embeddings": True,
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        "dtype": "bfloat16",
        "text_config": {
            "model_type": "qwen3_vl_text", "dtype": "bfloat16", "vocab_size": VOCAB,
            "hidden_size": HIDDEN, "intermediate_size": INNER, "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "head_dim": HEAD_DIM,
            "hidden_act": "silu", "rms_norm_eps": 1e-06, "attention_bias": False,
            "max_position_embeddings": 32768, "rope_theta": 5000000, "tie_word_embeddings": True,
            "rope_scaling": {"mrope_interleaved": True, "mrope_section": [6, 5, 5],
                             "rope_type": "default"},
            "bos_token_id": ids["<|endoftext|>"], "eos_token_id": ids["<|im_end|>"],
        },
        "vision_config": {
            "model_type": "qwen3_vl", "depth": VISION_DEPTH, "hidden_size": VISION_HIDDEN,
            "num_heads": VISION_HEADS, "intermediate_size": VISION_INNER,
            "hidden_act": "gelu_pytorch_tanh", "in_channels": 3, "patch_size": 16,
            "temporal_patch_size": 2, "spatial_merge_size": 2, "num_position_embeddings": TABLE,
            "out_hidden_size": HIDDEN, "deepstack_visual_indexes": [1],
        },
    }


def preprocessor(shortest, longest):
    return {"size": {"shortest_edge": shortest, "longest_edge": longest}, "patch_size": 16,
            "temporal_patch_size": 2, "merge_size": 2, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main():
    default = pathlib.Path(__file__).resolve().parent.parent / "models" / "demo"
    bundle = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    folder = bundle / "encoder"
    folder.mkdir(parents=True, exist_ok=True)

    tokens, merges = make_vocabulary()
    ids = {content: len(tokens) + i for i, content in enumerate(SPECIAL + PLAIN_ADDED)}
    num_tokens = len(tokens) + len(ids)
    if num_tokens > VOCAB:
        sys.exit(f"{num_tokens} tokens do not fit into a table of {VOCAB}")

    write_json(folder / "tokenizer.json", tokenizer(tokens, merges, ids))
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>",
        "model_max_length": 32768})
    write_json(folder / "config.json", config(ids))
    write_json(folder / "generation_config.json", {
        "do_sample": True, "temperature": 0.7, "top_p": 0.8, "top_k": 20,
        "bos_token_id": ids["<|endoftext|>"], "pad_token_id": ids["<|endoftext|>"],
        "eos_token_id": [ids["<|im_end|>"], ids["<|endoftext|>"]]})
    write_json(folder / "preprocessor_config.json", preprocessor(4096, MAX_IMAGE_PIXELS))
    video = preprocessor(4096, 8 * MAX_IMAGE_PIXELS)
    video.update({"fps": 2, "min_frames": 4, "max_frames": 64})
    write_json(folder / "video_preprocessor_config.json", video)

    weights = Weights()
    make_text(weights, tokens, num_tokens)
    make_vision(weights)
    parameters = weights.save(folder / "model.safetensors")
    write_json(bundle / "sightline.json", {"encoder": "encoder", "untrained": True,
                                           "max_image_pixels": MAX_IMAGE_PIXELS})
    print(f"{bundle}: {parameters} parameters, {num_tokens} tokens")


if __name__ == "__main__":
    main()
