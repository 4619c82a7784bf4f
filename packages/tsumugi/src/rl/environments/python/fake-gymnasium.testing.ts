// A module `gymnasium` in plain Python for tests, with an environment for each thing that can go wrong.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const source = `
import os, signal, time

class error:
    class NameNotFound(Exception): pass
    class DependencyNotInstalled(Exception): pass

class Discrete:
    def __init__(self, n, start=0): self.n, self.start = n, start

class Box:
    def __init__(self, low, high, shape, dtype): self.low, self.high, self.shape, self.dtype = low, high, shape, dtype

class Dict:
    def __repr__(self): return "Dict('x': Discrete(2))"

class Tuple:
    def __init__(self, *spaces): self.spaces = spaces

class Walk:
    """Its place grows by the action and the seed's number."""
    def __init__(self, render_mode=None, kind="float32", scale=1, space=None):
        self.kind, self.scale, self.mode, self.place, self.seed = kind, scale, render_mode, 0, 0
        self.action_space = Box([-1, float("-inf")], [1, float("inf")], (2,), "float64") if kind == "float64" else Discrete(5, 1)
        self.observation_space = {
            "number": lambda: Discrete(100),
            "tuple": lambda: Tuple(Discrete(100), Discrete(3)),
            "dict": lambda: Dict(),
        }.get(kind, lambda: Box([0] * 3, [255] * 3, (3,), kind))()
        self.unwrapped = self
    def seen(self):
        if self.kind == "number": return int(self.place)
        if self.kind == "tuple": return (int(self.place), 2)
        return [self.place, self.seed % 200, 7]
    def reset(self, seed=None, options=None):
        if seed is not None: self.seed = seed
        self.place = (options or {}).get("place", 0)
        return self.seen(), {"options": options}
    def step(self, action):
        print("environments may print")
        what = action if isinstance(action, int) else sum(action)
        if what == 2: raise ValueError("the walk broke")
        if what == 3: os.kill(os.getpid(), signal.SIGKILL)
        if what == 4: time.sleep(60)
        if what == 5: os._exit(7)
        self.place += what * self.scale + self.seed % 3
        return self.seen(), self.place / 3, self.place > 20, self.place % 7 == 0, {"place": self.place, "nothing": None, "nan": float("nan")}
    def render(self): return [[[1, 2, 3], [4, 5, 6]]]
    def get_action_meanings(self): return ["NOOP", "FIRE"]
    def close(self): open(dict(os.environ)["CLOSED"], "a").write("closed")

def make(name, **arguments):
    if name == "Absent-v0": raise error.NameNotFound("Environment Absent doesn't exist.")
    if name == "Poor-v0": raise error.DependencyNotInstalled("box2d is not installed")
    return Walk(**arguments)
`;

/** Writes the module into a folder, which is then a \`PYTHONPATH\`. */
export function writeFakeGymnasium(folder: string): string {
  mkdirSync(join(folder, 'gymnasium'), { recursive: true });
  writeFileSync(join(folder, 'gymnasium', '__init__.py'), source);
  return folder;
}
