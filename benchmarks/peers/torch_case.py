"""What PyTorch's processes read: our parameters and batches, and its form of a mixer."""

import importlib
import json
import re

import torch

DTYPES = {"F32": torch.float32, "I32": torch.int32}
MODULES = {"cat": "attention", "mhcat": "attention"}


def read_safetensors(path):
    raw = bytearray(open(path, "rb").read())
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    metadata = header.pop("__metadata__", {})
    start = 8 + size

    def read(entry):
        first, last = entry["data_offsets"]
        flat = torch.frombuffer(raw, dtype=DTYPES[entry["dtype"]], count=(last - first) // 4, offset=start + first)
        return flat.clone().reshape(entry["shape"])

    return {name: read(entry) for name, entry in header.items()}, metadata


def snake(name):
    return re.sub("[A-Z]", lambda letter: "_" + letter.group().lower(), name)


def create_mixer(name, config, room=0):
    """The module of `torch_mixers` that has this mixer of ours, with our config; `room`: tokens of a decode."""
    module = importlib.import_module(f"torch_mixers.{MODULES.get(name, snake(name))}")
    return module.create(config, room=room)


def inside(params, prefix):
    """The parameters under a path, by what follows it."""
    return {name[len(prefix) :]: tensor for name, tensor in params.items() if name.startswith(prefix)}
