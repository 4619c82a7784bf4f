"""What NumPy's default generator draws: python3 numpy-random.py > numpy-random.json (made with NumPy 2.4.6)."""
import json
import numpy as np

cases = []
for seed in [0, 1, 2, 3, 42, 123456789, 2**32 - 1, 2**32, 2**53 - 1]:
    rng = np.random.default_rng(seed)
    case = {"seed": seed, "random": [rng.random() for _ in range(3)], "uniform": rng.uniform(-0.05, 0.05, size=4).tolist()}
    case["integers"] = [[low, high, [int(rng.integers(low, high)) for _ in range(5)]]
                        for low, high in [(0, 2), (0, 1), (-3, 4), (0, 500), (0, 2**31 + 1), (0, 2**32)]]
    case["choice"] = [int(rng.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10])) for _ in range(5)]
    case["normal"] = rng.normal(1.0, 2.0, size=8).tolist()
    state = rng.bit_generator.state
    case["state"] = {"state": format(state["state"]["state"], "x"), "inc": format(state["state"]["inc"], "x"),
                     "half": state["uinteger"] if state["has_uint32"] else None}
    cases.append(case)

rng = np.random.default_rng(7)
many = rng.standard_normal(200000)
beyond = [[int(i), float(many[i])] for i in np.flatnonzero(np.abs(many) > 3.6541528853610088)]
print(json.dumps({"numpy": np.__version__, "cases": cases, "normals": {
    "seed": 7, "count": len(many), "every": 997, "some": many[::997].tolist(), "beyond": beyond,
    "state": format(rng.bit_generator.state["state"]["state"], "x")}}))
