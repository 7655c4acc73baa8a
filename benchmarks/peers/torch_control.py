"""PyTorch's side of `bench:controls`: a training that is ours in nothing but its initial parameters, its batches and its settings.

Model, decay mask, schedule and clipping are written from the sources that ours name, with PyTorch's own AdamW, norms and losses: zoology's
backbone (`TransformerBlock`, tied head, logits everywhere), its configs' cosine after a linear warm-up, `_no_weight_decay` of state-spaces/mamba.
Reads a line of JSON, the case: `file` (safetensors: parameters by path, `batch.<i>.inputs`, `.labels`), `model` (our config), `train`
(our settings), `learningRate`, `steps` of the whole run, `precision` (float32, float64). Answers a line: `losses`, `norms` of the
gradients before clipping and `rates` by step; `version` of PyTorch.
"""

import json
import math
import sys

import torch
import torch.nn.functional as F

from torch_case import create_mixer, inside, read_safetensors

# Parameters that their mixers mark so, whatever their rank: A_log and D of Mamba.
NO_DECAY = ("aLog", "dSkip")
EXPECTED_MODEL = {"tieEmbeddings": True, "dropout": {"embedding": 0, "residual": 0}}
EXPECTED_TRAIN = {"decayed": "matrices", "schedule": "cosine"}
EXPECTED_LAYER = {"channelMixer": "none"}


def expect(what, config, expected):
    for name, value in expected.items():
        if config[name] != value:
            raise ValueError(f"{what}.{name}: this control is written for {value!r}, got {config[name]!r}.")


class Model:
    def __init__(self, config, params):
        expect("model", config, EXPECTED_MODEL)
        for layer in config["layers"]:
            expect("layer", layer, EXPECTED_LAYER)
        self.config, self.params = config, params
        self.mixers = [create_mixer(m["name"], m["config"]) for m in (layer["sequenceMixer"] for layer in config["layers"])]
        self.own = [inside(params, f"layers.{index}.mixer.") for index in range(len(self.mixers))]

    def norm(self, x, path, norm):
        weight, eps = self.params[f"{path}.weight"], norm["config"]["eps"]
        if norm["name"] == "rmsNorm":
            return F.rms_norm(x, weight.shape, weight, eps)
        return F.layer_norm(x, weight.shape, weight, self.params[f"{path}.bias"], eps)

    def logits(self, ids):
        hidden, residual = F.embedding(ids, self.params["embedding.weight"]), 0
        if self.config["positions"] == "learned":
            hidden = hidden + self.params["positionEmbedding.weight"][: ids.shape[1]]
        for index, layer in enumerate(self.config["layers"]):
            residual = residual + hidden
            [form, *_] = self.mixers[index].forms.values()
            hidden = form(self.own[index], self.norm(residual, f"layers.{index}.norm1", layer["norm"]))
            if layer["residual"] == "sequential":
                residual = residual + hidden
                hidden = self.norm(residual, f"layers.{index}.norm2", layer["norm"])
        return F.linear(self.norm(residual + hidden, "normF", self.config["norm"]), self.params["embedding.weight"])


def optimizer_of(params, train, learning_rate):
    expect("train", train, EXPECTED_TRAIN)
    decays = {name: p.dim() >= 2 and not name.endswith(NO_DECAY) for name, p in params.items()}
    groups = [
        {"params": [p for name, p in params.items() if decays[name]], "weight_decay": train["weightDecay"]},
        {"params": [p for name, p in params.items() if not decays[name]], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(train["beta1"], train["beta2"]), eps=train["eps"])


def share_of_rate(step, warmup, steps):
    """Of the full rate at a step, counted from 0: up a line, then down half a cosine."""
    if step < warmup:
        return (step + 1) / warmup
    return (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2


def control(case):
    tensors, metadata = read_safetensors(case["file"])
    precision, train = getattr(torch, case["precision"]), case["train"]
    params = {n: torch.nn.Parameter(t.to(precision)) for n, t in tensors.items() if not n.startswith("batch.")}
    count = sum(name.endswith(".inputs") for name in tensors)
    model, optimizer = Model(case["model"], params), optimizer_of(params, train, case["learningRate"])
    share = lambda step: share_of_rate(step, train["warmupSteps"], case["steps"])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
    answer = {"losses": [], "norms": [], "rates": [], "version": torch.__version__}
    for index in range(count):
        inputs, labels = (tensors[f"batch.{index}.{part}"].long() for part in ("inputs", "labels"))
        logits = model.logits(inputs).flatten(0, 1)
        loss = F.cross_entropy(logits, labels.flatten(), ignore_index=int(metadata["ignoredLabel"]))
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(params.values(), train["clipNorm"] or math.inf)
        for name, value in {"losses": loss.item(), "norms": norm.item(), "rates": schedule.get_last_lr()[0]}.items():
            answer[name].append(value)
        optimizer.step()
        schedule.step()
    return answer


if __name__ == "__main__":
    print(json.dumps(control(json.loads(sys.stdin.readline()))))
