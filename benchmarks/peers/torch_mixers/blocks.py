"""What the mixers share: projections, short filters, norms, heads, caches.

Letters: B batch, L tokens, d model width, H heads, p = d / H, w columns, W taps. Our weights are [in, out].
"""

import torch
import torch.nn.functional as F


class Mixer:
    """A mixer's forms: of each pass by name functions that compute the same, the fastest of which is timed.

    `forms`, in training, and `eval_forms`: (p, x [B, L, d]) -> y. `prefills`: (p, x) -> y and a state with room for tokens more.
    `step(p, x [B, d], state)` -> y [B, d] and the state, which is consumed. `p` holds the parameters by path.
    """

    def __init__(self, forms, prefills, step, eval_forms=None):
        self.forms, self.eval_forms = forms, eval_forms or forms
        self.prefills, self.step = prefills, step


def linear(p, name, x):
    return F.linear(x, p[f"{name}.weight"].t(), p.get(f"{name}.bias"))


def split_heads(x, heads):
    """[B, L, H p] -> [B, H, L, p]."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def join_heads(x):
    """[B, H, L, p] -> [B, L, H p]."""
    return x.transpose(1, 2).flatten(2)


def rms_norm(x, weight, eps):
    """Over as many columns as the weight has."""
    width = weight.shape[0]
    return F.rms_norm(x.unflatten(-1, (-1, width)), (width,), weight, eps).flatten(-2)


def _taps(filter):
    return filter.shape[0] if filter.dim() == 3 else filter.shape[1]


def convolve(x, filter, bias=None, past=None):
    """Causal and indexed by delay: a filter [H, W] per head, [w, W] per column, [W, H, H] that mixes heads. x: [B, L, w].

    `past` [B, W - 1, w]: the inputs before the first; zeros if left out.
    """
    if filter is None:
        return x
    taps, length = _taps(filter), x.shape[1]
    padded = F.pad(x, (0, 0, taps - 1, 0)) if past is None else torch.cat([past, x], 1)
    if filter.dim() == 3:
        heads = filter.shape[1]
        # A two-dimensional convolution over (tokens, columns of a head) with heads as channels.
        kernel = filter.flip(0).permute(2, 1, 0).unsqueeze(-1)
        return join_heads(F.conv2d(split_heads(padded, heads), kernel))
    rows = filter.shape[0]
    columns = filter if rows in (1, x.shape[2]) else filter.repeat_interleave(x.shape[2] // rows, 0)
    y = padded[:, taps - 1 :] * columns[:, 0]
    for j in range(1, taps):
        y = torch.addcmul(y, padded[:, taps - 1 - j : taps - 1 - j + length], columns[:, j])
    return y if bias is None else y + bias


def filter_state(x, filter):
    """The last W - 1 inputs, [B, W - 1, w]."""
    if filter is None:
        return None
    missing = _taps(filter) - 1 - x.shape[1]
    return (F.pad(x, (0, 0, missing, 0)) if missing > 0 else x[:, x.shape[1] - _taps(filter) + 1 :]).clone()


def convolve_token(x, filter, past, bias=None):
    """One token x [B, w] and the state after it."""
    if filter is None:
        return x, None
    token = x.unsqueeze(1)
    y = convolve(token, filter, bias, past)
    return y.squeeze(1), torch.cat([past[:, 1:], token], 1)


def _filter(p, role):
    return p.get(f"{role}Filter", p.get(f"shortFilters.{role}"))


def qkv(p, x):
    """Projections by role, filtered where there is a filter."""
    return [convolve(linear(p, f"{role}Proj", x), _filter(p, role)) for role in "qkv"]


def qkv_prefill(p, x):
    """Those, and the states of the filters."""
    rows = [linear(p, f"{role}Proj", x) for role in "qkv"]
    filters = [_filter(p, role) for role in "qkv"]
    return [convolve(*pair) for pair in zip(rows, filters)], [filter_state(*pair) for pair in zip(rows, filters)]


def qkv_token(p, x, states):
    pairs = [convolve_token(linear(p, f"{role}Proj", x), _filter(p, role), past) for role, past in zip("qkv", states)]
    return [y for y, _ in pairs], [state for _, state in pairs]


class Cache:
    """Rows [B, H, n, p] with room, written in place."""

    def __init__(self, rows, room):
        batch, heads, self.count, width = rows.shape
        self.rows = rows.new_empty(batch, heads, self.count + room, width)
        self.rows[:, :, : self.count] = rows

    def append(self, row):
        """row: [B, H, p]. All rows so far."""
        self.rows[:, :, self.count] = row
        self.count += 1
        return self.rows[:, :, : self.count]


def chunks_of(x, size):
    """[B, H, L, w] -> [B, H, n, size, w], zeros after the last token."""
    return F.pad(x, (0, 0, 0, -x.shape[2] % size)).unflatten(2, (-1, size))


def causal_sums(q, k, values, size, weights, features):
    """sum_{s <= t} a[t, s] values[s] for a = weights(q, k) = features(q) features(k)^T, by chunks of `size` tokens; [B, H, L, m].

    Within a chunk by the matrix a, over the chunks before by running sums of features(k) values^T.
    """
    length = q.shape[2]
    if length <= size:
        return torch.tril(weights(q, k)) @ values
    q, k, values = chunks_of(q, size), chunks_of(k, size), chunks_of(values, size)
    within = torch.tril(weights(q, k)) @ values
    added = (features(k).transpose(-1, -2) @ values)[:, :, :-1]
    before = F.pad(added.cumsum(2), (0, 0, 0, 0, 1, 0))
    return (within + features(q) @ before).flatten(2, 3)[:, :, :length]
