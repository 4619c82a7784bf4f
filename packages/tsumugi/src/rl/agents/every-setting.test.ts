// Every setting of every agent is one on which something depends, or it is refused as the others are; and of some agents a change of each
// shows after a few steps, in what is done or in what is learned.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ConfigError, checkSettings, RandomStream } from '../../base/index.ts';
import { thorough } from '../../base/thorough.testing.ts';
import { scope } from '../../torch/index.ts';
import type { Agent, Outcome } from '../agent.ts';
import type { Action } from '../environment.ts';
import { Box, Discrete, type Space } from '../spaces/index.ts';
import { refuseIdle } from './idle-settings.ts';
import type { AgentKind, Spaces } from './kind-config.ts';
import { agentKind, agentNames } from './registry.ts';

type Settings = Readonly<Record<string, unknown>>;
type Place = 'counted' | 'continuous' | 'frames' | 'stacks';

const numbers = new Box(-1, 1, [3]);
const frames = new Box(0, 255, [1, 36, 36], 'uint8');
const observations: Record<Place, Space> = {
  counted: numbers,
  continuous: numbers,
  frames,
  stacks: new Box(-1, 1, [2, 3]),
};
const counted = new Discrete(3);
const box = new Box(-1, 1, [2]);

/** So that all learn within a few steps. Each agent takes what it has. */
const quick: Settings = {
  hidden: [4],
  memorySize: 3,
  duelingHidden: 4,
  atoms: 5,
  quantiles: 4,
  targetQuantiles: 4,
  actingQuantiles: 4,
  cosines: 4,
  learningRate: 0.01,
  valueLearningRate: 0.01,
  replayStart: 6,
  capacity: 60,
  batchSize: 2,
  targetUpdateInterval: 4,
  epsilonSteps: 20,
  betaSteps: 10,
  updateInterval: 2,
  rolloutSteps: 3,
  maxSteps: 3,
  updateSteps: 3,
  minibatchSize: 4,
  valueBatchSize: 4,
  replayUpdates: 1,
};
/** Some have the same name for something else. */
const quickOf: Readonly<Record<string, Settings>> = {
  ppo: { updateInterval: 12 },
  trpo: { updateInterval: 12 },
  reinforce: { timeouts: 'terminal' },
};

interface Change {
  to: unknown;
  /** With what it shows; where that is more than nothing, it is refused or shows without. */
  with?: Settings;
  /** Where it shows; where the agent acts at all when left out. */
  place?: Place;
}

