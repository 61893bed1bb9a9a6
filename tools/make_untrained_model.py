#!/usr/bin/env python3
"""Writes the bundle that tests run with: a small Qwen3-VL encoder with random weights, told to be untrained.

The files are the same at every run. Two choices make it less useless than noise, without pretending to
understand anything: queries and keys are small, so that attention is nearly the mean over what came before,
and control tokens are nearly zero, so that the pooled last token holds that mean. Texts that share words, and
pictures that share patches, therefore come out closer than others.

Usage: tools/make_untrained_model.py OUTPUT_FOLDER
"""

import array
import collections
import pathlib
import sys
import types

import qwen3vl_folder

SEED = 20260101

SIZE = types.SimpleNamespace(
    dtype="bfloat16", hidden=160, layers=3, heads=4, kv_heads=2, head_dim=32, inner=320, positions=32768,
    rope_theta=5000000, vision_hidden=64, vision_layers=3, vision_heads=4, vision_inner=160, table=24,
    deepstack=[1])
VOCAB = 1024
MERGES = 640
MAX_IMAGE_PIXELS = 512 * 512

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
    tokens = [qwen3vl_folder.byte_alphabet()[b] for b in range(256)]
    tokens.sort(key=lambda c: (ord(c) > 255, ord(c)))
    merges = []
    seen = set(tokens)
    for left, right in learn_merges():
        if left + right not in seen:
            seen.add(left + right)
            tokens.append(left + right)
        merges.append([left, right])
    return tokens, merges


def make_text(weights, tokens, num_tokens):
    root, hidden, head = "model.language_model.", SIZE.hidden, SIZE.head_dim
    rows = [weights.random.gauss(0.0, 0.05) for _ in range(VOCAB * hidden)]
    layout = list(range(len(tokens), num_tokens)) + [tokens.index("Ċ")]
    for row in layout:
        for column in range(hidden):
            rows[row * hidden + column] *= 1e-4
    weights.put(root + "embed_tokens.weight", [VOCAB, hidden], array.array("f", rows))
    for layer in range(SIZE.layers):
        name = f"{root}layers.{layer}."
        weights.constant(name + "input_layernorm.weight", hidden, 1.0)
        weights.constant(name + "post_attention_layernorm.weight", hidden, 1.0)
        weights.constant(name + "self_attn.q_norm.weight", head, 0.3)
        weights.constant(name + "self_attn.k_norm.weight", head, 0.3)
        weights.linear(name + "self_attn.q_proj", SIZE.heads * head, hidden)
        weights.linear(name + "self_attn.k_proj", SIZE.kv_heads * head, hidden)
        weights.linear(name + "self_attn.v_proj", SIZE.kv_heads * head, hidden)
        weights.linear(name + "self_attn.o_proj", hidden, SIZE.heads * head)
        weights.linear(name + "mlp.gate_proj", SIZE.inner, hidden)
        weights.linear(name + "mlp.up_proj", SIZE.inner, hidden)
        weights.linear(name + "mlp.down_proj", hidden, SIZE.inner, 0.05)
    weights.constant(root + "norm.weight", hidden, 1.0)


def make_vision(weights):
    root, v, inner = "model.visual.", SIZE.vision_hidden, SIZE.vision_inner
    grouped = 4 * v
    weights.normal(root + "patch_embed.proj.weight", [v, 3, 2, 16, 16], 1.0 / 1536 ** 0.5)
    weights.constant(root + "patch_embed.proj.bias", v, 0.0)
    weights.normal(root + "pos_embed.weight", [SIZE.table ** 2, v], 0.05)
    for block in range(SIZE.vision_layers):
        name = f"{root}blocks.{block}."
        weights.layer_norm(name + "norm1", v)
        weights.layer_norm(name + "norm2", v)
        weights.linear(name + "attn.qkv", 3 * v, v, 0.5, bias=True)
        weights.linear(name + "attn.proj", v, v, 0.5, bias=True)
        weights.linear(name + "mlp.linear_fc1", inner, v, bias=True)
        weights.linear(name + "mlp.linear_fc2", v, inner, 0.5, bias=True)
    mergers = [("merger", v), ("deepstack_merger_list.0", grouped)]
    for merger, norm in mergers:
        weights.layer_norm(root + merger + ".norm", norm)
        weights.linear(root + merger + ".linear_fc1", grouped, grouped, bias=True)
        weights.linear(root + merger + ".linear_fc2", SIZE.hidden, grouped, 0.05, bias=True)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.splitlines()[-1])
    bundle = pathlib.Path(sys.argv[1])
    folder = bundle / "encoder"
    folder.mkdir(parents=True, exist_ok=True)

    tokens, merges = make_vocabulary()
    ids = qwen3vl_folder.added_ids(tokens)
    num_tokens = len(tokens) + len(ids)
    if num_tokens > VOCAB:
        sys.exit(f"{num_tokens} tokens do not fit into a table of {VOCAB}")
    qwen3vl_folder.write_tokenizer(folder, tokens, merges, SIZE.positions)
    qwen3vl_folder.write_json(folder / "config.json", qwen3vl_folder.config(SIZE, VOCAB, ids))
    qwen3vl_folder.write_generation_config(
        folder, ids, {"do_sample": True, "temperature": 0.7, "top_p": 0.8, "top_k": 20})
    qwen3vl_folder.write_preprocessors(folder, 4096, MAX_IMAGE_PIXELS)

    weights = qwen3vl_folder.Weights(SEED, SIZE.dtype)
    make_text(weights, tokens, num_tokens)
    make_vision(weights)
    parameters = weights.save(folder / "model.safetensors")
    # The last file: a folder with it is complete.
    qwen3vl_folder.write_json(bundle / "sightline.json", {"encoder": "encoder", "untrained": True,
                                                         "max_image_pixels": MAX_IMAGE_PIXELS})
    print(f"{bundle}: {parameters} parameters, {num_tokens} tokens")


if __name__ == "__main__":
    main()
