#!/usr/bin/env python3
"""Writes a checkpoint of a published Qwen3-VL shape with random weights, to measure loading, memory and speed.

Its numbers mean nothing; its sizes are the real ones. The tokenizer is the small one of make_untrained_model.py:
the embedding table keeps the published number of rows, most of which no token uses.

Usage: tools/make_shaped_model.py SHAPE OUTPUT_FOLDER [--format bfloat16|int4] [--layers N]
  SHAPE     2b, 4b, 8b, 32b, 30b-a3b
  --format  int4: decoder matrices as compressed-tensors "pack-quantized", 4 bits in groups of 128
  --layers  fewer decoder layers than the shape has, for a quick try
"""

import argparse
import json
import math
import pathlib
import random
import struct

import make_untrained_model
import qwen3vl_folder

SEED = 20260202
SHARD_BYTES = 4 << 30
GROUP = 128

SMALL_TOWER = dict(depth=24, hidden_size=1024, num_heads=16, intermediate_size=4096, taps=[5, 11, 17])
LARGE_TOWER = dict(depth=27, hidden_size=1152, num_heads=16, intermediate_size=4304, taps=[8, 16, 24])
SHAPES = {
    "2b": dict(hidden=2048, inner=6144, layers=28, heads=16, kv=8, tied=True, tower=SMALL_TOWER),
    "4b": dict(hidden=2560, inner=9728, layers=36, heads=32, kv=8, tied=True, tower=SMALL_TOWER),
    "8b": dict(hidden=4096, inner=12288, layers=36, heads=32, kv=8, tied=False, tower=LARGE_TOWER),
    "32b": dict(hidden=5120, inner=25600, layers=64, heads=64, kv=8, tied=False, tower=LARGE_TOWER),
    "30b-a3b": dict(hidden=2048, inner=6144, layers=48, heads=32, kv=4, tied=False, tower=LARGE_TOWER,
                    experts=128, chosen=8, expert_inner=768),
}
VOCAB, HEAD_DIM, POSITIONS = 151936, 128, 2304

# The high byte of a bfloat16: the sign stays, the exponent becomes that of 2^-7.
SMALL_BFLOAT16 = bytes((b & 0x80) | 0x3C for b in range(256))


