"""Runs one Gymnasium environment for tsumugi: reads requests from standard input, writes an answer to each to standard output.

A message is the letters "TSU1", two lengths (unsigned, 32 bits, little-endian), a JSON text and bytes. The first message is the
greeting, which has the version of this protocol. Needs Python 3.8; NumPy is used where it is there.
"""

import array
import importlib
import json
import math
import os
import struct
import sys
import traceback

PROTOCOL = 1
MAGIC = b"TSU1"
LONGEST_INFO = 1000

try:
    import numpy
except ImportError:
    numpy = None

# What environments print is not to be taken for answers.
requests = os.fdopen(os.dup(0), "rb")
answers = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


class Refused(Exception):
    """A mistake of the caller, in a word for tsumugi and a sentence."""

    def __init__(self, kind, sentence):
        super().__init__(sentence)
        self.kind = kind


def send(header, payload=b""):
    text = json.dumps(header).encode()
    answers.write(MAGIC + struct.pack("<II", len(text), len(payload)) + text)
    answers.write(payload)
    answers.flush()


def read(size):
    data = requests.read(size)
    if data is None or len(data) < size:
        sys.exit(0)
    return data


def receive():
    head = read(12)
    text_size, payload_size = struct.unpack("<II", head[4:])
    return json.loads(read(text_size)), read(payload_size)


def flat(value):
    """Nested lists, tuples and arrays as one list of numbers."""
    if numpy is not None:
        return numpy.asarray(value, dtype=numpy.float64).ravel().tolist()
    if hasattr(value, "__len__"):
        return [x for part in value for x in flat(part)]
    return [float(value)]


# What an array of the names becomes on the other side.
KINDS = {
    "float32": "float32",
    "float16": "float32",
    "float64": "float64",
    "uint8": "uint8",
    "bool": "uint8",
    "int8": "float32",
    "int16": "float32",
    "uint16": "float32",
    "int32": "float64",
    "uint32": "float64",
    "int64": "float64",
    "uint64": "float64",
}
CODES = {"float32": "f", "float64": "d", "uint8": "B"}


def packed(value, kind):
    if numpy is not None:
        return numpy.ascontiguousarray(value, dtype=kind).tobytes()
    numbers = flat(value)
    return array.array(CODES[kind], [int(x) for x in numbers] if kind == "uint8" else numbers).tobytes()


def bounds(values):
    words = ["inf" if x == math.inf else "-inf" if x == -math.inf else x for x in flat(values)]
    return words[0] if words and all(x == words[0] for x in words) else words


def described(space, what):
    """A space as plain data."""
    name = type(space).__name__
    if name == "Discrete":
        return {"kind": "Discrete", "n": int(space.n), "start": int(getattr(space, "start", 0))}
    if name == "MultiDiscrete" and len(space.nvec.shape) == 1 and not any(flat(getattr(space, "start", [0]))):
        return {"kind": "MultiDiscrete", "counts": [int(n) for n in flat(space.nvec)]}
    if name == "MultiBinary" and isinstance(space.n, int):
        return {"kind": "MultiDiscrete", "counts": [2] * space.n}
    if name == "Tuple" and all(type(each).__name__ == "Discrete" and int(each.start) == 0 for each in space.spaces):
        return {"kind": "MultiDiscrete", "counts": [int(each.n) for each in space.spaces]}
    if name == "Box" and str(space.dtype) in KINDS:
        kind = KINDS[str(space.dtype)]
        return {"kind": "Box", "shape": list(space.shape), "dtype": kind, "low": bounds(space.low), "high": bounds(space.high)}
    raise Refused("bad-space", "its %s space is %s, which is neither a Discrete, a MultiDiscrete, a Box nor a Tuple of Discrete" % (what, space))


