"""Mamba-2 by chunks: masked products within a chunk, the state from chunk to chunk.

Letters: E inner width, H heads of P columns, N states, G groups (one here). Source: Dao and Gu (arXiv 2405.21060), listing 1.
"""

import torch
import torch.nn.functional as F

from .blocks import Mixer, convolve, convolve_token, filter_state, linear, rms_norm

CHUNKS = (16, 32, 64)


def create(config, room):
    states, eps = config["dState"], config["normEps"]
    if config["nGroups"] != 1:
        raise ValueError("its form is written for one group.")

    def parts_of(p, xBC, dt):
        heads = p["aLog"].shape[0]
        inner = p["norm.weight"].shape[0]
        x, B, C = F.silu(xBC).split([inner, states, states], -1)
        dt = F.softplus(dt + p["dtBias"])
        return x.unflatten(-1, (heads, -1)), dt, dt * -torch.exp(p["aLog"]), B, C

    def projected(p, x):
        inner = p["norm.weight"].shape[0]
        return linear(p, "inProj", x).split([inner, inner + 2 * states, p["aLog"].shape[0]], -1)

    def scan(x, dt, decay, B, C, size):
        """y [B, L, H, P] and the last state [B, H, P, N]."""
        length = x.shape[1]
        size = min(size, length)
        missing = -length % size
        chunk = lambda t: F.pad(t, (0, 0) * (t.dim() - 2) + (0, missing)).unflatten(1, (-1, size))
        inputs = chunk((x * dt.unsqueeze(-1)).flatten(2)).unflatten(-1, x.shape[2:]).transpose(2, 3)  # [B, n, H, C, P]
        B, C = chunk(B), chunk(C)  # [B, n, C, N]
        sums = chunk(decay).cumsum(2).transpose(2, 3)  # [B, n, H, C]
        mask = torch.ones(size, size, dtype=torch.bool).tril()
        between = (sums.unsqueeze(-1) - sums.unsqueeze(-2)).masked_fill(~mask, float("-inf")).exp()
        y = (between * (C @ B.transpose(-1, -2)).unsqueeze(2)) @ inputs
        total = sums[..., -1:]
        weighted = inputs * (total - sums).exp().unsqueeze(-1)
        added = weighted.transpose(-1, -2) @ B.unsqueeze(2)  # [B, n, H, P, N]
        kept = total.exp().unsqueeze(-1)
        state, before = torch.zeros_like(added[:, 0]), []
        for each in range(added.shape[1]):
            before.append(state)
            state = torch.addcmul(added[:, each], kept[:, each], state)
        if len(before) > 1:
            carried = C.unsqueeze(2) @ torch.stack(before, 1).transpose(-1, -2)
            y = torch.addcmul(y, carried, sums.exp().unsqueeze(-1))
        return y.transpose(2, 3).flatten(1, 2)[:, :length], state

    def read_out(p, y, x, z):
        y = torch.addcmul(y, x, p["dSkip"].unsqueeze(-1)).flatten(-2)
        return linear(p, "outProj", rms_norm(y * F.silu(z), p["norm.weight"], eps))

    def form(size):
        def apply(p, x):
            z, xBC, dt = projected(p, x)
            x, *rest = parts_of(p, convolve(xBC, p["convWeight"], p["convBias"]), dt)
            return read_out(p, scan(x, *rest, size)[0], x, z)

        return apply

    def prefill(size):
        def run(p, x):
            z, xBC, dt = projected(p, x)
            x, *rest = parts_of(p, convolve(xBC, p["convWeight"], p["convBias"]), dt)
            y, state = scan(x, *rest, size)
            return read_out(p, y, x, z), (state, filter_state(xBC, p["convWeight"]))

        return run

    def step(p, x, state):
        memory, past = state
        z, xBC, dt = projected(p, x)
        xBC, past = convolve_token(xBC, p["convWeight"], past, p["convBias"])
        x, dt, decay, B, C = parts_of(p, xBC, dt)
        added = (x * dt.unsqueeze(-1)).unsqueeze(-1) * B[:, None, None]
        memory = torch.addcmul(added, decay.exp()[..., None, None], memory)
        return read_out(p, (memory @ C[:, None, :, None]).squeeze(-1), x, z), (memory, past)

    sizes = {f"chunks of {size}": size for size in CHUNKS}
    return Mixer({n: form(s) for n, s in sizes.items()}, {n: prefill(s) for n, s in sizes.items()}, step)
