"""LinCAT: the whole map, masked, or by chunks with running sums. A column of ones beside the values makes the denominator."""

import torch.nn.functional as F

from .blocks import Mixer, causal_sums, join_heads, linear, qkv, qkv_prefill, qkv_token, split_heads

CHUNKS = (32, 64, 128)


def create(config, room):
    heads, eps = config["nHeads"], config["eps"]
    elu1 = config["featureMap"] == "elu1"
    normalize = config.get("normalize", elu1)

    def phi(x):
        return F.elu(x) + 1 if elu1 else x

    def values_of(v):
        return F.pad(v, (0, 1), value=1.0) if normalize else v

    def scaled(q):
        scale = config.get("scale", 1.0 if elu1 else (q.shape[-1]) ** -0.5)
        return q if scale == 1.0 else q * scale

    def divided(sums):
        return sums[..., :-1] / (sums[..., -1:] + eps) if normalize else sums

    def features_of(parts):
        q, k, v = [split_heads(part, heads) for part in parts]
        return scaled(phi(q)), phi(k), values_of(v)

    def read(parts, size):
        q, k, v = features_of(parts)
        sums = causal_sums(q, k, v, size, lambda q, k: q @ k.transpose(-1, -2), lambda x: x)
        return divided(sums), (k, v)

    def form(size):
        def apply(p, x):
            return linear(p, "oProj", join_heads(read(qkv(p, x), size)[0]))

        return apply

    def prefill(size):
        def run(p, x):
            parts, filters = qkv_prefill(p, x)
            o, (k, v) = read(parts, size)
            return linear(p, "oProj", join_heads(o)), (k.transpose(-1, -2) @ v, filters)

        return run

    def step(p, x, state):
        sums, filters = state
        parts, filters = qkv_token(p, x, filters)
        q, k, v = features_of([part.unsqueeze(1) for part in parts])
        sums.addcmul_(k.transpose(-1, -2), v)
        return linear(p, "oProj", join_heads(divided(q @ sums)).squeeze(1)), (sums, filters)

    sizes = {f"chunks of {size}": size for size in CHUNKS} | {"whole map": 1 << 30}
    return Mixer({n: form(s) for n, s in sizes.items()}, {n: prefill(s) for n, s in sizes.items()}, step)
