// Wrappers by the names that settings have for them.
import { ConfigError, isObject, suggestion, UserError } from '../../base/index.ts';
import type { Environment } from '../environment.ts';
import { ClipAction } from './clip-action.ts';
import { ClipReward } from './clip-reward.ts';
import { EpisodicLife } from './episodic-life.ts';
import { FireReset } from './fire-reset.ts';
import { FlickerFrame } from './flicker-frame.ts';
import { FrameStack } from './frame-stack.ts';
import { MaxAndSkip } from './max-and-skip.ts';
import { NoopReset } from './noop-reset.ts';
import { NormalizeAction } from './normalize-action.ts';
import { preprocessFrames } from './preprocess-frames.ts';
import { RandomizeAction } from './randomize-action.ts';
import { ScaledFloatFrame } from './scaled-float-frame.ts';
import { StickyActions } from './sticky-actions.ts';
import { CastObservation } from './transform-observation.ts';
import { ScaleReward } from './transform-reward.ts';
import { WarpFrame } from './warp-frame.ts';

/** A wrapper as settings name it: its name alone, or with options of its own. */
export type NamedWrapper = string | { readonly name: string; readonly [option: string]: unknown };

type Options = Readonly<Record<string, unknown>>;

export interface WrapperRegistration {
  /** The options that it takes; others are refused. What values may be, the wrapper's own constructor says. */
  options?: readonly string[];
  wrap(inner: Environment, options: Options): Environment;
}

const own: Readonly<Record<string, WrapperRegistration>> = {
  'cast-observation': { wrap: (inner) => new CastObservation(inner) },
  'clip-action': { wrap: (inner) => new ClipAction(inner) },
  'clip-reward': { wrap: (inner) => new ClipReward(inner) },
  'episodic-life': { wrap: (inner) => new EpisodicLife(inner) },
  'fire-reset': { wrap: (inner) => new FireReset(inner) },
  'flicker-frame': {
    options: ['probability'],
    wrap: (inner, { probability }) => new FlickerFrame(inner as never, probability as number | undefined),
  },
  'frame-stack': {
    options: ['count'],
    wrap: (inner, { count }) => new FrameStack(inner as never, count as number | undefined),
  },
  'max-and-skip': {
    options: ['skip'],
    wrap: (inner, { skip }) => new MaxAndSkip(inner as never, skip as number | undefined) as never,
  },
  'noop-reset': {
    options: ['most'],
    wrap: (inner, { most }) => new NoopReset(inner, most as number | undefined),
  },
  'normalize-action': { wrap: (inner) => new NormalizeAction(inner) },
  'preprocess-frames': {
    options: [
      ...['maxFrames', 'sticky', 'noops', 'skip', 'episodicLife', 'fireReset'],
      ...['size', 'scale', 'clipReward', 'flicker', 'stack'],
    ],
    wrap: (inner, options) => preprocessFrames(inner, options),
  },
  'randomize-action': {
    options: ['probability'],
    wrap: (inner, { probability }) => new RandomizeAction(inner, probability as number),
  },
  'scale-reward': { options: ['factor'], wrap: (inner, { factor }) => new ScaleReward(inner, factor as number) },
  'scaled-float-frame': { wrap: (inner) => new ScaledFloatFrame(inner as never) as never },
  'sticky-actions': {
    options: ['probability'],
    wrap: (inner, { probability }) => new StickyActions(inner, probability as number | undefined),
  },
  'warp-frame': {
    options: ['size'],
    wrap: (inner, { size }) => new WarpFrame(inner as never, size as number | undefined) as never,
  },
};

/** With those that a program added. */
const wrappers = new Map(Object.entries(own));

/** The names that settings may use. */
export const wrapperNames = (): string[] => [...wrappers.keys()];

/**
 * Adds a wrapper under a name.
 *
 * @throws UserError when the name is taken
 */
export function registerWrapper(name: string, registration: WrapperRegistration): void {
  if (wrappers.has(name))
    throw new UserError('wrapper-exists', `there is a wrapper "${name}" already`, {
      remedy: 'Register yours under another name.',
      fields: { wrapper: name },
    });
  wrappers.set(name, registration);
}

/**
 * Wraps an environment, the first of `named` innermost.
 *
 * @throws ConfigError for a wrapper or an option that is not there; UserError where one does not fit the environment
 */
export function wrapAll(environment: Environment, named: unknown): Environment {
  if (!Array.isArray(named))
    throw new ConfigError('bad-wrappers', `wrappers: expected a list, got ${JSON.stringify(named)}`, {
      remedy: 'Write for example ["normalize-action", { "name": "scale-reward", "factor": 0.01 }].',
    });
  return named.reduce<Environment>((inner, each) => wrapOne(inner, each), environment);
}

function wrapOne(inner: Environment, named: unknown): Environment {
  const { name, ...options }: Options = isObject(named) ? named : { name: named };
  const entry = typeof name === 'string' ? wrappers.get(name) : undefined;
  if (!entry)
    throw new ConfigError('unknown-wrapper', `there is no wrapper ${JSON.stringify(name)}`, {
      remedy: suggestion(String(name), wrapperNames()),
      fields: { wrapper: name, known: wrapperNames() },
    });
  const known = entry.options ?? [];
  const other = Object.keys(options).find((option) => !known.includes(option));
  if (other !== undefined)
    throw new ConfigError('unknown-option', `the wrapper ${name} has no option "${other}"`, {
      remedy: known.length > 0 ? suggestion(other, known) : `It has none: write "${name}" alone.`,
      fields: { wrapper: name, option: other },
    });
  return entry.wrap(inner, options);
}