const epsilon = { explorer: 'epsilon-greedy' };
const prioritized = { prioritized: true };
const recurrent = { memory: 'rnn-tanh', prioritized: false, steps: 1 };
const changes: Readonly<Record<string, Change>> = {
  network: { to: 'nips', place: 'frames' },
  hidden: { to: [5] },
  activation: { to: 'elu' },
  weightInit: { to: 'he-uniform' },
  policyGain: { to: 0.5 },
  policy: { to: 'mellowmax' },
  logStd: { to: -1, with: { policy: 'gaussian-fixed' }, place: 'continuous' },
  boundMean: { to: true, place: 'continuous' },
  normalizeObservations: { to: true },
  observationClip: { to: 0.01, with: { normalizeObservations: true } },
  actDeterministically: { to: false },
  sharedBody: { to: true },
  memory: { to: 'gru', with: { prioritized: false, steps: 1 } },
  memorySize: { to: 4, with: recurrent },
  episodicLength: { to: 1, with: recurrent },
  maxSequenceLength: { to: 1, with: { memory: 'rnn-tanh' } },
  noisy: { to: 0.2 },
  optimizer: { to: 'rmsprop' },
  learningRate: { to: 0.02 },
  optimizerEps: { to: 0.5 },
  maxGradNorm: { to: 1e-3 },
  gamma: { to: 0.5 },
  lambda: { to: 0.3 },
  explorer: { to: 'greedy' },
  epsilonStart: { to: 0.2, with: epsilon },
  epsilonEnd: { to: 0.9, with: epsilon },
  epsilonSteps: { to: 2, with: epsilon },
  temperature: { to: 9, with: { explorer: 'boltzmann' }, place: 'counted' },
  noise: { to: 0.7, with: { explorer: 'gaussian' }, place: 'continuous' },
  capacity: { to: 12 },
  steps: { to: 2 },
  stack: { to: 2, place: 'stacks' },
  prioritized: { to: true },
  uniformRatio: { to: 1, with: prioritized },
  alpha: { to: 0.1, with: prioritized },
  beta: { to: 0.9, with: prioritized },
  betaSteps: { to: 2, with: prioritized },
  normalize: { to: 'none', with: prioritized },
  replayStart: { to: 20 },
  batchSize: { to: 3 },
  updateInterval: { to: 5 },
  updatesPerInterval: { to: 2 },
  targetUpdateInterval: { to: 7 },
  softUpdate: { to: 0.3 },
  accumulator: { to: 'sum' },
  clipDelta: { to: false },
  dueling: { to: true },
  duelingHidden: { to: 6, with: { dueling: true } },
  advantageWeight: { to: 0.1 },
  eta: { to: 3 },
  gradScale: { to: 0.1 },
  atoms: { to: 6 },
  atomMin: { to: -1 },
  atomMax: { to: 1 },
  quantiles: { to: 5 },
  targetQuantiles: { to: 5 },
  actingQuantiles: { to: 5 },
  cosines: { to: 5 },
  quantileHidden: { to: 3 },
  rolloutSteps: { to: 2 },
  policyInterval: { to: 3 },
  targetNoise: { to: 1 },
  targetNoiseClip: { to: 0.01, with: { targetNoise: 0.5 } },
  initialTemperature: { to: 3 },
  targetEntropy: { to: 'none' },
  maxSteps: { to: 2 },
  updateSteps: { to: 4 },
  minibatchSize: { to: 3 },
  epochs: { to: 1 },
  clip: { to: 1e-3 },
  valueClip: { to: 1e-4 },
  decayLearningRate: { to: true },
  decayClip: { to: true },
  standardizeAdvantages: { to: false },
  policyCoefficient: { to: 0.1 },
  valueCoefficient: { to: 0.1 },
  qCoefficient: { to: 0.1 },
  entropyCoefficient: { to: 0.9 },
  timeouts: { to: 'terminal' },
  scale: { to: 'mean' },
  averageRewardTau: { to: 0.5 },
  duelingSamples: { to: 2, place: 'continuous' },
  truncation: { to: 0.1, with: { replayUpdates: 2 } },
  trustRegion: { to: 1e-5 },
  averageDecay: { to: 0.1, with: { trustRegion: 1e-5 } },
  useOpc: { to: true, with: { replayUpdates: 2 } },
  normalizeBySteps: { to: false },
  onlineUpdate: { to: false },
  replayUpdates: { to: 2 },
  tau: { to: 1 },
  rolloutLength: { to: 1 },
  backpropFutureValues: { to: false },
  maxKl: { to: 1e-4 },
  valueLearningRate: { to: 0.1 },
  valueEpochs: { to: 1 },
  valueBatchSize: { to: 3 },
  conjugateGradientIterations: { to: 1 },
  damping: { to: 1 },
  maxBacktracks: { to: 0, with: { maxKl: 10 } },
};
/** Where an agent's default is what others are changed to, or where it is another thing. */
const changesOf: Readonly<Record<string, Readonly<Record<string, Change>>>> = {
  rainbow: {
    noisy: { to: 0.1 },
    explorer: { to: 'epsilon-greedy' },
    prioritized: { to: false },
    dueling: { to: false },
    steps: { to: 1 },
  },
  ...Object.fromEntries(['nsq', 'a2c', 'a3c', 'acer'].map((name) => [name, { optimizer: { to: 'adam' } }])),
  reinforce: { timeouts: { to: 'drop' } },
  ppo: { updateInterval: { to: 10 } },
  trpo: { updateInterval: { to: 10 } },
};
/** Nothing depends on them, whatever else is set. */
const never: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(
    [
      'dqn',
      'double-dqn',
      'al',
      'pal',
      'double-pal',
      'dpp',
      'dppl',
      'dpp-greedy',
      'sarsa',
      'rainbow',
      'iqn',
      'double-iqn',
    ]
      .concat('categorical-dqn', 'categorical-double-dqn')
      .map((name) => [name, ['noise']]),
  ),
  'residual-dqn': ['noise', 'targetUpdateInterval', 'softUpdate'],
  naf: ['temperature'],
};

const placesOf = async (name: string): Promise<{ kind: AgentKind; spaces: (place?: Place) => Spaces }> => {
  const kind = await agentKind(name);
  const continuousOnly = ['ddpg', 'td3', 'sac', 'pgt', 'naf'].includes(name);
  return {
    kind,
    spaces: (place = continuousOnly ? 'continuous' : 'counted') => ({
      observationSpace: observations[place],
      actionSpace: place === 'continuous' || continuousOnly ? box : counted,
    }),
  };
};

/** What the agent has of these, and its defaults. */
const complete = (name: string, { config }: AgentKind, given: Settings): Settings =>
  checkSettings(name, config, Object.fromEntries(Object.entries(given).filter(([key]) => key in config.shape)));
const completed = (name: string, kind: AgentKind, given: Settings): Settings =>
  complete(name, kind, { ...quick, ...quickOf[name], ...given });

const plain = (action: Action) => (typeof action === 'number' ? action : [...action]);

