// Environments by name. Those of tsumugi stand in families, each loaded when one of its names is asked for first.
import { ConfigError, checkCount, isObject, kindOf, suggestion, UserError } from '../base/index.ts';
import type { Environment } from './environment.ts';
import type { NamedWrapper } from './wrappers/by-name.ts';
import { OrderEnforcing } from './wrappers/order-enforcing.ts';
import { TimeLimit } from './wrappers/time-limit.ts';

export interface EnvironmentOptions {
  /** Steps after which an episode is cut off; Infinity for none. Left out: as the environment is registered. */
  maxSteps?: number;
  /** Around it and its time limit, the innermost first: by name, as settings have them. */
  wrappers?: readonly NamedWrapper[];
  /** The environment's own options. */
  [option: string]: unknown;
}

export interface Registration {
  /** Makes the environment from its own options. It refuses options that it does not know. */
  make(options: Readonly<Record<string, unknown>>): Environment | Promise<Environment>;
  /** Steps after which an episode is cut off, by a `TimeLimit` around it. */
  maxSteps?: number;
}

/** Name → how it is made. */
export type Family = Readonly<Record<string, Registration>>;

interface LazyFamily {
  ids: readonly string[];
  /** Names that begin with it are the family's too. */
  prefix?: string;
  load(id: string): Promise<{ family: Family }>;
}

const families: readonly LazyFamily[] = [
  {
    ids: ['CartPole-v0', 'CartPole-v1', 'MountainCar-v0', 'MountainCarContinuous-v0', 'Acrobot-v1', 'Pendulum-v1'],
    load: () => import('./environments/classic/family.ts'),
  },
  {
    ids: [
      'FrozenLake-v1',
      'FrozenLake8x8-v1',
      'CliffWalking-v1',
      'CliffWalkingSlippery-v1',
      'Taxi-v3',
      'Taxi-v4',
      'Blackjack-v1',
    ],
    load: () => import('./environments/toy-text/family.ts'),
  },
  { ids: ['ABC-v0'], load: () => import('./environments/abc/family.ts') },
  {
    ids: [
      ...[
        'Ant-v4',
        'Ant-v5',
        'HalfCheetah-v4',
        'HalfCheetah-v5',
        'Hopper-v4',
        'Hopper-v5',
        'Humanoid-v4',
        'Humanoid-v5',
      ],
      ...['HumanoidStandup-v4', 'HumanoidStandup-v5', 'InvertedDoublePendulum-v4', 'InvertedDoublePendulum-v5'],
      ...['InvertedPendulum-v4', 'InvertedPendulum-v5', 'Pusher-v5', 'Reacher-v4', 'Reacher-v5'],
      ...['Swimmer-v4', 'Swimmer-v5', 'Walker2d-v4', 'Walker2d-v5'],
    ],
    load: () => import('./environments/mujoco/family.ts'),
  },
  {
    ids: ['BipedalWalker-v3', 'BipedalWalkerHardcore-v3', 'LunarLander-v3', 'LunarLanderContinuous-v3'],
    load: () => import('./environments/box2d/family.ts'),
  },
  { ids: ['nes/EscapeFromPong-v0'], load: () => import('./environments/nes/family.ts') },
  {
    ids: [],
    prefix: 'python/',
    load: async (id) => ({ family: (await import('./environments/python/family.ts')).familyOf(id) }),
  },
];

/** Those that a program added. */
const registered = new Map<string, Registration>();

/** The names that `makeEnvironment` knows. */
export function environmentIds(): string[] {
  return [...families.flatMap(({ ids }) => ids), ...registered.keys()];
}

/**
 * Adds an environment under a name. `makeEnvironment` puts the checks of `OrderEnforcing` around it.
 *
 * @throws UserError when the name is taken
 */
export function registerEnvironment(id: string, registration: Registration): void {
  if (environmentIds().includes(id)) {
    throw new UserError('environment-exists', `there is an environment "${id}" already`, {
      remedy: 'Register yours under another name, e.g. with the next version: name-v1.',
      fields: { id },
    });
  }
  const { maxSteps } = registration;
  checkCount(`${id}: maxSteps`, maxSteps === Number.POSITIVE_INFINITY ? undefined : maxSteps, 1);
  const make: Registration['make'] = async (options) => new OrderEnforcing(await registration.make(options));
  registered.set(id, { ...registration, make });
}

/**
 * Makes an environment: `await makeEnvironment('CartPole-v1')`.
 *
 * @throws UserError `unknown-environment`, with the nearest name
 */
export async function makeEnvironment(id: string, options: EnvironmentOptions = {}): Promise<Environment> {
  if (!isObject(options))
    throw new ConfigError('bad-option', `${id}: options are an object like { maxSteps: 100 }, got ${kindOf(options)}`);
  const found = families.find(({ ids, prefix }) => ids.includes(id) || (prefix && id.startsWith(prefix)));
  const registration = registered.get(id) ?? (await found?.load(id))?.family[id];
  if (!registration) {
    throw new UserError('unknown-environment', `there is no environment "${id}"`, {
      remedy: suggestion(id, environmentIds().toReversed()), // of names that are equally near the newest version
      fields: { id },
    });
  }
  const { maxSteps = registration.maxSteps ?? Number.POSITIVE_INFINITY, wrappers, ...own } = options;
  checkCount(`${id}: maxSteps`, maxSteps, 1);
  const environment = await registration.make(own);
  try {
    const limited = maxSteps === Number.POSITIVE_INFINITY ? environment : new TimeLimit(environment, maxSteps);
    return wrappers === undefined ? limited : (await import('./wrappers/by-name.ts')).wrapAll(limited, wrappers);
  } catch (error) {
    environment[Symbol.dispose]();
    throw error;
  }
}
