// Wrappers by the names that settings have for them.
import { ConfigError, isObject, suggestion } from '../../base/index.ts';
import type { Environment } from '../environment.ts';
import { ClipAction } from './clip-action.ts';
import { NormalizeAction } from './normalize-action.ts';
import { RandomizeAction } from './randomize-action.ts';
import { CastObservation } from './transform-observation.ts';
import { ScaleReward } from './transform-reward.ts';

/** A wrapper as settings name it: its name alone, or with options of its own. */
export type NamedWrapper = string | { readonly name: string; readonly [option: string]: unknown };

type Options = Readonly<Record<string, unknown>>;

interface Entry {
  /** The options that it takes. */
  options?: readonly string[];
  /** What values may be, the wrapper's own constructor says. */
  wrap(inner: Environment, options: Options): Environment;
}

const wrappers: Readonly<Record<string, Entry>> = {
  'cast-observation': { wrap: (inner) => new CastObservation(inner) },
  'clip-action': { wrap: (inner) => new ClipAction(inner) },
  'normalize-action': { wrap: (inner) => new NormalizeAction(inner) },
  'randomize-action': {
    options: ['probability'],
    wrap: (inner, { probability }) => new RandomizeAction(inner, probability as number),
  },
  'scale-reward': { options: ['factor'], wrap: (inner, { factor }) => new ScaleReward(inner, factor as number) },
};

/** The names that settings may use. */
export const wrapperNames = (): string[] => Object.keys(wrappers);

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
  const entry = typeof name === 'string' && Object.hasOwn(wrappers, name) ? wrappers[name] : undefined;
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
