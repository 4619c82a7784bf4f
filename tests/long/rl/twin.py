"""DQN's family and n-step Q-learning on CartPole once more, in plain PyTorch: what tells a fault of ours from what an algorithm
does with some settings. It shares no code with ours; the names of settings are ours. Runs go in lockstep, each with weights, an
environment and a replay of its own: the first dimension of every tensor is the run.

Standard input has one JSON object: {"what": "curves", agent, settings, runs, steps, every, episodes, seed, environments}, answered
by the mean returns of greedy episodes for each run; or {"what": "update", agent, settings, network, target, m, v, step, batch},
answered by the network after one update."""

import json
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)


def make_network(runs, sizes):
    """LeCun-normal weights [runs, inputs, outputs], biases of 0."""
    return [
        each
        for inputs, outputs in zip(sizes, sizes[1:])
        for each in (torch.randn(runs, inputs, outputs) / math.sqrt(inputs), torch.zeros(runs, 1, outputs))
    ]


def values(network, x):
    for k in range(0, len(network), 2):
        x = torch.baddbmm(network[k + 1], x, network[k])
        if k < len(network) - 2:
            x = x.relu()
    return x


def of(q, actions):
    return q.gather(2, actions[..., None]).squeeze(2)


class Learner:
    def __init__(self, agent, settings, network, target, m, v, step):
        self.agent, self.s = agent, settings
        self.network = [each.clone().requires_grad_() for each in network]
        self.target = [each.clone() for each in target]
        self.m, self.v, self.step = m, v, step

    def copy(self):
        for target, each in zip(self.target, self.network):
            target.copy_(each.detach())

    def bootstrap(self, o, a, nexts, reward, terminated):
        here, there, name = values(self.target, o), values(self.target, nexts), self.agent
        discount, alpha, eta = self.s.get("gamma", 0.99) * (1 - terminated), self.s.get("advantageWeight", 0.9), self.s.get("eta", 1)
        soften = {
            "dpp": lambda q: ((eta * q).softmax(2) * q).sum(2),
            "dppl": lambda q: (eta * q).logsumexp(2) / eta,
            "dpp-greedy": lambda q: q.max(2).values,
        }
        if name in soften:
            return of(here, a) + reward + discount * soften[name](there) - soften[name](here)
        if name in ("double-dqn", "double-pal"):
            best = of(there, values(self.network, nexts).argmax(2))
        else:
            best = there.max(2).values
        y = reward + discount * best
        advantage = of(here, a) - here.max(2).values
        if name == "al":
            return y + alpha * advantage
        if name in ("pal", "double-pal"):
            return y + alpha * torch.maximum(advantage, of(there, a) - there.max(2).values)
        return y

    def replayed(self, o, a, nexts, reward, terminated):
        """An update by the mean of Huber's loss, or of half the square, over a batch of each run."""
        with torch.no_grad():
            y = self.bootstrap(o, a, nexts, reward, terminated)
        q = of(values(self.network, o), a)
        losses = F.smooth_l1_loss(q, y, reduction="none") if self.s.get("clipDelta", True) else (q - y) ** 2 / 2
        self.descend(losses.mean(1))

    def rolled_out(self, o, a, returns, there_is, due):
        """An update by the sum of Huber's loss over a rollout, of the runs that are due."""
        losses = F.smooth_l1_loss(of(values(self.network, o), a), returns, reduction="none")
        self.descend((losses * there_is).sum(1), due)

    def descend(self, losses, due=None):
        """A step of Chainer's Adam, whose eps is added before the correction of √v."""
        gradients = torch.autograd.grad(losses.sum(), self.network)
        limit = self.s.get("maxGradNorm")
        with torch.no_grad():
            if limit:
                norm = sum(each.flatten(1).square().sum(1) for each in gradients).sqrt()
                scale = (limit / (norm + 1e-6)).clamp(max=1)[:, None, None]
                gradients = [each * scale for each in gradients]
            due = torch.ones_like(self.step) if due is None else due.to(self.step.dtype)
            self.step += due
            count = self.step.clamp(min=1)
            rate = self.s["learningRate"] * (1 - 0.999**count).sqrt() / (1 - 0.9**count) * due
            rate, eps = rate[:, None, None].float(), self.s.get("optimizerEps", 1e-8)
            share = due[:, None, None].float()
            for p, g, m, v in zip(self.network, gradients, self.m, self.v):
                m.lerp_(g, 0.1 * share)
                v.lerp_(g * g, 0.001 * share)
                p.sub_(rate * m / (v.sqrt() + eps))


