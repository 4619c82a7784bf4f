// For tests: an agent small enough to read at once that has all that a state can hold – a network, an optimizer, replay, a random
// stream, counters. One-step Q-learning of a linear Q on a sample of the last transitions.
import { z } from 'zod';
import { ConfigError, deriveSeed, RandomStream } from '../../base/index.ts';
import { Linear, loadTensors, Module, namedTensors } from '../../nn/index.ts';
import { Adam } from '../../optim/index.ts';
import { backward, noGrad, Rng, scope, type Tensor, tensor } from '../../torch/index.ts';
import type { Actor, ActorOptions, Agent, AgentState, Outcome } from '../agent.ts';
import type { AgentKind, AgentPlace } from '../agents/kind-config.ts';
import { registerAgent } from '../agents/registry.ts';
import type { Action, Observation } from '../environment.ts';
import { Discrete } from '../spaces/index.ts';

const settings = z.strictObject({
  epsilon: z.number().min(0).max(1).default(0.2).describe('share of random actions'),
  learningRate: z.number().positive().default(0.02).describe('of Adam'),
  capacity: z.int().positive().default(64).describe('transitions in replay'),
  evaluationEpsilon: z.number().min(0).max(1).default(0).describe('share of random actions in evaluation'),
});
type Settings = z.output<typeof settings>;

interface Transition {
  from: number[];
  action: number;
  reward: number;
  to: number[];
  bootstraps: number;
}

class LinearNetwork extends Module {
  readonly q: Linear;
  constructor(inputs: number, actions: number, rng: Rng) {
    super();
    this.q = new Linear(inputs, actions, { rng });
  }
}

class LinearQ implements Agent {
  readonly networks: { q: LinearNetwork };
  readonly #settings: Settings;
  readonly #actions: number;
  readonly #inputs: number;
  readonly #optimizer: Adam;
  readonly #stream: RandomStream;
  #replay: Transition[] = [];
  #pending: { from: number[]; action: number }[] = [];
  #updates = 0;
  #loss = Number.NaN;
  abandoned: number[] = [];

  constructor({ observationSpace, actionSpace, seed }: AgentPlace, given: Settings) {
    if (!(actionSpace instanceof Discrete))
      throw new ConfigError('wrong-space', `linear-q chooses among a few actions, and these are ${actionSpace}`, {
        remedy: 'Take an agent for continuous actions.',
      });
    this.#settings = given;
    this.#actions = actionSpace.n;
    this.#inputs = observationSpace.shape.reduce((product, length) => product * length, 1);
    this.networks = { q: new LinearNetwork(this.#inputs, this.#actions, new Rng(seed)) };
    this.#optimizer = new Adam(this.networks.q, { lr: given.learningRate });
    this.#stream = new RandomStream(deriveSeed(seed, 'explorer'));
  }

  #greedy(from: readonly number[]): number {
    return noGrad(() =>
      scope(() =>
        this.networks.q.q
          .forward(tensor([...from]))
          .argmax()
          .item(),
      ),
    );
  }

  #choose(observation: Observation, epsilon: number, stream: RandomStream): { from: number[]; action: number } {
    const from = Array.from(observation as Float32Array);
    const action = stream.next() < epsilon ? stream.below(this.#actions) : this.#greedy(from);
    return { from, action };
  }

  act(observations: readonly Observation[]): Action[] {
    this.#pending = observations.map((each) => this.#choose(each, this.#settings.epsilon, this.#stream));
    return this.#pending.map(({ action }) => action);
  }

  observe(outcomes: readonly Outcome[]): void {
    outcomes.forEach(({ reward, next, terminated }, i) => {
      const to = Array.from(next as Float32Array);
      this.#replay.push({ ...this.#pending[i]!, reward: Math.fround(reward), to, bootstraps: terminated ? 0 : 1 });
      if (this.#replay.length > this.#settings.capacity) this.#replay.shift();
      scope(() => this.#learn(this.#replay[this.#stream.below(this.#replay.length)]!));
    });
  }

  #learn({ from, action, reward, to, bootstraps }: Transition): void {
    const { q } = this.networks.q;
    const target = reward + 0.9 * bootstraps * noGrad(() => q.forward(tensor(to)).max().item());
    const loss = q.forward(tensor(from)).select(0, action).sub(target).square();
    this.#loss = loss.item();
    this.#optimizer.zeroGrad();
    backward(loss);
    this.#optimizer.step();
    this.#updates++;
  }

  actor({ seed = 0 }: ActorOptions = {}): Actor {
    const stream = new RandomStream(seed);
    return {
      act: (observations) =>
        observations.map((each) => this.#choose(each, this.#settings.evaluationEpsilon, stream).action),
      reset: () => {},
      [Symbol.dispose]: () => {},
    };
  }

  abandon(i: number): void {
    this.abandoned.push(i);
  }

  statistics(): Record<string, number> {
    return { loss: this.#loss, n_updates: this.#updates };
  }

  state(): AgentState {
    const { tensors, steps } = this.#optimizer.state();
    const rows = this.#replay.map(({ from, action, reward, to, bootstraps }) => [
      ...from,
      action,
      reward,
      ...to,
      bootstraps,
    ]);
    return {
      tensors: {
        network: [...namedTensors(this.networks.q)],
        optimizer: Object.entries(tensors),
        replay: rows.length > 0 ? [['rows', tensor(rows)]] : [],
      },
      state: { steps, stream: this.#stream.state, updates: this.#updates, loss: this.#loss },
    };
  }

  loadState({ tensors, state }: AgentState): void {
    const { steps, stream, updates, loss } = state as {
      steps: Record<string, number>;
      stream: number[];
      updates: number;
      loss: number;
    };
    const network = new Map<string, Tensor>(tensors['network']);
    loadTensors(this.networks.q, (path) => network.get(path));
    this.#optimizer.loadState({ tensors: Object.fromEntries(tensors['optimizer']!), steps });
    const [rows] = tensors['replay']!;
    const n = this.#inputs;
    this.#replay = (rows ? (rows[1].tolist() as number[][]) : []).map((row) => ({
      from: row.slice(0, n),
      action: row[n]!,
      reward: row[n + 1]!,
      to: row.slice(n + 2, 2 * n + 2),
      bootstraps: row[2 * n + 2]!,
    }));
    this.#stream.state = stream;
    this.#updates = updates;
    this.#loss = loss;
  }

  [Symbol.dispose](): void {
    this.#optimizer[Symbol.dispose]();
    this.networks.q.dispose();
  }
}

const linearQ: AgentKind<typeof settings> = {
  summary: 'Q-learning of a linear function, for tests',
  config: settings,
  draws: false,
  make: (place, given) => new LinearQ(place, given),
};

registerAgent('linear-q', async () => linearQ);