class Weights:
    """Tensors as (name, dtype, shape, chunks), where chunks yields the bytes piece by piece."""

    def __init__(self):
        self.entries = []
        self.random = random.Random(SEED)

    def noise(self, numbers):
        """bfloat16 of either sign, from 2^-7 to 2^-6."""
        while numbers > 0:
            count = min(numbers, 8 << 20)
            piece = bytearray(self.random.randbytes(2 * count))
            piece[1::2] = piece[1::2].translate(SMALL_BFLOAT16)
            yield bytes(piece)
            numbers -= count

    def raw(self, count):
        while count > 0:
            size = min(count, 16 << 20)
            yield self.random.randbytes(size)
            count -= size

    def constant(self, numbers, pattern):
        while numbers > 0:
            count = min(numbers, 1 << 20)
            yield pattern * count
            numbers -= count

    def add(self, name, *shape):
        self.entries.append((name, "BF16", shape, lambda n=math.prod(shape): self.noise(n)))

    def ones(self, name, *shape):
        self.entries.append((name, "BF16", shape, lambda n=math.prod(shape): self.constant(n, b"\x80\x3f")))

    def zeros(self, name, *shape):
        self.entries.append((name, "BF16", shape, lambda n=math.prod(shape): self.constant(n, b"\0\0")))

    def linear(self, name, out, width, narrow):
        if not narrow:
            return self.add(name + ".weight", out, width)
        self.entries.append((name + ".weight_packed", "I32", (out, width // 8),
                             lambda: self.raw(out * width // 2)))
        # 2^-9: a number of 4 bits then stands for at most 2^-6.
        self.entries.append((name + ".weight_scale", "BF16", (out, width // GROUP),
                             lambda: self.constant(out * width // GROUP, b"\x00\x3b")))
        self.entries.append((name + ".weight_shape", "I64", (2,),
                             lambda: iter([struct.pack("<2q", out, width)])))


def add_tower(weights, tower, out):
    root, v = "model.visual.", tower["hidden_size"]
    weights.add(root + "patch_embed.proj.weight", v, 3, 2, 16, 16)
    weights.zeros(root + "patch_embed.proj.bias", v)
    weights.add(root + "pos_embed.weight", POSITIONS, v)
    for b in range(tower["depth"]):
        name = f"{root}blocks.{b}."
        for norm in ("norm1", "norm2"):
            weights.ones(name + norm + ".weight", v)
            weights.zeros(name + norm + ".bias", v)
        for linear, rows, columns in (("attn.qkv", 3 * v, v), ("attn.proj", v, v),
                                      ("mlp.linear_fc1", tower["intermediate_size"], v),
                                      ("mlp.linear_fc2", v, tower["intermediate_size"])):
            weights.add(name + linear + ".weight", rows, columns)
            weights.zeros(name + linear + ".bias", rows)
    mergers = [("merger", v)] + [(f"deepstack_merger_list.{j}", 4 * v) for j in range(len(tower["taps"]))]
    for merger, normed in mergers:
        weights.ones(f"{root}{merger}.norm.weight", normed)
        weights.zeros(f"{root}{merger}.norm.bias", normed)
        for linear, rows in (("linear_fc1", 4 * v), ("linear_fc2", out)):
            weights.add(f"{root}{merger}.{linear}.weight", rows, 4 * v)
            weights.zeros(f"{root}{merger}.{linear}.bias", rows)


def add_decoder(weights, shape, narrow):
    root, h = "model.language_model.", shape["hidden"]
    q, kv = shape["heads"] * HEAD_DIM, shape["kv"] * HEAD_DIM
    weights.add(root + "embed_tokens.weight", VOCAB, h)
    for layer in range(shape["layers"]):
        name = f"{root}layers.{layer}."
        for norm, size in (("input_layernorm", h), ("post_attention_layernorm", h),
                           ("self_attn.q_norm", HEAD_DIM), ("self_attn.k_norm", HEAD_DIM)):
            weights.ones(name + norm + ".weight", size)
        for linear, rows, columns in (("q_proj", q, h), ("k_proj", kv, h), ("v_proj", kv, h), ("o_proj", h, q)):
            weights.linear(f"{name}self_attn.{linear}", rows, columns, narrow)
        if "experts" not in shape:
            mlps = [(name + "mlp.", shape["inner"])]
        else:
            weights.add(name + "mlp.gate.weight", shape["experts"], h)
            mlps = []
            if narrow:
                mlps = [(f"{name}mlp.experts.{e}.", shape["expert_inner"]) for e in range(shape["experts"])]
            else:
                experts, inner = shape["experts"], shape["expert_inner"]
                weights.add(name + "mlp.experts.gate_up_proj", experts, h, 2 * inner)
                weights.add(name + "mlp.experts.down_proj", experts, inner, h)
        for mlp, inner in mlps:
            for linear, rows, columns in (("gate_proj", inner, h), ("up_proj", inner, h), ("down_proj", h, inner)):
                weights.linear(mlp + linear, rows, columns, narrow)
    weights.ones(root + "norm.weight", h)
    if not shape["tied"]:
        weights.add("lm_head.weight", VOCAB, h)


NUMBER_BYTES = {"BF16": 2, "I32": 4, "I64": 8}


def write(folder, weights):
    shards, size = [[]], 0
    for entry in weights.entries:
        count = math.prod(entry[2]) * NUMBER_BYTES[entry[1]]
        if shards[-1] and (size + count > SHARD_BYTES or len(shards[-1]) == 60000):
            shards.append([])
            size = 0
        shards[-1].append((*entry, count))
        size += count
    weight_map = {}
    for number, entries in enumerate(shards, start=1):
        file = f"model-{number:05}-of-{len(shards):05}.safetensors" if len(shards) > 1 else "model.safetensors"
        header, offset = {}, 0
        for name, dtype, shape, _, count in entries:
            header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + count]}
            weight_map[name] = file
            offset += count
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        with open(folder / file, "wb") as out:
            out.write(struct.pack("<Q", len(text)) + text)
            for _, _, _, chunks, _ in entries:
                for chunk in chunks():
                    out.write(chunk)
    if len(shards) > 1:
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def config_of(shape, small, narrow):
    """config.json: the shape's sizes, the small model's token ids."""
    tower = shape["tower"]
    text = dict(small["text_config"], vocab_size=VOCAB, hidden_size=shape["hidden"],
                intermediate_size=shape["inner"], num_hidden_layers=shape["layers"],
                num_attention_heads=shape["heads"], num_key_value_heads=shape["kv"], head_dim=HEAD_DIM,
                max_position_embeddings=262144, tie_word_embeddings=shape["tied"])
    text["rope_scaling"] = {"mrope_interleaved": True, "mrope_section": [24, 20, 20], "rope_type": "default"}
    config = dict(small, tie_word_embeddings=shape["tied"], text_config=text)
    if "experts" in shape:
        config.update(architectures=["Qwen3VLMoeForConditionalGeneration"], model_type="qwen3_vl_moe")
        text.update(num_experts=shape["experts"], num_experts_per_tok=shape["chosen"],
                    moe_intermediate_size=shape["expert_inner"], norm_topk_prob=True, decoder_sparse_step=1,
                    mlp_only_layers=[], model_type="qwen3_vl_moe_text")
    config["vision_config"] = dict(
        small["vision_config"], depth=tower["depth"], hidden_size=tower["hidden_size"],
        num_heads=tower["num_heads"], intermediate_size=tower["intermediate_size"],
        num_position_embeddings=POSITIONS, out_hidden_size=shape["hidden"],
        deepstack_visual_indexes=tower["taps"])
    if narrow:
        config["quantization_config"] = {
            "quant_method": "compressed-tensors", "format": "pack-quantized",
            "config_groups": {"group_0": {"targets": ["Linear"], "weights": {
                "num_bits": 4, "group_size": GROUP, "strategy": "group", "symmetric": True, "type": "int"}}}}
    return config


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--format", choices=("bfloat16", "int4"), default="bfloat16")
    parser.add_argument("--layers", type=int)
    arguments = parser.parse_args()
    shape = dict(SHAPES[arguments.shape])
    if arguments.layers:
        shape["layers"] = arguments.layers
    narrow = arguments.format == "int4"

    arguments.output.mkdir(parents=True, exist_ok=True)
    tokens, merges = make_untrained_model.make_vocabulary()
    ids = qwen3vl_folder.added_ids(tokens)
    qwen3vl_folder.write_tokenizer(arguments.output, tokens, merges, 262144)
    qwen3vl_folder.write_generation_config(
        arguments.output, ids, {"do_sample": True, "temperature": 0.7, "top_p": 0.8, "top_k": 20})
    qwen3vl_folder.write_preprocessors(arguments.output, 4096, make_untrained_model.MAX_IMAGE_PIXELS)
    small = qwen3vl_folder.config(make_untrained_model.SIZE, make_untrained_model.VOCAB, ids)
    qwen3vl_folder.write_json(arguments.output / "config.json", config_of(shape, small, narrow))
    weights = Weights()
    add_tower(weights, shape["tower"], shape["hidden"])
    add_decoder(weights, shape, narrow)
    write(arguments.output, weights)


if __name__ == "__main__":
    main()