class Poles:
    """Gymnasium's CartPole-v1, many at a time."""

    def __init__(self, count, rng):
        self.rng, self.state, self.age = rng, np.zeros((count, 4)), np.zeros(count, int)
        self.reset(np.ones(count, bool))

    def reset(self, which):
        self.state[which] = self.rng.uniform(-0.05, 0.05, (which.sum(), 4))
        self.age[which] = 0

    def observations(self):
        return self.state.astype(np.float32)

    def step(self, actions):
        x, v, theta, omega = self.state.T
        force, cos, sin = np.where(actions == 1, 10.0, -10.0), np.cos(theta), np.sin(theta)
        temp = (force + 0.05 * omega**2 * sin) / 1.1
        angular = (9.8 * sin - cos * temp) / (0.5 * (4 / 3 - 0.1 * cos**2 / 1.1))
        linear = temp - 0.05 * angular * cos / 1.1
        self.state = np.stack([x + 0.02 * v, v + 0.02 * linear, theta + 0.02 * omega, omega + 0.02 * angular], 1)
        self.age += 1
        fallen = (abs(self.state[:, 0]) > 2.4) | (abs(self.state[:, 2]) > 12 * math.pi / 180)
        return fallen, self.age >= 500


def greedy_returns(learner, runs, episodes, rng):
    poles = Poles(runs * episodes, rng)
    going, total = np.ones(runs * episodes, bool), np.zeros(runs * episodes)
    while going.any():
        q = values(learner.network, torch.from_numpy(poles.observations()).view(runs, episodes, 4))
        fallen, cut = poles.step(q.argmax(2).numpy().ravel())
        total += going
        going &= ~(fallen | cut)
    return total.reshape(runs, episodes).mean(1)


class Acting:
    """What every curve is made of: environments, exploration, and an evaluation now and then."""

    def __init__(self, spec):
        self.spec, self.s = spec, spec["settings"]
        self.runs, self.count = spec["runs"], spec.get("environments", 1)
        self.rng = np.random.default_rng(spec["seed"])
        torch.manual_seed(spec["seed"])
        network = make_network(self.runs, [4, *self.s["hidden"], 2])
        zeros = lambda: [torch.zeros_like(each) for each in network]
        step = torch.zeros(self.runs, dtype=torch.float64)
        self.learner = Learner(spec["agent"], self.s, network, network, zeros(), zeros(), step)
        self.poles = Poles(self.runs * self.count, self.rng)
        self.t = 0

    def choose(self):
        s, shape = self.s, (self.runs, self.count)
        observations = self.poles.observations().reshape(*shape, 4)
        start, end = s.get("epsilonStart", 1), s["epsilonEnd"]
        epsilon = start + (end - start) * min(1, self.t / s["epsilonSteps"])
        with torch.no_grad():
            greedy = values(self.learner.network, torch.from_numpy(observations)).argmax(2).numpy()
        random = self.rng.random(shape) < epsilon
        return observations, np.where(random, self.rng.integers(0, 2, shape), greedy)

    def curves(self):
        curves = []
        while self.t < self.spec["steps"]:
            before = self.t
            observations, actions = self.choose()
            fallen, cut = self.poles.step(actions.ravel())
            shape = (self.runs, self.count)
            nexts = self.poles.observations().reshape(*shape, 4)
            self.observe(observations, actions, nexts, fallen.reshape(shape), cut.reshape(shape))
            if (fallen | cut).any():
                self.poles.reset(fallen | cut)
            if self.t // self.spec["every"] > before // self.spec["every"]:
                with torch.no_grad():
                    curves.append(greedy_returns(self.learner, self.runs, self.spec["episodes"], self.rng))
        return np.array(curves).T.tolist()


