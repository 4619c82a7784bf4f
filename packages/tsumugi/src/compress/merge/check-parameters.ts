// The names of parameters in a merge, before any is looked up: unknown ones, and those that would do nothing where they stand.
import { ConfigError, suggestion } from '../../base/index.ts';
import type { MergeConfig, ParameterSettings } from './merge-config.ts';
import type { MergeMethodName } from './methods/index.ts';
import { methodNamed, parameterNames } from './parameters.ts';

type Path = readonly (string | number)[];

/** What mergekit takes and what means nothing here: how masks are stored in its memory. */
const ignored = new Set(['int8_mask']);

/** Every set of parameters, where it stands, and whether it is one model's. */
function* places(config: MergeConfig): Generator<[ParameterSettings | null | undefined, Path, isOwn: boolean]> {
  yield [config.parameters, ['parameters'], false];
  for (const [i, { parameters }] of (config.models ?? []).entries())
    yield [parameters, ['models', i, 'parameters'], true];
  for (const [i, { parameters, sources }] of (config.slices ?? []).entries()) {
    yield [parameters, ['slices', i, 'parameters'], false];
    for (const [j, source] of sources.entries())
      yield [source.parameters, ['slices', i, 'sources', j, 'parameters'], true];
  }
}

/** @throws ConfigError naming the line. Returns what is worth a word. */
export function checkParameterNames(config: MergeConfig, where: (path: Path) => string): string[] {
  const name = config.merge_method as MergeMethodName;
  const method = methodNamed(name);
  const known = parameterNames(method);
  const warnings = new Set<string>();
  for (const [settings, path, isOwn] of places(config))
    for (const key of Object.keys(settings ?? {})) {
      const place = where([...path, key]);
      if (ignored.has(key)) {
        warnings.add(`${place}: "${key}" does nothing here: masks are never kept`);
        continue;
      }
      if (!known.includes(key))
        throw new ConfigError('unknown-parameter', `${place}: ${name} has no parameter "${key}"`, {
          remedy: known.length === 0 ? 'It takes none.' : suggestion(key, known),
          fields: { parameter: key },
        });
      if (isOwn && !(key in method.own))
        throw new ConfigError(
          'misplaced-parameter',
          `${place}: ${key} is one for all models of ${name}, and does nothing here`,
          {
            remedy: 'Write it under parameters, at the top or of a slice.',
            fields: { parameter: key },
          },
        );
    }
  for (const [path, keys] of parametersOfBase(config))
    if (method.base !== 'none' && keys > 0)
      warnings.add(`${where(path)}: parameters of the base do nothing: it is what the models are counted from`);
  return [...warnings];
}

/** Where the base is listed with parameters, and how many. */
function* parametersOfBase({ models, slices, base_model: base }: MergeConfig): Generator<[Path, keys: number]> {
  const keysOf = (settings: ParameterSettings | null | undefined) => Object.keys(settings ?? {}).length;
  for (const [i, { model, parameters }] of (models ?? []).entries())
    if (model === base) yield [['models', i, 'parameters'], keysOf(parameters)];
  for (const [i, { sources }] of (slices ?? []).entries())
    for (const [j, { model, parameters }] of sources.entries())
      if (model === base) yield [['slices', i, 'sources', j, 'parameters'], keysOf(parameters)];
}
