"""The loops of deep reinforcement learning that the other side runs: act, step, replay or roll out, update. One function for each
algorithm, written as CleanRL has it, without logging; numpy where the machine has it is what CleanRL's users have, so it is needed.

Observations of the stand-in environments come from a table: what is timed is the learner."""

import math
import random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from serve import seconds, serve


def fused_adam(parameters, lr, eps=1e-8):
    parameters = list(parameters)
    try:
        return torch.optim.Adam(parameters, lr=lr, eps=eps, fused=True)  # on the CPU from torch 2.4 on
    except (TypeError, RuntimeError):
        return torch.optim.Adam(parameters, lr=lr, eps=eps, foreach=True)


def mlp(sizes, activation):
    layers = []
    for i, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        layers += [nn.Linear(inputs, outputs)] + ([activation()] if i < len(sizes) - 2 else [])
    return nn.Sequential(*layers)


class CartPole:
    """Gymnasium's CartPole-v1, its time limit included."""

    def reset(self):
        self.state = np.random.uniform(-0.05, 0.05, 4)
        self.steps = 0
        return self.state.astype(np.float32)

    def step(self, action):
        x, v, theta, omega = self.state
        force = 10.0 if action == 1 else -10.0
        cos, sin = math.cos(theta), math.sin(theta)
        temp = (force + 0.05 * omega**2 * sin) / 1.1
        angular = (9.8 * sin - cos * temp) / (0.5 * (4.0 / 3.0 - 0.1 * cos**2 / 1.1))
        linear = temp - 0.05 * angular * cos / 1.1
        self.state = np.array([x + 0.02 * v, v + 0.02 * linear, theta + 0.02 * omega, omega + 0.02 * angular])
        self.steps += 1
        terminated = bool(abs(self.state[0]) > 2.4 or abs(self.state[2]) > 12 * math.pi / 180)
        return self.state.astype(np.float32), 1.0, terminated, self.steps >= 500


class Table:
    """Observations and rewards from a table; an episode has 1,000 steps."""

    def __init__(self, shape, dtype):
        rng = np.random.default_rng(0)
        values = rng.normal(size=(64, *shape)) if dtype == np.float32 else rng.integers(0, 256, (64, *shape))
        self.observations = values.astype(dtype)
        self.rewards = rng.normal(size=64)
        self.t = 0

    def reset(self):
        return self.observations[0]

    def step(self, action):
        self.t += 1
        return self.observations[self.t % 64], float(self.rewards[self.t % 64]), False, self.t % 1000 == 0


class Replay:
    def __init__(self, capacity, shape, dtype, action):
        self.capacity, self.size, self.at = capacity, 0, 0
        self.observations = np.zeros((capacity, *shape), dtype)
        self.nexts = np.zeros((capacity, *shape), dtype)
        self.actions = np.zeros((capacity, *action), np.float32 if action else np.int64)
        self.rewards = np.zeros(capacity, np.float32)
        self.dones = np.zeros(capacity, np.float32)

    def add(self, observation, following, action, reward, done):
        at = self.at
        self.observations[at], self.nexts[at], self.actions[at] = observation, following, action
        self.rewards[at], self.dones[at] = reward, done
        self.at = (at + 1) % self.capacity
        self.size = min(self.size + 1, self.capacity)

    def sample(self, count):
        rows = np.random.randint(0, self.size, count)
        columns = (self.observations, self.nexts, self.actions, self.rewards, self.dones)
        return [torch.from_numpy(column[rows]) for column in columns]


class Learner:
    """Steps of an environment with a policy of one's own; `learn` is called after each."""

    def __init__(self, environment):
        self.environment, self.t = environment, 0
        self.observation = environment.reset()

    def run(self, steps):
        for _ in range(steps):
            action = self.act(self.observation)
            following, reward, terminated, truncated = self.environment.step(action)
            self.observe(self.observation, following, action, reward, terminated, truncated)
            self.observation = self.environment.reset() if terminated or truncated else following
            self.t += 1
            self.learn()


class DQN(Learner):
    """cleanrl/dqn.py with its settings."""

    def __init__(self):
        super().__init__(CartPole())
        self.network, self.target = mlp([4, 120, 84, 2], nn.ReLU), mlp([4, 120, 84, 2], nn.ReLU)
        self.optimizer = fused_adam(self.network.parameters(), 2.5e-4)
        self.replay = Replay(10_000, (4,), np.float32, ())

    def act(self, observation):
        if random.random() < 0.05:
            return random.randrange(2)
        with torch.no_grad():
            return int(self.network(torch.from_numpy(observation)[None]).argmax(1).item())

    def observe(self, observation, following, action, reward, terminated, truncated):
        self.replay.add(observation, following, action, reward, terminated)

    def learn(self):
        if self.t % 10 == 0 and self.replay.size >= 500:
            observations, nexts, actions, rewards, dones = self.replay.sample(128)
            with torch.no_grad():
                target = rewards + 0.99 * self.target(nexts).max(1).values * (1 - dones)
            value = self.network(observations).gather(1, actions[:, None]).squeeze(1)
            loss = F.mse_loss(target, value)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
        if self.t % 500 == 0:
            self.target.load_state_dict(self.network.state_dict())


