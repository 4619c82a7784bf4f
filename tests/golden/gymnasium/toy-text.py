"""What Gymnasium's toy text does for fixed actions: python3 toy-text.py > toy-text.json (made with Gymnasium 1.3.0)."""
import json
import numpy as np
import gymnasium

CASES = [
    ("FrozenLake-v1", {}), ("FrozenLake-v1", {"is_slippery": False}), ("FrozenLake8x8-v1", {}),
    ("FrozenLake-v1", {"desc": ["FSFF", "SHFH", "FFFG"], "success_rate": 0.8, "reward_schedule": (5, -3, -0.5)}),
    ("CliffWalking-v1", {}), ("CliffWalkingSlippery-v1", {}),
    ("Taxi-v4", {}), ("Taxi-v4", {"is_rainy": True, "rainy_probability": 0.7}),
    ("Taxi-v4", {"fickle_passenger": True, "fickle_probability": 1.0}),
    ("Blackjack-v1", {}), ("Blackjack-v1", {"sab": False, "natural": True}), ("Blackjack-v1", {"sab": False}),
]


def plain(x):
    return [int(e) for e in x] if isinstance(x, tuple) else int(x)


out = []
for number, (name, options) in enumerate(CASES):
    env = gymnasium.make(name, disable_env_checker=True, **options)
    actions = np.random.default_rng(100 + number)
    seed = 40 + number
    first, info = env.reset(seed=seed)
    n = int(env.action_space.n)
    steps = []
    for i in range(300):
        # A legal action of Taxi, most of the time, so that passengers get in and out.
        mask = info.get("action_mask")
        pick = np.flatnonzero(mask) if mask is not None and i % 5 else np.arange(n)
        if mask is not None and mask[4:].any() and i % 2:
            pick = 4 + np.flatnonzero(mask[4:])
        action = int(actions.choice(pick))
        observation, reward, terminated, truncated, info = env.step(action)
        row = [action, plain(observation), float(reward), bool(terminated), bool(truncated), float(info.get("prob", 1))]
        row.append([int(e) for e in info["action_mask"]] if "action_mask" in info else None)
        if terminated or truncated:
            begun, info = env.reset()
            row.append(plain(begun))
        steps.append(row)
    table = getattr(env.unwrapped, "P", None)
    size = len(table) if table else 0
    transitions = {str(s): {str(a): [[float(p), int(t), float(r), bool(d)] for p, t, r, d in table[s][a]] for a in range(n)}
                   for s in range(0, size, max(1, size // 12))} if table else None
    out.append({"id": name, "options": options, "seed": seed, "first": plain(first), "steps": steps, "transitions": transitions})
print(json.dumps({"gymnasium": gymnasium.__version__, "cases": out}))
