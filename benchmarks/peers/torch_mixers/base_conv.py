"""BaseConv: a short convolution gated by a projection, with the input added as zoology has it."""

from .blocks import Mixer, convolve, convolve_token, filter_state, linear


def create(config, room):
    def gate(p, x, convolved):
        y = convolved * linear(p, "projection", x)
        return y + x if config["residual"] else y

    def apply(p, x):
        return gate(p, x, convolve(x, p["convWeight"], p["convBias"]))

    def prefill(p, x):
        return apply(p, x), filter_state(x, p["convWeight"])

    def step(p, x, past):
        convolved, past = convolve_token(x, p["convWeight"], past, p["convBias"])
        return gate(p, x, convolved), past

    return Mixer({"direct": apply}, {"direct": prefill}, step)
