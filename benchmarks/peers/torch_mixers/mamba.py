"""Mamba: the selective scan token by token, or by doubling (Hillis and Steele), stable as no decay is divided by.

Letters: E inner width, N states of a channel, R rank of the step size. Source: `selective_scan_ref` of state-spaces/mamba.
"""

import torch
import torch.nn.functional as F

from .blocks import Mixer, convolve, convolve_token, filter_state, linear


def sequential(decay, added, C):
    """y [B, L, E] of decay, added [B, L, E, N] and C [B, L, N], and the last state [B, E, N]."""
    state, outputs = torch.zeros_like(added[:, 0]), []
    for kept, more, reader in zip(decay.unbind(1), added.unbind(1), C.unsqueeze(-1).unbind(1)):
        state = torch.addcmul(more, kept, state)
        outputs.append(torch.bmm(state, reader))
    return torch.stack(outputs, 1).squeeze(-1), state


def doubling(decay, added, C):
    length, reach = added.shape[1], 1
    while reach < length:
        earlier = F.pad(added[:, :-reach], (0, 0, 0, 0, reach, 0))
        added = torch.addcmul(added, decay, earlier)
        if 2 * reach < length:
            decay = torch.cat([decay[:, :reach], decay[:, reach:] * decay[:, :-reach]], 1)
        reach *= 2
    return (added @ C.unsqueeze(-1)).squeeze(-1), added[:, -1]


def create(config, room):
    states = config["dState"]

    def parts_of(p, u):
        rank = p["dtProj.weight"].shape[0]
        dt, B, C = linear(p, "xProj", u).split([rank, states, states], -1)
        delta = F.softplus(linear(p, "dtProj", dt))
        decay = torch.exp(delta.unsqueeze(-1) * -torch.exp(p["aLog"]))
        return decay, (delta * u).unsqueeze(-1) * B.unsqueeze(-2), C

    def read_out(p, y, u, z):
        return linear(p, "outProj", torch.addcmul(y, u, p["dSkip"]) * F.silu(z))

    def form(scan):
        def apply(p, x):
            rows, z = linear(p, "inProj", x).chunk(2, -1)
            u = F.silu(convolve(rows, p["convWeight"], p["convBias"]))
            return read_out(p, scan(*parts_of(p, u))[0], u, z)

        return apply

    def prefill(scan):
        def run(p, x):
            rows, z = linear(p, "inProj", x).chunk(2, -1)
            u = F.silu(convolve(rows, p["convWeight"], p["convBias"]))
            y, state = scan(*parts_of(p, u))
            return read_out(p, y, u, z), (state, filter_state(rows, p["convWeight"]))

        return run

    def step(p, x, state):
        memory, past = state
        row, z = linear(p, "inProj", x).chunk(2, -1)
        row, past = convolve_token(row, p["convWeight"], past, p["convBias"])
        u = F.silu(row)
        decay, added, C = parts_of(p, u)
        memory = torch.addcmul(added, decay, memory)
        return read_out(p, torch.bmm(memory, C.unsqueeze(-1)).squeeze(-1), u, z), (memory, past)

    scans = {"token by token": sequential, "by doubling": doubling}
    return Mixer({n: form(s) for n, s in scans.items()}, {n: prefill(s) for n, s in scans.items()}, step)
