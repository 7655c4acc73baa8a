"""
Values of EleutherAI's harness on the made data beside this file: prints `harness-values.jsonl`.

    pip install lm-eval==0.4.13 torch==2.13 transformers==5.18 datasets==5.0.1
    python make_harness_values.py > harness-values.jsonl

The model is a formula, so that the test needs no weights: after tokens a, b at positions t - 1, t, token v has the logit
    ((31 a + 17 b + 7 v + 13 t) mod 23) / 8 + [97 <= v < 123] + 4.5 [v = c]
with a = 0 before the first token, and c the space after a comma, an a after a space, else b again: some texts are its first choice. The tokenizer's tokens are the 256 bytes, and 256 that ends a text. Positions make every window
and every truncation show.
"""
import contextlib
import importlib.machinery
import json
import os
import sys
import types
from pathlib import Path

evaluate_stub = types.ModuleType("evaluate")  # metrics that these tasks do not use
evaluate_stub.__spec__ = importlib.machinery.ModuleSpec("evaluate", None)
sys.modules.setdefault("evaluate", evaluate_stub)
os.environ["DISABLE_MULTIPROC"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, PreTrainedTokenizerFast
from transformers.modeling_outputs import CausalLMOutput
import lm_eval
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks._yaml_loader import load_yaml

HERE = Path(__file__).parent
V = 257


def bytes_to_unicode():
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    signs, more = {byte: chr(byte) for byte in kept}, 0
    for byte in range(256):
        if byte not in signs:
            signs[byte] = chr(256 + more)
            more += 1
    return signs


def tokenizer():
    vocab = {sign: byte for byte, sign in bytes_to_unicode().items()}
    vocab["<|endoftext|>"] = 256
    inner = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<|endoftext|>", bos_token="<|endoftext|>", pad_token="<|endoftext|>"
    )


class Formula(GPTNeoXForCausalLM):
    def forward(self, input_ids, **_):
        b = input_ids
        a = torch.nn.functional.pad(b, (1, 0))[:, :-1]
        t = torch.arange(b.shape[1])[None, :, None]
        v = torch.arange(V)[None, None]
        c = torch.where(b == 44, 32, torch.where(b == 32, 97, b))
        liked = ((v >= 97) & (v < 123)).double() + (v == c[..., None]).double() * 4.5
        return CausalLMOutput(logits=((31 * a[..., None] + 17 * b[..., None] + 7 * v + 13 * t) % 23).double() / 8 + liked)


def main():
    torch.set_num_threads(1)
    config = GPTNeoXConfig(
        vocab_size=V, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, max_position_embeddings=64
    )
    for name, max_length in CASES:
        with contextlib.redirect_stdout(sys.stderr):  # the harness prints
            values = evaluated(name, max_length, Formula(config))
        print(json.dumps({"task": name, "maxLength": max_length, **values}, ensure_ascii=False))


def evaluated(name, max_length, model):
    lm = HFLM(
        pretrained=model, tokenizer=tokenizer(), max_length=max_length, batch_size=4, device="cpu", softmax_dtype="float64"
    )
    run = ConfigurableTask(config=local_config(name))
    out = lm_eval.evaluate(lm=lm, task_dict={name: run}, bootstrap_iters=2000, log_samples=True, verbosity="ERROR")
    samples = sorted(out["samples"][name], key=lambda sample: sample["doc_id"])
    return {
        "results": {k: v for k, v in out["results"][name].items() if isinstance(v, float) or v == "N/A"},
        "answers": [[flat(resp) for resp in sample["filtered_resps"]] for sample in samples],
        "arguments": [plain(sample["arguments"]) for sample in samples],
    }


def plain(arguments):
    if isinstance(arguments, dict):
        return [list(value.values()) for value in arguments.values()]
    return [list(pair) for pair in arguments]


def flat(resp):
    return list(resp) if isinstance(resp, (list, tuple)) else [resp]


def local_config(name):
    root = Path(lm_eval.__file__).parent / "tasks"
    config = load_yaml(root / YAML[name])
    split = "validation" if name in ("piqa", "hellaswag", "winogrande") else "test"
    for other in ("training_split", "validation_split", "test_split", "dataset_name", "tag"):
        config.pop(other, None)
    config.update(
        dataset_path="json", dataset_kwargs={"data_files": {split: str(HERE / "data" / f"{name}.jsonl")}}, **{f"{split}_split": split}
    )
    return config


YAML = {
    "wikitext": "wikitext/wikitext.yaml",
    "lambada_openai": "lambada/lambada_openai.yaml",
    "lambada_standard": "lambada/lambada_standard.yaml",
    "piqa": "piqa/piqa.yaml",
    "hellaswag": "hellaswag/hellaswag.yaml",
    "winogrande": "winogrande/default.yaml",
    "arc_easy": "arc/arc_easy.yaml",
    "arc_challenge": "arc/arc_challenge.yaml",
}
CASES = [(name, 1024) for name in YAML] + [("wikitext", 32), ("piqa", 64), ("lambada_openai", 32)]

if __name__ == "__main__":
    main()
