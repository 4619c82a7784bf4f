# Writes the files in tests/golden/peft: adapters as Hugging Face's PEFT 0.21.0 saves them (torch 2.13.0), over linear maps with the
# names and shapes of a small hybrid, and what PEFT's layers give for a fixed input. Run: python make_peft.py OUT
import json, os, shutil, sys
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file

out = sys.argv[1]
D, I, w, V = 8, 12, 8, 32
shapes = {
    'model.layers.layers.0.mixer.in_proj': (2 * w, D),
    'model.layers.layers.0.mixer.bcdt_proj': (2 * 4 + 64, w),
    'model.layers.layers.0.mixer.dt_proj': (2, 64),
    'model.layers.layers.0.mixer.out_proj': (D, w),
    'model.layers.layers.0.mlp.gate_up_proj': (2 * I, D),
    'model.layers.layers.0.mlp.down_proj': (D, I),
    'model.layers.layers.1.mixer.qkv_proj': ((2 + 2) * 4, D),
    'model.layers.layers.1.mixer.o_proj': (D, 8),
    'model.layers.layers.1.mlp.gate_up_proj': (2 * I, D),
    'model.layers.layers.1.mlp.down_proj': (D, I),
}


def tree():
    root = torch.nn.Module()
    for path, (rows, columns) in shapes.items():
        at = root
        *parents, name = path.split('.')
        for part in parents:
            if not hasattr(at, part):
                setattr(at, part, torch.nn.Module())
            at = getattr(at, part)
        layer = torch.nn.Linear(columns, rows, bias=False)
        g = torch.Generator().manual_seed(sum(map(ord, path)))
        layer.weight.data = torch.randn(rows, columns, generator=g)
        setattr(at, name, layer)
    return root


kinds = {
    'lora': dict(r=3, lora_alpha=5, target_modules=['in_proj', 'qkv_proj', 'down_proj'],
                 rank_pattern={'down_proj': 2}, alpha_pattern={'layers.0.mixer.in_proj': 7}),
    'rslora': dict(r=4, lora_alpha=6, use_rslora=True, target_modules='all-linear'),
    'dora': dict(r=2, lora_alpha=3, use_dora=True, lora_dropout=0.25, target_modules=['bcdt_proj', 'dt_proj', 'o_proj', 'out_proj', 'gate_up_proj']),
}
outputs = {}
base = tree()
os.makedirs(out, exist_ok=True)
save_file({k: v.contiguous() for k, v in base.state_dict().items()}, f'{out}/base.safetensors')
for kind, options in kinds.items():
    torch.manual_seed(7)
    if options['target_modules'] == 'all-linear':
        options = {**options, 'target_modules': r'.*_proj'}
    model = get_peft_model(tree(), LoraConfig(bias='none', **options))
    for name, p in model.named_parameters():
        if 'lora_B' in name:
            torch.nn.init.normal_(p, std=0.3)
        if 'magnitude' in name:
            p.data *= 1 + 0.2 * torch.rand_like(p)
    model.eval()
    model.save_pretrained(f'{out}/{kind}')
    outputs[kind] = {}
    for path, (rows, columns) in shapes.items():
        layer = model.base_model.model.get_submodule(path)
        if not hasattr(layer, 'lora_A'):
            continue
        x = torch.linspace(-1, 1, 3 * columns).reshape(1, 3, columns)
        y = layer(x)
        layer.merge()
        merged = layer.base_layer.weight
        outputs[kind][path] = {'y': y.flatten().tolist(), 'merged': merged[0].tolist()}
    os.remove(f'{out}/{kind}/README.md')
json.dump(outputs, open(f'{out}/outputs.json', 'w'))
