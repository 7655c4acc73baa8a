"""Makes the checkpoints of this folder: see README.md. Run: TRITON_INTERPRET=1 python make.py"""

import json
import pathlib
import shutil
import tempfile

import torch
import transformers
import triton.runtime.autotuner as autotuner
from safetensors.torch import load_file, save_file
from transformers import GPTNeoXConfig, LlamaConfig, Mamba2Config, MambaConfig

# Triton's interpreter has no clock to tune by: the first choice is as good as any.
autotuner.Autotuner.do_bench = None
autotuner.Autotuner._bench = lambda self, *args, config=None, **kwargs: [1.0, 1.0, 1.0]

import fla.layers.attn  # noqa: E402
import fla.models  # noqa: E402
from fla.models import GLAConfig, TransformerConfig  # noqa: E402


def attend(q, k, v, causal, window_size):
    """What flash_attn computes; it needs a GPU. [B, L, H, p]"""
    assert causal and window_size == (-1, -1)
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True).transpose(1, 2)


fla.layers.attn.flash_attn_func = attend

CLASSES = {
    GPTNeoXConfig: transformers.GPTNeoXForCausalLM,
    LlamaConfig: transformers.LlamaForCausalLM,
    MambaConfig: transformers.MambaForCausalLM,
    Mamba2Config: transformers.Mamba2ForCausalLM,
    GLAConfig: fla.models.GLAForCausalLM,
    TransformerConfig: fla.models.TransformerForCausalLM,
}
for model_class in (fla.models.GLAForCausalLM, fla.models.TransformerForCausalLM):
    model_class._tied_weights_keys = {'lm_head.weight': 'model.embeddings.weight'}  # as transformers 5 wants it

HERE = pathlib.Path(__file__).parent
V, L, D = 40, 19, 16


def perturb(model, generator):
    """Values with which no weight may be left out, transposed, or put in another's place."""
    normal = lambda p, std: torch.randn(p.shape, generator=generator) * std  # noqa: E731
    for name, p in model.named_parameters():
        if name.endswith('A_log') or name.endswith('dt_bias') or name.endswith('dt_proj.bias'):
            p.data += normal(p, 0.2)
        elif 'embed' in name or 'lm_head' in name:
            p.data = normal(p, 0.7)
        elif p.ndim > 1:
            p.data = normal(p, 1.2 * p.shape[1:].numel() ** -0.5)
        elif name.endswith('bias'):
            p.data = normal(p, 0.3)
        else:
            p.data = 1 + normal(p, 0.3)


