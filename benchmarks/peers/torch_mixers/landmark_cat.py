"""Landmark CAT with its defaults (box filter, raw keys, one block retrieved): grouped in training, hard otherwise.

Grouped: dense maps, as our reference form has it. Hard: the fused kernel under a mask, or the retrieved blocks gathered.
Letters: M blocks of S tokens.
"""

import torch
import torch.nn.functional as F

from .blocks import Cache, Mixer, join_heads, linear, qkv, qkv_prefill, qkv_token, split_heads

MASKED = -1e30


def create(config, room):
    heads = config["nHeads"]
    size = config.get("blockSize") or max(2, round(config["seqLen"] ** 0.5))
    expected = {"keyFilter": "box", "localKeys": "raw", "topK": 1, "blockSearch": "all", "training": "grouped"}
    for name, value in expected.items():
        if config[name] != value:
            raise ValueError(f"its form is written for {name} '{value}', got '{config[name]}'.")

    def blocks_of(length):
        return torch.arange(length) // size

    def padded(x):
        return F.pad(x, (0, 0, 0, -x.shape[2] % size))

    def landmarks_of(k):
        """Sums of the keys of every block but the last, [B, H, M - 1, p]."""
        return padded(k).unflatten(2, (-1, size)).sum(3)[:, :, :-1]

    def grouped(q, k, v):
        length, scale = q.shape[2], q.shape[3] ** -0.5
        k, v, marks = padded(k), padded(v), landmarks_of(k)
        tokens = k.shape[2]
        scores = (q * scale) @ k.transpose(-1, -2)
        at, block = torch.arange(tokens), blocks_of(tokens)
        same = (block[:length, None] == block) & (at[:length, None] >= at)
        own = scores.masked_fill(~same, MASKED)
        earlier = torch.arange(marks.shape[2]) < block[:length, None]
        far = ((q * scale) @ marks.transpose(-1, -2)).masked_fill(~earlier, MASKED)
        own_weights, far_weights = torch.cat([own, far], 3).softmax(3).split([tokens, marks.shape[2]], 3)
        within = scores.unflatten(3, (-1, size)).softmax(4)
        spread = (within * F.pad(far_weights, (0, 1)).unsqueeze(-1)).flatten(3)
        return (own_weights + spread) @ v

    def chosen_blocks(q, marks):
        """The best earlier block of every query [B, H, L]; of those in the first block 0, which is their own."""
        block = blocks_of(q.shape[2])
        earlier = torch.arange(marks.shape[2]) < block[:, None]
        return (q @ marks.transpose(-1, -2)).masked_fill(~earlier, float("-inf")).argmax(3)

    def masked(q, k, v):
        length = q.shape[2]
        at, block = torch.arange(length), blocks_of(length)
        seen = (at[:, None] >= at) & (block[:, None] == block)
        if block[-1] > 0:
            retrieved = chosen_blocks(q, landmarks_of(k)).unsqueeze(-1) == block
            seen = seen | (retrieved & (block < block[:, None]))
        return F.scaled_dot_product_attention(q, k, v, attn_mask=seen)

    def gathered(q, k, v):
        length, scale = q.shape[2], q.shape[3] ** -0.5
        keys, values = [padded(x).unflatten(2, (-1, size)) for x in (k, v)]  # [B, H, M, S, p]
        queries = padded(q * scale).unflatten(2, (-1, size))
        own = (queries @ keys.transpose(-1, -2)).masked_fill(~torch.ones(size, size, dtype=torch.bool).tril(), MASKED)
        if keys.shape[2] == 1:
            return (own.softmax(4) @ values).flatten(2, 3)[:, :, :length]
        choice = F.pad(chosen_blocks(q, landmarks_of(k)), (0, -length % size))  # [B, H, M S]
        batch = torch.arange(q.shape[0])[:, None, None]
        head = torch.arange(heads)[:, None]
        far_keys, far_values = keys[batch, head, choice], values[batch, head, choice]  # [B, H, M S, S, p]
        far = (far_keys @ queries.flatten(2, 3).unsqueeze(-1)).squeeze(-1)
        far = far.masked_fill((blocks_of(far.shape[2]) == 0)[:, None], MASKED)
        own_weights, far_weights = torch.cat([own.flatten(2, 3), far], 3).softmax(3).split([size, size], 3)
        local = (own_weights.unflatten(2, (-1, size)) @ values).flatten(2, 3)
        return (local + (far_weights.unsqueeze(3) @ far_values).squeeze(3))[:, :, :length]

    def form(attend):
        def apply(p, x):
            parts = [split_heads(part, heads) for part in qkv(p, x)]
            return linear(p, "oProj", join_heads(attend(*parts)))

        return apply

    def prefill(attend):
        def run(p, x):
            parts, filters = qkv_prefill(p, x)
            q, k, v = [split_heads(part, heads) for part in parts]
            full = k.shape[2] // size
            marks = Cache(k[:, :, : full * size].unflatten(2, (full, size)).sum(3), room // size + 1)
            return linear(p, "oProj", join_heads(attend(q, k, v))), (Cache(k, room), Cache(v, room), marks, filters)

        return run

    def step(p, x, state):
        keys, values, marks, filters = state
        parts, filters = qkv_token(p, x, filters)
        q, k, v = [part.unflatten(-1, (heads, -1)) for part in parts]
        start = keys.count // size * size
        own_keys, own_values = keys.append(k)[:, :, start:], values.append(v)[:, :, start:]
        near, far = own_keys, own_values
        if marks.count > 0:
            scores = marks.rows[:, :, : marks.count] @ q.unsqueeze(-1)
            at = scores.argmax(2) * size + torch.arange(size)  # [B, H, S]
            index = at.unsqueeze(-1).expand(-1, -1, -1, q.shape[-1])
            near = torch.cat([own_keys, keys.rows.gather(2, index)], 2)
            far = torch.cat([own_values, values.rows.gather(2, index)], 2)
        if keys.count % size == 0:
            marks.append(own_keys.sum(2))
        o = F.scaled_dot_product_attention(q.unsqueeze(2), near, far)
        return linear(p, "oProj", o.flatten(1)), (keys, values, marks, filters)

    hard = {"masked": masked, "gathered": gathered}
    hard_forms = {n: form(a) for n, a in hard.items()}
    return Mixer({"dense": form(grouped)}, {n: prefill(a) for n, a in hard.items()}, step, hard_forms)
