// Parameters of a merge method: completed with defaults, and checked.
import { ConfigError, checkNumber, suggestion } from '../../base/index.ts';
import { type MergeMethodName, mergeMethods } from './methods/index.ts';
import type { MergeMethod, ParameterSpec, ParameterValue, ParameterValues } from './methods/method.ts';

export const methodNamed = (name: MergeMethodName): MergeMethod => mergeMethods[name];

/** What a method knows, in mergekit's names. */
export const parameterNames = (method: MergeMethod): string[] => [
  ...Object.keys(method.own),
  ...Object.keys(method.shared),
];

/** @throws ConfigError for another type, or a number out of range */
function checkValue(method: MergeMethodName, name: string, spec: ParameterSpec, value: ParameterValue): ParameterValue {
  if (typeof value !== spec.kind)
    throw new ConfigError(
      'bad-parameter',
      `${method}: ${name} should be ${spec.kind === 'number' ? 'a number' : 'true or false'}, got ${String(value)}`,
      { fields: { parameter: name, value } },
    );
  if (spec.kind !== 'number') return value;
  return checkNumber(method, name, value as number, spec.range ?? { min: -largestFloat, max: largestFloat });
}

/** Of float32, which most merges compute in. */
const largestFloat = 3.4e38;

/** The value of one parameter. @throws ConfigError when it is missing or wrong */
export function parameterValue(
  method: MergeMethodName,
  name: string,
  spec: ParameterSpec,
  given: ParameterValue | undefined,
  whose: string,
): ParameterValue {
  const value = given ?? spec.default;
  if (value === undefined)
    throw new ConfigError('missing-parameter', `${method} needs the parameter ${name}${whose}`, {
      remedy: `Write ${name} under parameters.`,
      fields: { parameter: name },
    });
  return checkValue(method, name, spec, value);
}

/** @throws ConfigError for names that the method does not have, for what is missing, and for values that are wrong */
export function completed(
  name: MergeMethodName,
  parameters: ParameterValues,
  own: readonly ParameterValues[],
): { shared: ParameterValues; own: ParameterValues[] } {
  const method = methodNamed(name);
  const known = parameterNames(method);
  for (const key of [parameters, ...own].flatMap(Object.keys)) {
    if (known.includes(key)) continue;
    throw new ConfigError('unknown-parameter', `${name} has no parameter "${key}"`, {
      remedy: known.length === 0 ? 'It takes none.' : suggestion(key, known),
      fields: { parameter: key },
    });
  }
  const fill = (specs: MergeMethod['own'], given: ParameterValues, whose: string) =>
    Object.fromEntries(
      Object.entries(specs).map(([key, spec]) => [key, parameterValue(name, key, spec, given[key], whose)]),
    );
  return {
    shared: fill(method.shared, parameters, ''),
    own: own.map((each, i) => fill(method.own, { ...parameters, ...each }, ` for model ${i + 1}`)),
  };
}
