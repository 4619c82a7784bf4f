// What a search over merges tries: every combination of values, or so many drawn at random.
import { ConfigError, deriveSeed, RandomStream } from '../../base/index.ts';

/** Values to choose from, or a range to draw from. */
export type Choice = { readonly values: readonly string[] } | { readonly low: number; readonly high: number };

/** By key of the merge, as in `--set`. */
export type SearchSpace = Readonly<Record<string, Choice>>;

const refuse = (text: string, remedy: string) =>
  new ConfigError('bad-search', `--search: expected KEY=VALUE,VALUE,… or KEY=LOW..HIGH, got "${text}"`, { remedy });

/** `parameters.t=0,0.5,1` or `parameters.t=0..1` @throws ConfigError */
export function parseSearchSpace(texts: readonly string[]): SearchSpace {
  const space: Record<string, Choice> = {};
  for (const text of texts) {
    const [, key, value] = /^\s*([^=]+?)\s*=(.*)$/.exec(text) ?? [];
    if (key === undefined || value === undefined || value.trim() === '')
      throw refuse(text, 'Write for example --search parameters.t=0,0.5,1.');
    if (Object.hasOwn(space, key))
      throw new ConfigError('bad-search', `--search: ${key} is given twice`, {
        remedy: 'Give all its values at once.',
      });
    const [low, high, ...more] = value.split('..').map(Number);
    if (!value.includes('..')) space[key] = { values: value.split(',').map((each) => each.trim()) };
    else if (more.length === 0 && Number.isFinite(low) && Number.isFinite(high) && low! < high!)
      space[key] = { low: low!, high: high! };
    else throw refuse(text, 'A range goes from a number to a larger one.');
  }
  return space;
}

/** Changes of the merge, as `key=value`. */
export type Candidate = readonly string[];

/**
 * @param samples how many are drawn; without it every combination is tried
 * @throws ConfigError for a range without `samples`
 */
export function candidatesOf(
  space: SearchSpace,
  { samples, seed = 0 }: { samples?: number | undefined; seed?: number } = {},
): Candidate[] {
  const keys = Object.entries(space);
  if (samples !== undefined) {
    const stream = new RandomStream(deriveSeed(seed, 'merge-search'));
    const draw = (choice: Choice) =>
      'values' in choice
        ? choice.values[stream.below(choice.values.length)]!
        : String(choice.low + stream.next() * (choice.high - choice.low));
    const drawn = Array.from({ length: samples }, () => keys.map(([key, choice]) => `${key}=${draw(choice)}`));
    return [...new Map(drawn.map((each) => [each.join('\n'), each])).values()];
  }
  return keys.reduce<string[][]>(
    (all, [key, choice]) => {
      if (!('values' in choice))
        throw new ConfigError('bad-search', `--search: ${key} is a range, from which values are drawn`, {
          remedy: 'Say how many with --samples, or list the values.',
        });
      return all.flatMap((before) => choice.values.map((value) => [...before, `${key}=${value}`]));
    },
    [[]],
  );
}
