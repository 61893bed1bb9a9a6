"""What the folders have in common that our tools write in the form of a Qwen3-VL checkpoint of Hugging Face."""

import array
import json
import math
import random
import struct

SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
    "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>",
    "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
]
PLAIN_ADDED = [
    "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
    "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>", "</think>",
]

SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def byte_alphabet():
    """Printable stand-ins for the 256 bytes, as byte-level BPE defines them."""
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table = {b: chr(b) for b in printable}
    for extra, b in enumerate(b for b in range(256) if b not in table):
        table[b] = chr(256 + extra)
    return table


def added_token(index, content):
    return {"id": index, "content": content, "special": content in SPECIAL, "lstrip": False,
            "normalized": False, "rstrip": False, "single_word": False}


def added_ids(tokens):
    """The ids of the added tokens, which follow `tokens`."""
    return {content: len(tokens) + i for i, content in enumerate(SPECIAL + PLAIN_ADDED)}


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
    """Random tensors, written as one safetensors file."""

    def __init__(self, seed, dtype):
        self.seed, self.dtype = seed, dtype
        self.random = random.Random(seed)
        self.tensors = {}

    def normal(self, name, shape, std):
        gauss = self.random.gauss
        self.put(name, shape, array.array("f", (gauss(0.0, std) for _ in range(math.prod(shape)))))

    def constant(self, name, size, value):
        self.put(name, [size], array.array("f", [value]) * size)

    def put(self, name, shape, values):
        blob = values.tobytes() if self.dtype == "float32" else bfloat16(values)
        self.tensors[name] = (shape, blob)

    # Keeps the size of what passes through it, times `gain`.
    def linear(self, name, out, inner, gain=1.0, bias=False):
        self.normal(name + ".weight", [out, inner], gain / math.sqrt(inner))
        if bias:
            self.constant(name + ".bias", out, 0.0)

    def layer_norm(self, name, size):
        self.constant(name + ".weight", size, 1.0)
        self.constant(name + ".bias", size, 0.0)

    def save(self, path):
        header, offset = {"__metadata__": {"format": "pt", "seed": str(self.seed)}}, 0
        for name, (shape, blob) in sorted(self.tensors.items()):
            header[name] = {"dtype": "F32" if self.dtype == "float32" else "BF16", "shape": shape,
                            "data_offsets": [offset, offset + len(blob)]}
            offset += len(blob)
        text = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
        text += b" " * (-len(text) % 8)
        with open(path, "wb") as out:
            out.write(struct.pack("<Q", len(text)) + text)
            for _, (_, blob) in sorted(self.tensors.items()):
                out.write(blob)
        return sum(math.prod(shape) for shape, _ in self.tensors.values())


def bfloat16(values):
    """The upper halves of float32, rounded half to even."""
    words = array.array("I", values.tobytes())
    return array.array("H", ((w + 0x7FFF + ((w >> 16) & 1)) >> 16 for w in words)).tobytes()


def mrope_section(head_dim):
    """The rotary frequencies of time, height and width: a third each, what is left over to time."""
    third = head_dim // 2 // 3
    return [head_dim // 2 - 2 * third, third, third]


def config(size, vocab, ids):
    return {
        "architectures": ["Qwen3VLForConditionalGeneration"],
        "model_type": "qwen3_vl",
        "tie_word_embeddings": True,
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        "dtype": size.dtype,
        "text_config": {
            "model_type": "qwen3_vl_text", "dtype": size.dtype, "vocab_size": vocab,
            "hidden_size": size.hidden, "intermediate_size": size.inner, "num_hidden_layers": size.layers,
            "num_attention_heads": size.heads, "num_key_value_heads": size.kv_heads, "head_dim": size.head_dim,
            "hidden_act": "silu", "rms_norm_eps": 1e-06, "attention_bias": False,
            "max_position_embeddings": size.positions, "rope_theta": size.rope_theta,
            "tie_word_embeddings": True,
            "rope_scaling": {"mrope_interleaved": True, "mrope_section": mrope_section(size.head_dim),
                             "rope_type": "default"},
            "bos_token_id": ids["<|endoftext|>"], "eos_token_id": ids["<|im_end|>"],
        },
        "vision_config": {
            "model_type": "qwen3_vl", "depth": size.vision_layers, "hidden_size": size.vision_hidden,
            "num_heads": size.vision_heads, "intermediate_size": size.vision_inner,
            "hidden_act": "gelu_pytorch_tanh", "in_channels": 3, "patch_size": 16, "temporal_patch_size": 2,
            "spatial_merge_size": 2, "num_position_embeddings": size.table ** 2,
            "out_hidden_size": size.hidden, "deepstack_visual_indexes": size.deepstack,
        },
    }


def preprocessor(shortest, longest):
    return {"size": {"shortest_edge": shortest, "longest_edge": longest}, "patch_size": 16,
            "temporal_patch_size": 2, "merge_size": 2, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_tokenizer(folder, tokens, merges, positions):
    write_json(folder / "tokenizer.json", tokenizer(tokens, merges, added_ids(tokens)))
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>",
        "model_max_length": positions})


def write_generation_config(folder, ids, sampling):
    write_json(folder / "generation_config.json", {
        **sampling, "bos_token_id": ids["<|endoftext|>"], "pad_token_id": ids["<|endoftext|>"],
        "eos_token_id": [ids["<|im_end|>"], ids["<|endoftext|>"]]})


def write_preprocessors(folder, min_pixels, max_pixels):
    write_json(folder / "preprocessor_config.json", preprocessor(min_pixels, max_pixels))
    video = preprocessor(min_pixels, 8 * max_pixels)
    video.update({"fps": 2, "min_frames": 4, "max_frames": 64})
    write_json(folder / "video_preprocessor_config.json", video)
