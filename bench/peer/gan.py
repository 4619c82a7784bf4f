"""Updates of a GAN with the standard CNNs of SN-GAN, operator for operator as the other side has them."""

import torch
import torch.nn.functional as F
from serve import seconds, serve
from tensors import read_safetensors

STRIDES = (1, 2, 1, 2, 1, 2, 1)


def unit(vector):
    return vector / (vector.norm() + 1e-12)


def fused_adam(parameters, settings):
    options = {"lr": settings["lr"], "betas": settings["betas"], "eps": settings["eps"]}
    try:
        return torch.optim.Adam(parameters, fused=True, **options)  # on the CPU from torch 2.4 on
    except (TypeError, RuntimeError):  # no such option, or not on the CPU
        return torch.optim.Adam(parameters, foreach=True, **options)


class Gan:
    def __init__(self, path, normalization, loss, penalty, penaltySeed, adam):
        self.tensors = read_safetensors(path)
        self.z, self.real = self.tensors.pop("z"), self.tensors.pop("real")
        self.normalization, self.loss, self.penalty = normalization, loss, penalty
        self.epsilons = torch.Generator().manual_seed(penaltySeed)
        state = (".u", ".running_mean", ".running_var", ".num_batches_tracked")
        trained = {name: tensor.requires_grad_() for name, tensor in self.tensors.items() if not name.endswith(state)}
        self.d_parameters = [tensor for name, tensor in trained.items() if name.startswith("D.")]
        self.d_optimizer = fused_adam(self.d_parameters, adam)
        self.g_optimizer = fused_adam([tensor for name, tensor in trained.items() if name.startswith("G.")], adam)

    def weight(self, path):
        """The weight of a layer of the discriminator, normalized as it says."""
        weight = self.tensors[f"{path}.weight"]
        if self.normalization != "spectral":
            return weight
        u = self.tensors[f"{path}.norm.u"]
        matrix = weight.flatten(1)
        with torch.no_grad():
            v = unit(matrix.t().mv(u))
        product = matrix.mv(v)
        with torch.no_grad():
            new = unit(product)
            u.copy_(new)
        return weight * product.dot(new).reciprocal()

    def discriminator(self, x):
        t = self.tensors
        for i, stride in enumerate(STRIDES):
            path = f"D.convolutions.{i}"
            x = F.leaky_relu(F.conv2d(x, self.weight(path), t[f"{path}.bias"], stride, 1), 0.1)
        return F.linear(x.flatten(1), self.weight("D.head.dense"), t["D.head.dense.bias"]).squeeze(1)

    def generator(self):
        t = self.tensors
        x = F.linear(self.z, t["G.dense.weight"], t["G.dense.bias"]).view(len(self.z), -1, 4, 4)
        for i in range(3):
            path, norm = f"G.deconvolutions.{i}", f"G.norms.{i}"
            x = F.conv_transpose2d(x, t[f"{path}.weight"], t[f"{path}.bias"], 2, 1)
            t[f"{norm}.num_batches_tracked"].add_(1)
            running = t[f"{norm}.running_mean"], t[f"{norm}.running_var"]
            x = F.relu(F.batch_norm(x, *running, t[f"{norm}.weight"], t[f"{norm}.bias"], True, 0.1, 2e-5))
        return F.conv2d(x, t["G.last.weight"], t["G.last.bias"], 1, 1).tanh()

    def gradient_penalty(self, fake):
        with torch.no_grad():
            epsilon = torch.rand(len(fake), 1, 1, 1, generator=self.epsilons)
            mixed = fake + (self.real - fake) * epsilon
        mixed.requires_grad_()
        (gradient,) = torch.autograd.grad(self.discriminator(mixed).sum(), mixed, create_graph=True)
        return (torch.linalg.vector_norm(gradient.flatten(1), 2, 1) - 1).square().mean() * self.penalty

    def discriminator_step(self):
        with torch.no_grad():
            fake = self.generator()
        self.d_optimizer.zero_grad(set_to_none=True)
        real_logits, fake_logits = self.discriminator(self.real), self.discriminator(fake)
        if self.loss == "standard":
            loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
        else:
            loss = fake_logits.mean() - real_logits.mean()
        if self.penalty:
            loss = loss + self.gradient_penalty(fake)
        loss.backward()
        self.d_optimizer.step()
        return loss.item()

    def generator_step(self):
        for tensor in self.d_parameters:
            tensor.requires_grad_(False)
        self.g_optimizer.zero_grad(set_to_none=True)
        logits = self.discriminator(self.generator())
        loss = F.softplus(-logits).mean() if self.loss == "standard" else -logits.mean()
        loss.backward()
        self.g_optimizer.step()
        for tensor in self.d_parameters:
            tensor.requires_grad_()
        return loss.item()


gans = {}


def prepare(case, steps, **options):
    """Makes the networks from the other side's tensors and takes some updates; their losses show whether both do the same."""
    gan = gans[case] = Gan(**options)
    return {"losses": [loss for _ in range(steps) for loss in (gan.discriminator_step(), gan.generator_step())]}


def sample(case, kind, count):
    step = getattr(gans[case], f"{kind}_step")

    def work():
        for _ in range(count):
            step()

    return {"seconds": seconds(work)}


serve({"prepare": prepare, "sample": sample})
