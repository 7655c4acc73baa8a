"""Based: Taylor attention by the whole map, or by chunks with the features of the field's code, 1 + f + f^2 of them."""

import torch
import torch.nn.functional as F

from .blocks import Mixer, causal_sums, join_heads, linear, split_heads

CHUNKS = (32, 64, 128)


def create(config, room):
    heads, eps, width = config["nHeads"], config["eps"], config["featureDim"]

    def weights(q, k):
        s = q @ k.transpose(-1, -2)
        return torch.addcmul(s + 1, s, s, value=0.5)

    def features(x):
        squares = (x.unsqueeze(-1) * x.unsqueeze(-2)).flatten(-2) * 0.5**0.5
        return torch.cat([torch.ones_like(x[..., :1]), x, squares], -1)

    def parts_of(p, x):
        q, k, v = [split_heads(linear(p, f"{role}Proj", x), heads) for role in "qkv"]
        # s = q . k / sqrt(f), its root in each of the two.
        return q * width**-0.25, k * width**-0.25, F.pad(v, (0, 1), value=1.0)

    def divided(sums):
        return sums[..., :-1] / (sums[..., -1:] + eps)

    def form(size):
        def apply(p, x):
            sums = causal_sums(*parts_of(p, x), size, weights, features)
            return linear(p, "oProj", join_heads(divided(sums)))

        return apply

    def prefill(size):
        def run(p, x):
            q, k, v = parts_of(p, x)
            y = linear(p, "oProj", join_heads(divided(causal_sums(q, k, v, size, weights, features))))
            return y, features(k).transpose(-1, -2) @ v

        return run

    def step(p, x, sums):
        q, k, v = parts_of(p, x.unsqueeze(1))
        sums.addcmul_(features(k).transpose(-1, -2), v)
        return linear(p, "oProj", join_heads(divided(features(q) @ sums)).squeeze(1)), sums

    sizes = {f"chunks of {size}": size for size in CHUNKS} | {"whole map": 1 << 30}
    return Mixer({n: form(s) for n, s in sizes.items()}, {n: prefill(s) for n, s in sizes.items()}, step)
