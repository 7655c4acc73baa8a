"""DeltaNet by chunks: the UT transform by a triangular solve, the memory from chunk to chunk.

Source: Yang et al. 2024 (arXiv 2406.06484), section 3.
"""

import torch
import torch.nn.functional as F

from .blocks import Mixer, chunks_of, join_heads, linear, qkv, qkv_prefill, qkv_token, rms_norm, split_heads

CHUNKS = (16, 32, 64)


def create(config, room):
    heads, eps = config["nHeads"], config["normEps"]
    rate = 2.0 if config["allowNegEigval"] else 1.0

    def unit(x):
        x = F.silu(x)
        return x * torch.rsqrt(x.square().sum(-1, keepdim=True) + 1e-6)

    def parts_of(p, x, rows):
        q, k, v = [split_heads(part, heads) for part in rows]
        beta = split_heads(torch.sigmoid(linear(p, "bProj", x)) * rate, heads)  # [B, H, L, 1]
        return unit(q) * q.shape[-1] ** -0.5, unit(k), F.silu(v), beta

    def scan(q, k, v, beta, size):
        """o [B, H, L, V] and the last memory [B, H, K, V]."""
        length = q.shape[2]
        q, k, v, beta = [chunks_of(x, size) for x in (q, k, v, beta)]
        keys = k * beta
        system = torch.tril(keys @ k.transpose(-1, -2), -1)
        right = torch.cat([v * beta, keys], -1)
        solved = torch.linalg.solve_triangular(system, right, upper=False, unitriangular=True)
        rows, corrections = solved.split([v.shape[-1], k.shape[-1]], -1)
        read = torch.tril(q @ k.transpose(-1, -2))
        state, outputs = q.new_zeros(*q.shape[:2], k.shape[-1], v.shape[-1]), []
        for chunk in range(q.shape[2]):
            update = rows[:, :, chunk]
            if chunk > 0:
                update = update - corrections[:, :, chunk] @ state
            o = read[:, :, chunk] @ update
            outputs.append(o + q[:, :, chunk] @ state if chunk > 0 else o)
            state = state + k[:, :, chunk].transpose(-1, -2) @ update
        return torch.cat(outputs, 2)[:, :, :length], state

    def read_out(p, o):
        return linear(p, "oProj", rms_norm(join_heads(o), p["oNorm.weight"], eps))

    def form(size):
        def apply(p, x):
            return read_out(p, scan(*parts_of(p, x, qkv(p, x)), size)[0])

        return apply

    def prefill(size):
        def run(p, x):
            rows, filters = qkv_prefill(p, x)
            o, state = scan(*parts_of(p, x, rows), size)
            return read_out(p, o), (state, filters)

        return run

    def step(p, x, state):
        memory, filters = state
        rows, filters = qkv_token(p, x, filters)
        q, k, v, beta = parts_of(p, x.unsqueeze(1), [row.unsqueeze(1) for row in rows])
        memory.addcmul_(k.transpose(-1, -2), beta * (v - k @ memory))
        return read_out(p, q @ memory).squeeze(1), (memory, filters)

    sizes = {f"chunks of {size}": size for size in CHUNKS}
    return Mixer({n: form(s) for n, s in sizes.items()}, {n: prefill(s) for n, s in sizes.items()}, step)
