"""GLA by chunks: queries and keys times their decays within the chunk, the state from chunk to chunk.

Source: Yang et al. 2024 (arXiv 2312.06635), section 4.2; as flash-linear-attention's plain PyTorch form has it.
"""

import torch
import torch.nn.functional as F

from .blocks import Mixer, chunks_of, join_heads, linear, rms_norm, split_heads

CHUNKS = (16, 32, 64)


def create(config, room):
    heads, tau, eps = config["nHeads"], config["gateLogitNormalizer"], config["normEps"]

    def parts_of(p, x):
        gate = F.logsigmoid(linear(p, "gkUp", linear(p, "gkDown", x))) / tau
        rows = [linear(p, f"{role}Proj", x) for role in "qkv"]
        q, k, v, decay = [split_heads(part, heads) for part in (*rows, gate)]
        return q * q.shape[-1] ** -0.5, k, v, decay, linear(p, "gProj", x)

    def scan(q, k, v, decay, size):
        """o [B, H, L, V] and the last state [B, H, K, V]."""
        length = q.shape[2]
        q, k, v, decay = [chunks_of(x, size) for x in (q, k, v, decay)]
        sums = decay.cumsum(3)
        total = sums[:, :, :, -1:]  # [B, H, n, 1, K]
        q = q * sums.exp()
        within = torch.tril(q @ (k * (-sums).exp()).transpose(-1, -2)) @ v
        added = (k * (total - sums).exp()).transpose(-1, -2) @ v
        kept = total.exp().transpose(-1, -2)
        state, before = torch.zeros_like(added[:, :, 0]), []
        for chunk in range(added.shape[2]):
            before.append(state)
            state = torch.addcmul(added[:, :, chunk], kept[:, :, chunk], state)
        o = within if len(before) == 1 else within + q @ torch.stack(before, 2)
        return o.flatten(2, 3)[:, :, :length], state

    def read_out(p, o, g):
        return linear(p, "oProj", rms_norm(o, p["gNorm.weight"], eps) * F.silu(g))

    def form(size):
        def apply(p, x):
            *parts, g = parts_of(p, x)
            return read_out(p, join_heads(scan(*parts, size)[0]), g)

        return apply

    def prefill(size):
        def run(p, x):
            *parts, g = parts_of(p, x)
            o, state = scan(*parts, size)
            return read_out(p, join_heads(o), g), state

        return run

    def step(p, x, state):
        q, k, v, decay, g = parts_of(p, x.unsqueeze(1))
        state.mul_(decay.exp().transpose(-1, -2)).addcmul_(k.transpose(-1, -2), v)
        return read_out(p, join_heads(q @ state), g).squeeze(1), state

    sizes = {f"chunks of {size}": size for size in CHUNKS}
    return Mixer({n: form(s) for n, s in sizes.items()}, {n: prefill(s) for n, s in sizes.items()}, step)
