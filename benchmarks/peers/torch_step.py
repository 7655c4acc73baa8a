"""PyTorch's side of `bench:peers`: training steps of one layer of CAT or attention in the backbone of zoology.

The same function of the same parameters and examples as ours, which the first loss shows. Arguments: a directory with `step.json`
and `step.bin` (float32 parameters by path, int32 inputs and labels of several batches), and a JSON object of options:
`logits` "query" (at the labelled positions) or "all", `compile`, `fused` (AdamW in one kernel).
Speaks lines of JSON: {"steps": n} on standard input, {"times": [ms, ...], "losses": [...]} on standard output.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F

directory, options = sys.argv[1], json.loads(sys.argv[2])
manifest = json.load(open(f"{directory}/step.json"))
raw = bytearray(open(f"{directory}/step.bin", "rb").read())


def read(entry, dtype):
    count = 1
    for size in entry["shape"]:
        count *= size
    return torch.frombuffer(raw, dtype=dtype, count=count, offset=entry["offset"]).clone().reshape(entry["shape"])


params = {path: torch.nn.Parameter(read(entry, torch.float32)) for path, entry in manifest["params"].items()}
batches = [(read(b["inputs"], torch.int32).long(), read(b["labels"], torch.int32).long()) for b in manifest["batches"]]
IGNORED = manifest["ignoredLabel"]
WIDTH = params["embedding.weight"].shape[1]


def norm(x, path):
    return F.layer_norm(x, (WIDTH,), params[f"{path}.weight"], params[f"{path}.bias"], 1e-5)


def project(x, role):
    """Our weights are [in, out]; PyTorch's are [out, in]."""
    return F.linear(x, params[f"layers.0.mixer.{role}Proj.weight"].t(), params.get(f"layers.0.mixer.{role}Proj.bias"))


def convolve(x, role):
    """Causal, one filter [1, W] for all columns, indexed by delay. x: [B, L, d]."""
    taps = params.get(f"layers.0.mixer.{role}Filter")
    if taps is None:
        return x
    width = taps.shape[1]
    padded = F.pad(x, (0, 0, width - 1, 0))
    return sum(padded[:, width - 1 - j : width - 1 - j + x.shape[1]] * taps[0, j] for j in range(width))


def loss_of(inputs, labels):
    embedded = F.embedding(inputs, params["embedding.weight"])
    x = norm(embedded, "layers.0.norm1")
    q, k, v = (convolve(project(x, role), role).unsqueeze(1) for role in "qkv")
    mixed = project(F.scaled_dot_product_attention(q, k, v, is_causal=True).squeeze(1), "o")
    residual = embedded + mixed
    hidden = norm(residual + norm(residual, "layers.0.norm2"), "normF")
    if options["logits"] == "query":
        at = labels != IGNORED
        hidden, labels = hidden[at], labels[at]
    logits = F.linear(hidden, params["embedding.weight"])
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=IGNORED)


optimizer = torch.optim.AdamW(params.values(), lr=manifest["learningRate"], weight_decay=manifest["weightDecay"], fused=options["fused"])
loss_function = torch.compile(loss_of) if options["compile"] else loss_of
done = 0
for line in sys.stdin:
    times, losses = [], []
    for _ in range(json.loads(line)["steps"]):
        inputs, labels = batches[done % len(batches)]
        start = time.perf_counter()
        loss = loss_function(inputs, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        times.append(1000 * (time.perf_counter() - start))
        done += 1
    print(json.dumps({"times": times, "losses": losses}), flush=True)