class SAC(Learner):
    """cleanrl/sac_continuous_action.py; one update of everything at each step, which is its rate on average."""

    def __init__(self):
        super().__init__(Table((17,), np.float32))
        self.body, self.mean, self.log_std = mlp([17, 256, 256], nn.ReLU), nn.Linear(256, 6), nn.Linear(256, 6)
        self.policy = [*self.body.parameters(), *self.mean.parameters(), *self.log_std.parameters()]
        make = lambda: mlp([23, 256, 256, 1], nn.ReLU)
        self.q1, self.q2, self.t1, self.t2 = make(), make(), make(), make()
        self.critics = [*self.q1.parameters(), *self.q2.parameters()]
        self.targets = [*self.t1.parameters(), *self.t2.parameters()]
        self.log_alpha = torch.zeros(1, requires_grad=True)
        self.optimizers = [fused_adam(group, 3e-4) for group in (self.critics, self.policy, [self.log_alpha])]
        self.replay = Replay(100_000, (17,), np.float32, (6,))

    def draw(self, observations):
        features = F.relu(self.body(observations))
        mean, std = self.mean(features), self.log_std(features).clamp(-20, 2).exp()
        x = mean + std * torch.randn_like(mean)
        action = torch.tanh(x)
        normal = -0.5 * ((x - mean) / std) ** 2 - std.log() - 0.5 * math.log(2 * math.pi)
        return action, (normal - torch.log(1 - action**2 + 1e-6)).sum(1)

    def act(self, observation):
        with torch.no_grad():
            return self.draw(torch.from_numpy(observation)[None])[0][0].numpy()

    def observe(self, observation, following, action, reward, terminated, truncated):
        self.replay.add(observation, following, action, reward, terminated)

    def learn(self):
        if self.replay.size < 256:
            return
        observations, nexts, actions, rewards, dones = self.replay.sample(256)
        alpha = self.log_alpha.exp().item()
        with torch.no_grad():
            action, log_probability = self.draw(nexts)
            both = torch.cat([nexts, action], 1)
            smaller = torch.min(self.t1(both), self.t2(both)).squeeze(1) - alpha * log_probability
            target = rewards + (1 - dones) * 0.99 * smaller
        both = torch.cat([observations, actions], 1)
        loss = F.mse_loss(self.q1(both).squeeze(1), target) + F.mse_loss(self.q2(both).squeeze(1), target)
        self.step(0, loss)
        action, log_probability = self.draw(observations)
        both = torch.cat([observations, action], 1)
        self.step(1, (alpha * log_probability - torch.min(self.q1(both), self.q2(both)).squeeze(1)).mean())
        self.step(2, (-self.log_alpha.exp() * (log_probability.detach() - 6)).mean())
        with torch.no_grad():
            torch._foreach_mul_(self.targets, 0.995)
            torch._foreach_add_(self.targets, self.critics, alpha=0.005)

    def step(self, which, loss):
        self.optimizers[which].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[which].step()


