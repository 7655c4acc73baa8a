"""PyTorch's side of `bench:peers`: one layer of a mixer in the backbone of zoology, with our parameters and examples.

Speaks lines of JSON. {"open": case} reads a model and answers {"check": [...], "form": name}: what the function gives before any timing,
to be compared with ours. {"seconds": s} answers {"times": [ms, ...]}: as many repetitions as fit, one at least.
A case: `file` (safetensors: parameters by path, `batch.<i>.inputs`, `.labels`), `mixer`, `config` (ours, parsed), `kind` (step, forward, prefill,
decode), `logits` (query: at the labelled positions alone, or all), `compile`, `fused` (AdamW in one kernel), `tokens` of a decode.
An error answers {"error": text}; the next case is another chance.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F

from torch_case import create_mixer, inside, read_safetensors

CHECKED_LOGITS = 16


class Model:
    def __init__(self, case):
        tensors, metadata = read_safetensors(case["file"])
        self.case, self.ignored = case, int(metadata["ignoredLabel"])
        self.params = {n: torch.nn.Parameter(t) for n, t in tensors.items() if not n.startswith("batch.")}
        self.own = inside(self.params, "layers.0.mixer.")
        self.mixer = create_mixer(case["mixer"], case["config"], room=case["tokens"])
        count = sum(name.endswith(".inputs") for name in tensors)
        self.batches = [self.batch(tensors, index) for index in range(count)]
        self.optimizer = torch.optim.AdamW(
            self.params.values(),
            lr=float(metadata["learningRate"]),
            weight_decay=float(metadata["weightDecay"]),
            fused=case["fused"],
        )

    def batch(self, tensors, index):
        """Inputs, indices of what gets logits, and its labels."""
        inputs, labels = (tensors[f"batch.{index}.{part}"].long() for part in ("inputs", "labels"))
        labels = labels.flatten()
        at = (labels != self.ignored).nonzero().squeeze(1)
        return (inputs, at, labels[at]) if self.case["logits"] == "query" else (inputs, None, labels)

    def norm(self, x, path):
        p = self.params
        return F.layer_norm(x, (x.shape[-1],), p[f"{path}.weight"], p[f"{path}.bias"], 1e-5)

    def head(self, residual):
        """Logits of rows of the residual stream after the mixer."""
        hidden = self.norm(residual + self.norm(residual, "layers.0.norm2"), "normF")
        return F.linear(hidden, self.params["embedding.weight"])

    def embed(self, ids):
        embedded = F.embedding(ids, self.params["embedding.weight"])
        return embedded, self.norm(embedded, "layers.0.norm1")

    def loss(self, form, inputs, at, labels):
        embedded, x = self.embed(inputs)
        residual = (embedded + form(self.own, x)).flatten(0, 1)
        if at is not None:
            residual = residual.index_select(0, at)
        return F.cross_entropy(self.head(residual), labels, ignore_index=self.ignored)

    def prefill(self, form, ids):
        embedded, x = self.embed(ids)
        y, state = form(self.own, x)
        return self.head(embedded[:, -1] + y[:, -1]), state

    def token(self, ids, state):
        embedded, x = self.embed(ids)
        y, state = self.mixer.step(self.own, x, state)
        return self.head(embedded + y), state


def milliseconds(run):
    start = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start)


class Training:
    """Training steps: loss, gradients, update. The check: first loss and norm of its gradients."""

    def __init__(self, model, form):
        self.model, self.done = model, 0
        self.function = lambda *batch: model.loss(form, *batch)
        if model.case["compile"]:
            self.function = torch.compile(self.function)

    def check(self):
        loss = self.function(*self.model.batches[0])
        loss.backward()
        gradients = [p.grad for p in self.model.params.values() if p.grad is not None]
        norm = torch.sqrt(sum(g.square().sum() for g in gradients))
        self.model.optimizer.zero_grad(set_to_none=True)
        return [loss.item(), norm.item()]

    def step(self):
        batch = self.model.batches[self.done % len(self.model.batches)]
        loss = self.function(*batch)
        self.model.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.model.optimizer.step()
        self.done += 1
        return loss.item()

    def time(self):
        return milliseconds(self.step)


class Forward:
    """The loss of a batch without gradients."""

    def __init__(self, model, form):
        self.model, self.done = model, 0
        self.function = lambda *batch: model.loss(form, *batch)
        if model.case["compile"]:
            self.function = torch.compile(self.function)

    @torch.inference_mode()
    def run(self):
        batch = self.model.batches[self.done % len(self.model.batches)]
        self.done += 1
        return self.function(*batch).item()

    def check(self):
        self.done = 0
        return [self.run()]

    def time(self):
        return milliseconds(self.run)


class Prefill:
    """A prompt to the logits after it, and the state. The check: some of these logits."""

    def __init__(self, model, form):
        self.model = model
        self.function = lambda ids: model.prefill(form, ids)
        if model.case["compile"]:
            self.function = torch.compile(self.function)

    @torch.inference_mode()
    def run(self):
        return self.function(self.model.batches[0][0])[0][0, :CHECKED_LOGITS].tolist()

    def check(self):
        return self.run()

    def time(self):
        return milliseconds(self.run)


class Decode:
    """Tokens one at a time after a prompt; a time is a token's, the mean of so many. The check: logits after the last."""

    def __init__(self, model, form):
        self.model, self.form, self.tokens = model, form, model.case["tokens"]
        if model.case["compile"]:
            raise ValueError("a state that grows would be compiled anew for every token.")

    @torch.inference_mode()
    def prompt(self):
        return self.model.prefill(self.form, self.model.batches[0][0])[1]

    @torch.inference_mode()
    def go(self, state):
        ids = self.model.batches[0][0]
        for index in range(self.tokens):
            logits, state = self.model.token(ids[:, index % ids.shape[1]], state)
            read = logits[0, :CHECKED_LOGITS].tolist()
        return read

    def check(self):
        return self.go(self.prompt())

    def time(self):
        state = self.prompt()
        return milliseconds(lambda: self.go(state)) / self.tokens


KINDS = {"step": Training, "forward": Forward, "prefill": Prefill, "decode": Decode}


def fastest(model, kind):
    """The work with the form of the mixer that takes the least time here, and its name where there are others."""
    mixer = model.mixer
    forms = {Training: mixer.forms, Forward: mixer.eval_forms}.get(kind, mixer.prefills)
    if kind is Decode or len(forms) == 1:
        forms = dict(list(forms.items())[:1])
        [form] = forms.values()
        return kind(model, form), None
    # Each eager, after a repetition to warm up.
    compiled, model.case["compile"] = model.case["compile"], False
    times = {}
    for name, form in forms.items():
        work = kind(model, form)
        work.check()
        times[name] = min(milliseconds(work.check) for _ in range(2))
    model.case["compile"] = compiled
    name = min(times, key=times.get)
    return kind(model, forms[name]), name


def repeat(work, seconds):
    times, until = [], time.perf_counter() + seconds
    while not times or time.perf_counter() < until:
        times.append(work.time())
    return times


def main():
    work = None
    for line in sys.stdin:
        told = json.loads(line)
        try:
            if "open" in told:
                torch._dynamo.reset()
                model = Model(told["open"])
                work, form = fastest(model, KINDS[model.case["kind"]])
                answer = {"check": work.check()} | ({"form": form} if form else {})
                work.time()
            else:
                answer = {"times": repeat(work, told["seconds"])}
        except Exception as error:  # of a mixer or the compiler: said, not fatal
            answer = {"error": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
        print(json.dumps(answer), flush=True)


main()