def save(name, state, config, expected, shards=1, metadata=None):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / 'config.json').write_text(json.dumps(config, indent=2) + '\n')
    names = sorted(state)
    if shards == 1:
        save_file(state, folder / 'model.safetensors', metadata or {'format': 'pt'})
    else:
        files = [f'model-{k + 1:05d}-of-{shards:05d}.safetensors' for k in range(shards)]
        weight_map = {key: files[index * shards // len(names)] for index, key in enumerate(names)}
        for file in files:
            save_file({key: state[key] for key in names if weight_map[key] == file}, folder / file, {'format': 'pt'})
        total = sum(t.numel() * t.element_size() for t in state.values())
        index = {'metadata': {'total_size': total}, 'weight_map': weight_map}
        (folder / 'model.safetensors.index.json').write_text(json.dumps(index, indent=2) + '\n')
    if expected:
        save_file(expected, folder / 'expected.safetensors')
    for file in folder.iterdir():
        file.chmod(0o644)


def logits(folder, model_class):
    """Of the checkpoint as the reference implementation loads it, in float32."""
    model = model_class.from_pretrained(folder, dtype=torch.float32).eval()
    ids = torch.randint(0, V, (2, L), generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        return {'ids': ids.to(torch.int32), 'logits': model(ids, use_cache=False).logits.contiguous()}


def make(name, config, *, dtype=torch.float32, fields=None, shards=1, extra=None, state=None, reference=None):
    """
    fields: of config.json, in place of what the library writes; extra: tensors that older files have beside the weights;
    state: changes the names or the layout of what is saved, after the logits are known.
    """
    seed = sum(map(ord, name))
    torch.manual_seed(seed)
    model = CLASSES[type(config)](config)
    perturb(model, torch.Generator().manual_seed(seed))
    with tempfile.TemporaryDirectory() as folder:
        model.to(dtype).save_pretrained(folder)
        weights = load_file(f'{folder}/model.safetensors')
        written = json.loads(pathlib.Path(folder, 'config.json').read_text())
    written = fields or written
    save(name, weights, written, None)
    expected = logits(HERE / name, type(model))
    if state:
        weights, written = state(weights, written)
    save(name, {**weights, **(extra or {})}, written, expected, shards)
    print(name, sum(f.stat().st_size for f in (HERE / name).iterdir()), float(expected['logits'].std()))


def neox(**options):
    base = dict(vocab_size=V, hidden_size=D, num_hidden_layers=2, num_attention_heads=2, intermediate_size=40)
    return GPTNeoXConfig(**{**base, 'max_position_embeddings': 64, **options})


def llama(**options):
    base = dict(vocab_size=V, hidden_size=D, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24)
    return LlamaConfig(**{**base, 'max_position_embeddings': 64, **options})


PYTHIA = {  # the fields that Pythia's own files have
    'architectures': ['GPTNeoXForCausalLM'],
    'bos_token_id': 0, 'eos_token_id': 0, 'hidden_act': 'gelu', 'hidden_size': D, 'initializer_range': 0.02,
    'intermediate_size': 40, 'layer_norm_eps': 1e-05, 'max_position_embeddings': 64, 'model_type': 'gpt_neox',
    'num_attention_heads': 2, 'num_hidden_layers': 2, 'rotary_emb_base': 10000, 'rotary_pct': 0.5,
    'tie_word_embeddings': False, 'torch_dtype': 'float16', 'transformers_version': '4.24.0', 'use_cache': True,
    'use_parallel_residual': True, 'vocab_size': V,
}  # fmt: skip
BUFFERS = {}
for layer in range(2):
    at = f'gpt_neox.layers.{layer}.attention'
    BUFFERS[f'{at}.bias'] = torch.ones(1, 1, 8, 8, dtype=torch.bool).tril()
    BUFFERS[f'{at}.masked_bias'] = torch.tensor(-1e9, dtype=torch.float16)
    BUFFERS[f'{at}.rotary_emb.inv_freq'] = torch.ones(2, dtype=torch.float16)

make('pythia-f16', neox(), dtype=torch.float16, fields=PYTHIA, extra=BUFFERS)
make(
    'neox-sequential-sharded',
    neox(
        use_parallel_residual=False, attention_bias=False, tie_word_embeddings=True, hidden_act='gelu_new',
        rope_parameters={'rope_type': 'default', 'rope_theta': 500.0, 'partial_rotary_factor': 1.0}, layer_norm_eps=1e-3,
    ),
    shards=3,
)  # fmt: skip
YARN = {'rope_type': 'yarn', 'factor': 4.0, 'original_max_position_embeddings': 16, 'beta_fast': 8.0, 'beta_slow': 0.2}
make('neox-yarn', neox(num_attention_heads=1, rope_parameters={**YARN, 'rope_theta': 100.0, 'partial_rotary_factor': 0.5}))

make(
    'llama3-grouped',
    llama(
        num_key_value_heads=2, head_dim=6, attention_bias=True, tie_word_embeddings=True,
        rope_parameters={
            'rope_type': 'llama3', 'rope_theta': 500.0, 'factor': 8.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0,
            'original_max_position_embeddings': 16,
        },
    ),
)  # fmt: skip
OLD = {'architectures': ['LlamaForCausalLM'], 'model_type': 'llama', 'rope_theta': 1000.0, 'rope_scaling': {'type': 'linear', 'factor': 2.0}}
linear = llama(num_key_value_heads=1)
fields = {k: v for k, v in linear.to_diff_dict().items() if k != 'rope_parameters'} | OLD | {'torch_dtype': 'bfloat16'}
make('llama-linear-bf16', linear, dtype=torch.bfloat16, fields=fields)
make(
    'llama-yarn',
    llama(num_attention_heads=2, rms_norm_eps=1e-5, rope_parameters={**YARN, 'rope_theta': 100.0, 'attention_factor': 1.3}),
)

make('mamba', MambaConfig(vocab_size=V, hidden_size=D, state_size=4, num_hidden_layers=2, time_step_rank=3, conv_kernel=3))
make(
    'mamba2-groups',
    Mamba2Config(
        vocab_size=V, hidden_size=D, state_size=6, num_hidden_layers=2, num_heads=4, head_dim=8, n_groups=2, conv_kernel=3,
        time_step_limit=(0.01, 0.05), chunk_size=8, tie_word_embeddings=True, layer_norm_epsilon=1e-3,
    ),
)  # fmt: skip


def gla(**options):
    base = dict(vocab_size=V, hidden_size=D, num_hidden_layers=2, num_heads=2, intermediate_size=24, expand_v=1.5)
    return GLAConfig(**{**base, 'fuse_cross_entropy': False, **options})


def merged(weights, written):
    """As before February 2025: gate and up projection in one, and the gate's norm by itself."""
    weights = dict(weights)
    for layer in range(2):
        at = f'model.layers.{layer}.mlp'
        gate, up = weights[f'{at}.gate_proj.weight'], weights.pop(f'{at}.up_proj.weight')
        weights[f'{at}.gate_proj.weight'] = torch.cat([gate, up])
    return weights, written


make('gla', gla(tie_word_embeddings=True))
make('gla-2024-bf16', gla(expand_k=1.0, norm_eps=1e-3, fuse_norm=False), dtype=torch.bfloat16, state=merged)


plus = TransformerConfig(
    vocab_size=V, hidden_size=D, num_hidden_layers=2, num_heads=4, num_kv_heads=2, intermediate_size=24, rope_theta=200.0,
    max_position_embeddings=64, fuse_cross_entropy=False,
)  # fmt: skip
make('tf-plus-plus', plus)
