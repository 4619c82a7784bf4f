"""The benchmark's language model (PLaMo 2: Mamba and windowed attention) in plain PyTorch, as quick as eager mode allows.

No loop runs over tokens: the scan is the chunked form of Mamba-2 (Dao & Gu 2024, arXiv 2405.21060, section 6) in matrix
products, and attention runs over blocks of queries that see only the keys in their window. Parameters are addressed by
their checkpoint names.

    B batch   T tokens   D hidden   H query heads   K key/value heads   d head size   G = H / K   W window
    m Mamba heads   P head size   N state size   Q tokens per chunk   c chunks
"""

import math

import torch
import torch.nn.functional as F

PRE, POST_MIXER, POST_MLP = 1.0, 1 / 5, 1 / 5**1.5  # added to the norms' weights


def rms_norm(x, weight, offset, eps):
    length = x.norm(dim=-1, keepdim=True)  # its backward is half the work of x * x's
    return x * torch.rsqrt(length * length / x.shape[-1] + eps) * (weight + offset)


def rope(x, cos, sin):
    """x [B, T, heads, d]; cos, sin [T, 1, d/2]; pairs (j, j + d/2)."""
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def windowed_attention(q, k, v, window, blocks):
    """q [B, T, H, d], k, v [B, T, K, d] → [B, T, H·d]. Query i sees keys i − window … i. blocks: sizes for few and many."""
    B, T, H, d = q.shape
    K = k.shape[2]
    q = (q * d**-0.5).view(B, T, K, H // K, d).permute(0, 2, 3, 1, 4)  # [B, K, G, T, d]
    k, v = k.transpose(1, 2), v.transpose(1, 2)  # [B, K, T, d]
    few, many = blocks
    if T <= 2 * window or window % many:
        y = few_blocks(q, k, v, window, few)
    else:
        y = many_blocks(q, k, v, window, many)
    return y.permute(0, 3, 1, 2, 4).reshape(B, T, H * d)


def band(queries, keys, window):
    """What is added to the scores: 0 where the query at a position sees the key at another, −∞ elsewhere."""
    distance = queries[:, None] - keys[None, :]
    return torch.zeros(distance.shape).masked_fill_((distance < 0) | (distance > window) | (keys < 0), -math.inf)


def few_blocks(q, k, v, window, block):
    """One product per block of queries, with just the keys in reach: least work when there are few blocks."""
    B, K, G, T, d = q.shape
    outputs = []
    for start in range(0, T, block):
        end, first = min(start + block, T), max(0, start - window)
        rows = q[:, :, :, start:end].reshape(B, K, -1, d)  # the queries of a group share their keys
        scores = (rows @ k[:, :, first:end].transpose(2, 3)).view(B, K, G, end - start, end - first)
        weights = (scores + band(torch.arange(start, end), torch.arange(first, end), window)).softmax(-1)
        mixed = weights.view(B, K, -1, end - first) @ v[:, :, first:end]
        outputs.append(mixed.view(B, K, G, end - start, d))
    return torch.cat(outputs, 3)


def many_blocks(q, k, v, window, block):
    """All blocks in one batched product; the gradient of many overlapping slices would cost more than the products."""
    B, K, G, T, d = q.shape
    n, reach = -(-T // block), window // block + 1
    q = F.pad(q, (0, 0, 0, n * block - T)).view(B, K, G, n, block, d).transpose(2, 3).reshape(B, K, n, G * block, d)

    def in_reach(x):  # [B, K, T, d] → [B, K, n, window + block, d]
        blocks = F.pad(x, (0, 0, window, n * block - T)).view(B, K, n + reach - 1, block, d)
        return torch.cat([blocks[:, :, j : j + n] for j in range(reach)], 3)

    positions = torch.arange(block)
    masks = [band(positions + i * block, torch.arange(-window, block) + i * block, window) for i in range(reach)]
    mask = torch.stack([masks[min(i, reach - 1)] for i in range(n)]).unsqueeze(1)  # [n, 1, block, window + block]
    scores = (q @ in_reach(k).transpose(3, 4)).view(B, K, n, G, block, window + block)
    weights = (scores + mask).softmax(-1).view(B, K, n, G * block, window + block)
    mixed = (weights @ in_reach(v)).view(B, K, n, G, block, d).transpose(2, 3)
    return mixed.reshape(B, K, G, n * block, d)[:, :, :, :T]


def chunked_scan(x, delta, A, b, c, size):
    """S[t] = exp(Δ[t]·A)·S[t−1] + Δ[t]·x[t]·b[t]ᵀ, y[t] = S[t]·c[t]: x [B, T, m, P], Δ [B, T, m], b, c [B, T, N]."""
    B, T, m, P = x.shape
    N, padding = b.shape[-1], -T % size
    if padding:  # Δ = 0 leaves the state alone
        x, delta = F.pad(x, (0, 0, 0, 0, 0, padding)), F.pad(delta, (0, 0, 0, padding))
        b, c = F.pad(b, (0, 0, 0, padding)), F.pad(c, (0, 0, 0, padding))
    chunks = (T + padding) // size
    u = (x * delta.unsqueeze(-1)).view(B, chunks, size, m, P)
    b, c = b.reshape(B, chunks, size, N), c.reshape(B, chunks, size, N)
    decay = (delta * A).view(B, chunks, size, m).transpose(2, 3).cumsum(-1)  # [B, c, m, Q], log of the decay so far

    # Within a chunk: every token from the tokens before it.
    future = torch.ones(size, size, dtype=torch.bool).triu(1)
    within = (decay.unsqueeze(-1) - decay.unsqueeze(-2)).masked_fill(future, -math.inf).exp()  # [B, c, m, Q, Q]
    scores = within * (c @ b.transpose(2, 3)).unsqueeze(2)
    y = scores @ u.transpose(2, 3)  # [B, c, m, Q, P]

    # What each chunk adds to the state, and the state that each chunk begins with.
    to_end = (decay[..., -1:] - decay).exp().transpose(2, 3).unsqueeze(-1)  # [B, c, Q, m, 1]
    added = (u * to_end).view(B, chunks, size, m * P).transpose(2, 3) @ b  # [B, c, m·P, N]
    total = F.pad(decay[..., -1].transpose(1, 2), (1, 0)).cumsum(-1)  # [B, m, c + 1]
    between = total[:, :, :-1, None] - total[:, :, None, 1:]  # [B, m, c, c]: from the end of one to the start of another
    later = torch.ones(chunks, chunks, dtype=torch.bool).triu(0)
    between = between.masked_fill(later, -math.inf).exp()
    states = added.view(B, chunks, m, P * N).transpose(1, 2)  # [B, m, c, P·N]
    initial = (between @ states).transpose(1, 2).reshape(B, chunks, m * P, N)

    # Every token from the state its chunk began with.
    carried = (c @ initial.transpose(2, 3)).view(B, chunks, size, m, P) * decay.exp().transpose(2, 3).unsqueeze(-1)
    return (y.transpose(2, 3) + carried).reshape(B, T + padding, m, P)[:, :T]


class Hybrid:
    def __init__(self, config, tensors, chunk=64, blocks=(256, 128)):
        """The sizes are the quickest of those tried on two cores: chunks of 64, 128, 256, blocks of 128, 256, 512."""
        self.config, self.chunk, self.blocks = config, chunk, blocks
        self.parameters = {name: tensor.requires_grad_() for name, tensor in tensors.items()}

    def loss(self, ids, targets, places=None):
        """places: the positions of [B, T], laid flat, whose targets count; all when left out."""
        hidden = self.forward(ids)
        if places is not None:
            hidden, targets = hidden.flatten(0, 1)[places], targets.flatten()[places]
        head = self.parameters.get("lm_head.weight", self.parameters["model.embed_tokens.weight"])
        logits = F.linear(hidden, head[: self.config["vocab_size"]])
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))

    def forward(self, ids):
        config, p = self.config, self.parameters
        eps = config["rms_norm_eps"]
        x = F.embedding(ids, p["model.embed_tokens.weight"])
        for index in range(config["num_hidden_layers"]):
            layer = f"model.layers.layers.{index}."
            weights = {name[len(layer) :]: tensor for name, tensor in p.items() if name.startswith(layer)}
            inner = rms_norm(x, weights["pre_mixer_norm.weight"], PRE, eps)
            mixed = self.mamba(inner, weights) if "mixer.A_log" in weights else self.attention(inner, weights, index)
            x = x + rms_norm(mixed, weights["post_mixer_norm.weight"], POST_MIXER, eps)
            gate, up = F.linear(rms_norm(x, weights["pre_mlp_norm.weight"], PRE, eps), weights["mlp.gate_up_proj.weight"]).chunk(2, -1)
            mixed = F.linear(F.silu(gate) * up, weights["mlp.down_proj.weight"])
            x = x + rms_norm(mixed, weights["post_mlp_norm.weight"], POST_MLP, eps)
        return rms_norm(x, p["model.norm.weight"], PRE, eps)

    def attention(self, x, weights, index):
        config = self.config
        H, K, d = config["num_attention_heads"], config["num_key_value_heads"], config["hidden_size_per_head"]
        full = index in config["full_attention_idx"]
        B, T, _ = x.shape
        q, k, v = F.linear(x, weights["mixer.qkv_proj.weight"]).view(B, T, H + 2 * K, d).split([H, K, K], 2)
        q, k = rms_norm(q, weights["mixer.q_weight"], 0, 1e-6), rms_norm(k, weights["mixer.k_weight"], 0, 1e-6)
        base = config["rope_theta" if full else "rope_local_theta"]
        angles = torch.outer(torch.arange(T).float(), base ** (-torch.arange(0, d, 2).float() / d)).unsqueeze(1)
        q, k = rope(q, angles.cos(), angles.sin()), rope(k, angles.cos(), angles.sin())
        y = windowed_attention(q, k, v, T if full else config["attention_window_size"], self.blocks)
        return F.linear(y, weights["mixer.o_proj.weight"])

    def mamba(self, x, weights):
        config = self.config
        m, P, N = config["mamba_num_heads"], config["hidden_size_per_head"], config["mamba_d_state"]
        taps, eps = config["mamba_d_conv"], config["rms_norm_eps"]
        B, T, D = x.shape
        z_rows, u_rows = weights["mixer.in_proj.weight"].view(m, 2, P, D).unbind(1)
        z, u = F.linear(x, z_rows.reshape(m * P, D)), F.linear(x, u_rows.reshape(m * P, D))
        # As an image of height 1 with channels last, which oneDNN takes as it lies: five times as quick as conv1d's layout.
        image = F.pad(u, (0, 0, taps - 1, 0)).transpose(1, 2).unsqueeze(2)  # [B, m·P, 1, T + taps − 1]
        u = F.conv2d(image, weights["mixer.conv1d.weight"].unsqueeze(2), groups=m * P).squeeze(2).transpose(1, 2)
        u = F.silu(u)  # [B, T, m·P]
        b, c, dt = F.linear(u, weights["mixer.bcdt_proj.weight"]).split([N, N, weights["mixer.dt_norm_weight"].shape[0]], -1)
        b, c = rms_norm(b, weights["mixer.B_norm_weight"], 0, eps), rms_norm(c, weights["mixer.C_norm_weight"], 0, eps)
        dt = rms_norm(dt, weights["mixer.dt_norm_weight"], 0, eps)
        delta = F.softplus(F.linear(dt, weights["mixer.dt_proj.weight"], weights["mixer.dt_bias"]))
        heads = u.view(B, T, m, P)
        y = chunked_scan(heads, delta, -weights["mixer.A_log"].exp(), b, c, self.chunk)
        y = y + heads * weights["mixer.D"].unsqueeze(-1)
        return F.linear(y.reshape(B, T, m * P) * F.silu(z), weights["mixer.out_proj.weight"])
