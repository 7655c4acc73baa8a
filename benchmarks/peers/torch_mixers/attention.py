"""Softmax attention, by PyTorch's fused kernel: for CAT and MH-CAT too, whose filters are where the parameters are."""

import torch.nn.functional as F

from .blocks import Cache, Mixer, join_heads, linear, qkv, qkv_prefill, qkv_token, split_heads


def create(config, room):
    heads = config["nHeads"]

    def attend(q, k, v):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)

    def apply(p, x):
        return linear(p, "oProj", join_heads(attend(*[split_heads(part, heads) for part in qkv(p, x)])))

    def prefill(p, x):
        parts, filters = qkv_prefill(p, x)
        q, k, v = [split_heads(part, heads) for part in parts]
        return linear(p, "oProj", join_heads(attend(q, k, v))), (Cache(k, room), Cache(v, room), filters)

    def step(p, x, state):
        keys, values, filters = state
        parts, filters = qkv_token(p, x, filters)
        q, k, v = [part.unflatten(-1, (heads, -1)) for part in parts]
        o = F.scaled_dot_product_attention(q.unsqueeze(2), keys.append(k), values.append(v))
        return linear(p, "oProj", o.flatten(1)), (keys, values, filters)

    return Mixer({"fused": apply}, {"fused": prefill}, step)