def plain(value, depth=0):
    """What an info has, as JSON: arrays as lists, what is none as its text."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if numpy is not None and isinstance(value, numpy.generic):
        value = value.item()
        if value is None or isinstance(value, (bool, str)):
            return value
    if isinstance(value, int):
        return value if abs(value) <= 2**53 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth < 8 and isinstance(value, dict):
        return {str(name): plain(each, depth + 1) for name, each in value.items()}
    if numpy is not None and isinstance(value, numpy.ndarray):
        if value.size > LONGEST_INFO:
            return "array of shape %s" % (value.shape,)
        value = value.tolist()
    if depth < 8 and isinstance(value, (list, tuple)) and len(value) <= LONGEST_INFO:
        return [plain(each, depth + 1) for each in value]
    return str(value)[:200]


class Bridge:
    def __init__(self):
        self.environment = None
        self.observation_kind = None
        self.action_kind = None

    def make(self, request, _):
        try:
            gymnasium = importlib.import_module("gymnasium")
        except ModuleNotFoundError as error:
            if error.name != "gymnasium":
                raise
            raise Refused("no-gymnasium", "it has no module gymnasium")
        name = request["name"]
        modules = request["modules"]
        if not modules and name.startswith("ALE/"):
            modules = ["ale_py"]
        for module in modules:
            try:
                importlib.import_module(module)
            except ModuleNotFoundError as error:
                raise Refused("no-module", "it has no module %s" % error.name)
        try:
            self.environment = gymnasium.make(name, **request["arguments"])
        except Exception as error:
            kind = type(error).__name__
            if kind in ("NameNotFound", "NamespaceNotFound", "VersionNotFound", "DeprecatedEnv", "UnregisteredEnv"):
                raise Refused("no-environment", str(error))
            if kind == "DependencyNotInstalled" or isinstance(error, ModuleNotFoundError):
                raise Refused("no-dependency", str(error))
            raise
        observation = described(self.environment.observation_space, "observation")
        action = described(self.environment.action_space, "action")
        self.observation_kind = observation
        self.action_kind = action
        meanings = getattr(self.environment.unwrapped, "get_action_meanings", None)
        send({"observation": observation, "action": action, "meanings": list(meanings()) if meanings else None})

    def seen(self, value):
        kind = self.observation_kind
        if kind["kind"] == "Discrete":
            return packed([int(value)], "float64")
        return packed(value, kind.get("dtype", "float32"))

    def action(self, payload):
        numbers = array.array("d", payload)
        kind = self.action_kind["kind"]
        if kind == "Discrete":
            return int(numbers[0])
        space = self.environment.action_space
        if type(space).__name__ == "Tuple":
            return tuple(int(x) for x in numbers)
        whole = kind == "MultiDiscrete" or "int" in str(space.dtype)
        values = [int(x) for x in numbers] if whole else list(numbers)
        return values if numpy is None else numpy.array(values, dtype=space.dtype).reshape(space.shape)

    def reset(self, request, _):
        observation, info = self.environment.reset(seed=request["seed"], options=request["options"])
        send({"info": plain(info)}, self.seen(observation))

    def step(self, _, payload):
        observation, reward, terminated, truncated, info = self.environment.step(self.action(payload))
        header = {"terminated": bool(terminated), "truncated": bool(truncated), "info": plain(info)}
        send(header, struct.pack("<d", float(reward)) + self.seen(observation))

    def render(self, _, __):
        frame = self.environment.render()
        shape = getattr(frame, "shape", None)
        if shape is None and isinstance(frame, list):
            shape = (len(frame), len(frame[0]), len(frame[0][0]))
        if shape is None or len(shape) != 3 or shape[2] != 3:
            raise Refused("no-picture", "it rendered %s and no picture [height, width, 3]" % type(frame).__name__)
        send({"height": int(shape[0]), "width": int(shape[1])}, packed(frame, "uint8"))

    def close(self, _, __):
        if self.environment is not None:
            self.environment.close()
        send({})
        sys.exit(0)

    def serve(self):
        gymnasium = importlib.util.find_spec("gymnasium") is not None
        send({"protocol": PROTOCOL, "python": sys.version.split()[0], "gymnasium": gymnasium})
        known = {"make": self.make, "reset": self.reset, "step": self.step, "render": self.render, "close": self.close}
        while True:
            request, payload = receive()
            try:
                known[request["do"]](request, payload)
            except Refused as refused:
                send({"refused": refused.kind, "sentence": str(refused)})
            except Exception as error:
                what = "%s: %s" % (type(error).__name__, error)
                send({"failed": what, "traceback": traceback.format_exc()})


if __name__ == "__main__":
    import importlib.util

    Bridge().serve()