class C51(Learner):
    """cleanrl/c51_atari.py; frames from a table."""

    def __init__(self):
        super().__init__(Table((4, 84, 84), np.uint8))
        make = lambda: nn.Sequential(
            nn.Conv2d(4, 32, 8, 4), nn.ReLU(), nn.Conv2d(32, 64, 4, 2), nn.ReLU(), nn.Conv2d(64, 64, 3, 1), nn.ReLU(),
            nn.Flatten(), nn.Linear(3136, 512), nn.ReLU(), nn.Linear(512, 6 * 51),
        )  # fmt: skip
        self.network, self.target = make(), make()
        self.optimizer = fused_adam(self.network.parameters(), 2.5e-4, 0.01 / 32)
        self.replay = Replay(2_000, (4, 84, 84), np.uint8, ())
        self.atoms = torch.linspace(-10, 10, 51)

    def probabilities(self, network, observations):
        return network(observations.float() / 255.0).view(len(observations), 6, 51).softmax(2)

    def act(self, observation):
        if random.random() < 0.01:
            return random.randrange(6)
        with torch.no_grad():
            return int((self.probabilities(self.network, torch.from_numpy(observation)[None]) * self.atoms).sum(2).argmax(1).item())

    def observe(self, observation, following, action, reward, terminated, truncated):
        self.replay.add(observation, following, action, reward, terminated)

    def learn(self):
        if self.t % 4 != 0 or self.replay.size < 64:
            return
        observations, nexts, actions, rewards, dones = self.replay.sample(32)
        rows = torch.arange(32)
        with torch.no_grad():
            p = self.probabilities(self.target, nexts)
            p = p[rows, (p * self.atoms).sum(2).argmax(1)]
            b = ((rewards[:, None] + 0.99 * self.atoms * (1 - dones[:, None])).clamp(-10, 10) + 10) / 0.4
            low, up = b.floor().clamp(0, 50), b.ceil().clamp(0, 50)
            to_low, to_up = (up + (low == b).float() - b) * p, (b - low) * p
            target = torch.zeros_like(p)
            for i in range(32):
                target[i].index_add_(0, low[i].long(), to_low[i])
                target[i].index_add_(0, up[i].long(), to_up[i])
        p = self.probabilities(self.network, observations)[rows, actions]
        loss = -(target * p.clamp(1e-5, 1 - 1e-5).log()).sum(1).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()


class PPO(Learner):
    """cleanrl/ppo_continuous_action.py, one environment, observations from a table."""

    STEPS = 2048

    def __init__(self):
        super().__init__(Table((17,), np.float32))
        self.actor, self.critic = mlp([17, 64, 64, 6], nn.Tanh), mlp([17, 64, 64, 1], nn.Tanh)
        self.log_std = torch.zeros(1, 6, requires_grad=True)
        self.parameters = [*self.actor.parameters(), *self.critic.parameters(), self.log_std]
        self.optimizer = fused_adam(self.parameters, 3e-4, 1e-5)
        self.rows = []

    def log_probability(self, mean, action):
        std = self.log_std.exp()
        return (-0.5 * ((action - mean) / std) ** 2 - self.log_std - 0.5 * math.log(2 * math.pi)).sum(1)

    def act(self, observation):
        with torch.no_grad():
            observation = torch.from_numpy(observation)[None]
            mean = self.actor(observation)
            action = mean + self.log_std.exp() * torch.randn_like(mean)
            self.last = (self.critic(observation).item(), self.log_probability(mean, action).item())
            return action[0].numpy()

    def observe(self, observation, following, action, reward, terminated, truncated):
        self.rows.append((observation, following, action, reward, terminated, terminated or truncated, *self.last))

    def learn(self):
        if len(self.rows) < self.STEPS:
            return
        observations, nexts, actions, rewards, terminated, ended, values, old = (np.array(x) for x in zip(*self.rows))
        self.rows = []
        observations, actions = torch.from_numpy(observations), torch.from_numpy(actions)
        with torch.no_grad():
            following = self.critic(torch.from_numpy(nexts)).squeeze(1).numpy()
        advantages, last = np.zeros(self.STEPS, np.float32), 0.0
        for t in reversed(range(self.STEPS)):
            delta = rewards[t] + 0.99 * following[t] * (1 - terminated[t]) - values[t]
            last = delta + 0.99 * 0.95 * (1 - ended[t]) * last
            advantages[t] = last
        returns = torch.from_numpy((advantages + values).astype(np.float32))
        advantages, old = torch.from_numpy(advantages), torch.from_numpy(old.astype(np.float32))
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        for _ in range(10):
            order = torch.randperm(self.STEPS)
            for start in range(0, self.STEPS, 64):
                rows = order[start : start + 64]
                mean = self.actor(observations[rows])
                ratio = (self.log_probability(mean, actions[rows]) - old[rows]).exp()
                a = advantages[rows]
                policy = -torch.min(ratio * a, ratio.clamp(0.8, 1.2) * a).mean()
                value = F.mse_loss(self.critic(observations[rows]).squeeze(1), returns[rows])
                entropy = (self.log_std + 0.5 * math.log(2 * math.pi * math.e)).sum()
                loss = policy + value - 0.01 * entropy
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()
                self.optimizer.step()


learners = {"dqn": DQN, "sac": SAC, "c51": C51, "ppo": PPO}
made = {}


def run(case, steps, threads):
    torch.set_num_threads(threads)
    if case not in made:
        made[case] = learners[case]()
    return {"seconds": seconds(lambda: made[case].run(steps))}


def act(case, count):
    torch.set_num_threads(1)
    learner = made.setdefault(case, learners[case]())
    observation = learner.environment.reset()

    def loop():
        for _ in range(count):
            learner.act(observation)

    return {"seconds": seconds(loop)}


serve({"run": run, "act": act})
