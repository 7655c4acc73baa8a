"""Attention over the last `window` tokens: the fused kernel under a mask, or by blocks of a window that see the block before."""

import torch
import torch.nn.functional as F

from .blocks import Mixer, chunks_of, join_heads, linear, split_heads


def create(config, room):
    heads, window = config["nHeads"], config["window"]

    def masked(q, k, v):
        length = q.shape[2]
        if length <= window:
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)
        at = torch.arange(length)
        delay = at[:, None] - at
        return F.scaled_dot_product_attention(q, k, v, attn_mask=(delay >= 0) & (delay < window))

    def blocked(q, k, v):
        length = q.shape[2]
        if length <= window:
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)
        batch = q.shape[0]
        q, k, v = [chunks_of(x, window).flatten(0, 1) for x in (q, k, v)]  # [B H, n, window, p]
        pairs = [torch.cat([F.pad(x, (0, 0, 0, 0, 1, 0))[:, :-1], x], 2) for x in (k, v)]
        at = torch.arange(window)
        delay = at[:, None] + window - torch.arange(2 * window)
        seen = (delay >= 0) & (delay < window)
        first = seen & (torch.arange(2 * window) >= window)
        mask = torch.stack([first] + [seen] * (q.shape[1] - 1))
        o = F.scaled_dot_product_attention(q, *pairs, attn_mask=mask)
        return o.unflatten(0, (batch, heads)).flatten(2, 3)[:, :, :length]

    def form(attend):
        def apply(p, x):
            q, k, v = [split_heads(linear(p, f"{role}Proj", x), heads) for role in "qkv"]
            return linear(p, "oProj", join_heads(attend(q, k, v)))

        return apply

    def prefill(attend):
        def run(p, x):
            q, k, v = [split_heads(linear(p, f"{role}Proj", x), heads) for role in "qkv"]
            count = k.shape[2]
            # A ring, token t at t mod window: without positions the order of the rows does not matter.
            ring = [F.pad(rows[:, :, -window:], (0, 0, 0, max(0, window - count))) for rows in (k, v)]
            keys, values = [rows.roll(count if count > window else 0, 2).contiguous() for rows in ring]
            return linear(p, "oProj", join_heads(attend(q, k, v))), (keys, values, count)

        return run

    def step(p, x, state):
        keys, values, count = state
        q, k, v = [linear(p, f"{role}Proj", x).unflatten(-1, (heads, -1)) for role in "qkv"]
        keys[:, :, count % window], values[:, :, count % window] = k, v
        seen = min(count + 1, window)
        o = F.scaled_dot_product_attention(q.unsqueeze(2), keys[:, :, :seen], values[:, :, :seen])
        return linear(p, "oProj", o.flatten(1)), (keys, values, count + 1)

    ways = {"masked": masked, "blocked": blocked}
    return Mixer({n: form(a) for n, a in ways.items()}, {n: prefill(a) for n, a in ways.items()}, step)