class Replaying(Acting):
    """DQN and what differs from it in its target, with one environment."""

    def __init__(self, spec):
        super().__init__(spec)
        shape = (self.runs, self.s["capacity"])
        self.observations, self.nexts = np.zeros((*shape, 4), np.float32), np.zeros((*shape, 4), np.float32)
        self.actions, self.terminated = np.zeros(shape, np.int64), np.zeros(shape, np.float32)

    def observe(self, observations, actions, nexts, fallen, cut):
        s, at = self.s, self.t % self.s["capacity"]
        self.observations[:, at], self.nexts[:, at] = observations[:, 0], nexts[:, 0]
        self.actions[:, at], self.terminated[:, at] = actions[:, 0], fallen[:, 0]
        self.t += 1
        size = min(self.t, s["capacity"])
        if self.t % s["targetUpdateInterval"] == 0:
            self.learner.copy()
        if self.t % s["updateInterval"] != 0 or size < max(s["replayStart"], s["batchSize"]):
            return
        rows = np.arange(self.runs)[:, None]
        for _ in range(s.get("updatesPerInterval", 1)):
            drawn = [self.rng.choice(size, s["batchSize"], replace=False, shuffle=False) for _ in range(self.runs)]
            take = lambda column: torch.from_numpy(column[rows, np.stack(drawn)])
            columns = (self.observations, self.actions, self.nexts)
            self.learner.replayed(*map(take, columns), 1.0, take(self.terminated))


class RollingOut(Acting):
    """n-step Q-learning in one process."""

    def __init__(self, spec):
        super().__init__(spec)
        length, shape = self.s.get("rolloutSteps", 5), (self.runs, self.count)
        self.length = np.zeros(shape, int)
        self.observations = np.zeros((*shape, length, 4), np.float32)
        self.actions = np.zeros((*shape, length), np.int64)

    def observe(self, observations, actions, nexts, fallen, cut):
        every, gamma = np.arange(self.runs), self.s.get("gamma", 0.99)
        for i in range(self.count):
            at = self.length[:, i]
            self.observations[every, i, at], self.actions[every, i, at] = observations[:, i], actions[:, i]
            self.length[:, i] += 1
            self.t += 1
            most = self.observations.shape[2]
            due = fallen[:, i] | cut[:, i] | (self.length[:, i] == most)
            if due.any():
                with torch.no_grad():
                    following = values(self.learner.target, torch.from_numpy(nexts[:, i : i + 1])).amax((1, 2)).numpy()
                following = np.where(fallen[:, i], 0, following)
                returns = np.zeros((self.runs, most), np.float32)
                there_is = np.arange(most) < self.length[:, i, None]
                for t in reversed(range(most)):
                    following = np.where(there_is[:, t], 1 + gamma * following, following)
                    returns[:, t] = following
                columns = (self.observations[:, i], self.actions[:, i], returns, there_is & due[:, None], due)
                self.learner.rolled_out(*map(torch.from_numpy, columns))
                self.length[due, i] = 0
            if self.t % self.s["targetUpdateInterval"] == 0:
                self.learner.copy()


def update(spec):
    one = lambda lists: [torch.tensor(each, dtype=torch.float32)[None] for each in lists]
    state = [one(spec[name]) for name in ("network", "target", "m", "v")]
    learner = Learner(spec["agent"], spec["settings"], *state, torch.tensor([spec["step"]], dtype=torch.float64))
    batch = spec["batch"]
    floats = lambda name: torch.tensor(batch[name], dtype=torch.float32)[None]
    actions = torch.tensor(batch["actions"])[None]
    columns = (floats("observations"), actions, floats("nexts"), floats("rewards"), floats("terminated"))
    learner.replayed(*columns)
    return [each.detach()[0].tolist() for each in learner.network]


spec = json.load(sys.stdin)
if spec["what"] == "update":
    answer = update(spec)
else:
    answer = (RollingOut if spec["agent"] == "nsq" else Replaying)(spec).curves()
json.dump(answer, sys.stdout)