/** What is done in two environments, and all that a checkpoint keeps, after so many rounds each. */
function* traces(kind: AgentKind, spaces: Spaces, settings: Settings): Generator<string> {
  using agent: Agent = kind.make({ ...spaces, numEnvironments: 2, steps: 100, seed: 3, device: 'cpu' }, settings);
  const stream = new RandomStream(5);
  const isFrames = spaces.observationSpace === frames;
  const size = spaces.observationSpace.shape.reduce((product, length) => product * length, 1);
  const look = () =>
    isFrames
      ? new Uint8Array(size).fill(255 * stream.next())
      : Float32Array.from({ length: size }, () => 2 * stream.next() - 1);
  const isStack = spaces.observationSpace === observations.stacks;
  const first = () => {
    const frame = look();
    // The first of an episode is one frame again and again.
    if (isStack) frame.copyWithin(3, 0, 3);
    return frame;
  };
  // A stack is the frame before, and a new one.
  const after = (before: ReturnType<typeof look>) =>
    isStack ? Float32Array.of(...before.subarray(3), ...look().subarray(3)) : look();
  let seen = [first(), first()];
  const done: Action[] = [];
  for (const rounds of isFrames ? [1] : [2, 12, 20]) {
    for (let round = 0; round < rounds; round++) {
      const actions = agent.act(seen);
      done.push(...actions);
      const outcomes = actions.map((action, i): Outcome => {
        const end = stream.next();
        const reward = stream.next() + (typeof action === 'number' ? action : action[0]!);
        return { reward, next: after(seen[i]!), terminated: end < 0.15, truncated: end > 0.9 };
      });
      agent.observe(outcomes);
      seen = outcomes.map(({ next, terminated, truncated }) =>
        terminated || truncated ? look() : next,
      ) as typeof seen;
    }
    using actor = agent.actor({ seed: 1 });
    const judged = actor.act([seen[0]!]);
    yield scope(() => {
      const hash = createHash('sha256').update(JSON.stringify([...done, ...judged].map(plain)));
      for (const [group, all] of Object.entries(agent.state().tensors))
        for (const [path, each] of all) hash.update(`${group} ${path} ${each.shape}`).update(each.bytes());
      return hash.digest('hex');
    });
  }
}

/** Whether there is a difference at any time. */
function differs(kind: AgentKind, spaces: Spaces, one: Settings, other: Settings): boolean {
  const [a, b] = [traces(kind, spaces, one), traces(kind, spaces, other)];
  try {
    for (;;) {
      const [left, right] = [a.next(), b.next()];
      if (left.done || right.done) return false;
      if (left.value !== right.value) return true;
    }
  } finally {
    a.return(undefined);
    b.return(undefined);
  }
}

/** Those whose every setting is tried, where there is time for it. */
const tried = thorough ? ['a2c', 'acer', 'ddpg', 'dqn'] : [];

describe.each(agentNames())('%s', async (name) => {
  const { kind, spaces } = await placesOf(name);
  const refused = (where: Spaces, given: Settings): boolean => {
    const settings = complete(name, kind, given);
    try {
      refuseIdle(name, kind.config, settings, kind.conditions?.(where, settings) ?? []);
      return false;
    } catch (error) {
      if (error instanceof ConfigError && error.code === 'idle-setting') return true;
      throw error;
    }
  };
  const all = Object.keys(kind.config.shape);
  const changeOf = (setting: string): Change => {
    const change = changesOf[name]?.[setting] ?? changes[setting];
    expect(change, `the table has ${setting}`).toBeDefined();
    return change!;
  };

  it('refuses what nothing depends on, and nothing else', () => {
    for (const setting of all) {
      const { to, with: base = {}, place } = changeOf(setting);
      const isIdle = never[name]?.includes(setting) ?? false;
      // Where it is of no use in any case, what it needs is refused, too.
      const given = isIdle ? { [setting]: to } : { ...base, [setting]: to };
      expect(refused(spaces(isIdle ? undefined : place), given), setting).toBe(isIdle);
    }
  });

  const asked = tried.includes(name) ? all.filter((setting) => !never[name]?.includes(setting)) : [];
  it.each(asked)('%s', (setting) => {
    const { to, with: base = {}, place } = changeOf(setting);
    const where = spaces(place);
    const one = completed(name, kind, base);
    const other = completed(name, kind, { ...base, [setting]: to });
    expect(other[setting], 'a change').not.toEqual(one[setting]);
    expect(differs(kind, where, one, other), 'it changes something').toBe(true);
    // As the defaults are, and everywhere that the agent acts, it changes something or is refused.
    const alone = completed(name, kind, { [setting]: to });
    for (const anywhere of [spaces(), spaces('continuous')]) {
      let isUnfit = false;
      try {
        if (refused(anywhere, { [setting]: to }) || differs(kind, anywhere, completed(name, kind, {}), alone)) continue;
      } catch (error) {
        // Of other actions, or beside other settings: it is refused, too.
        if (!(error instanceof ConfigError)) throw error;
        isUnfit = true;
      }
      expect(isUnfit, `refused in ${anywhere.actionSpace}`).toBe(true);
    }
  });
});
