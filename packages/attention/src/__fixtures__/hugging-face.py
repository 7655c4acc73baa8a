"""Writes hugging-face.json: rotary frequencies and whole attention layers of transformers 5.18.0 (torch 2.13.0), float64.

python hugging-face.py > hugging-face.json
"""
import json
import torch
from transformers import GPTNeoXConfig, LlamaConfig
from transformers.models.gpt_neox import modeling_gpt_neox as neox
from transformers.models.llama import modeling_llama as llama

torch.set_default_dtype(torch.float64)
rounded = lambda tensor: [float(f"{value:.9g}") for value in tensor.flatten().tolist()]


def rope(theta, **scaling):
    return {"rope_theta": theta, **scaling}


def frequencies(dim, parameters, positions):
    config = LlamaConfig(
        hidden_size=2 * dim, num_attention_heads=2, head_dim=dim, max_position_embeddings=positions, rope_parameters=parameters
    )
    made = llama.LlamaRotaryEmbedding(config)
    return {"dim": dim, "parameters": parameters, "invFreq": rounded(made.inv_freq), "attentionFactor": made.attention_scaling}


def run(config, layer, embedding, seed=0, length=9):
    torch.manual_seed(seed)
    for parameter in layer.parameters():
        parameter.data = 0.4 * torch.randn_like(parameter)
    x = torch.randn(1, length, config.hidden_size)
    mask = torch.full((length, length), -torch.inf).triu(1)[None, None]
    positions = embedding(x, torch.arange(length)[None])
    y = layer(x, position_embeddings=positions, attention_mask=mask)[0]
    tensors = {name: {"shape": list(p.shape), "values": rounded(p)} for name, p in layer.named_parameters()}
    return {"tensors": tensors, "length": length, "x": rounded(x), "y": rounded(y)}


def llama_layer(parameters):
    config = LlamaConfig(
        hidden_size=8, num_attention_heads=4, num_key_value_heads=2, head_dim=4, attention_bias=True,
        max_position_embeddings=64, rope_parameters=parameters, attn_implementation="eager",
    )
    return run(config, llama.LlamaAttention(config, 0).eval(), llama.LlamaRotaryEmbedding(config))


def neox_layer(parameters):
    config = GPTNeoXConfig(
        hidden_size=16, num_attention_heads=2, max_position_embeddings=48, rope_parameters=parameters, attn_implementation="eager"
    )
    return run(config, neox.GPTNeoXAttention(config, 0).eval(), neox.GPTNeoXRotaryEmbedding(config), length=13)


yarn = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=64)
llama3 = dict(
    rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=512
)
print(json.dumps({
    "frequencies": [
        frequencies(64, rope(500000.0, **llama3), 4096),
        frequencies(16, rope(10000.0, **{**llama3, "factor": 32.0, "high_freq_factor": 16.0}), 4096),
        frequencies(64, rope(10000.0, **{**yarn, "original_max_position_embeddings": 2048}), 8192),
        frequencies(16, rope(10000.0, **yarn, attention_factor=1.5, beta_fast=16.0, beta_slow=2.0), 256),
    ],
    "llama": llama_layer(rope(10000.0, **{**llama3, "original_max_position_embeddings": 16})),
    "neox": neox_layer(rope(10000.0, **{**yarn, "original_max_position_embeddings": 12}, partial_rotary_factor=0.5)),
}))
