// Whether stages, their inputs and what comes from outside are what they should be: `node file.ts` checks no types.
import { ConfigError, isObject, kindOf, suggestion } from '../base/index.ts';
import type { AnyDefinition, Input, InputKinds } from './stage.ts';

/** @throws ConfigError for inputs that are missing, of another kind, or that the stage does not have */
export function checkInputs(stage: string, kinds: InputKinds, inputs: unknown): void {
  const names = Object.keys(kinds);
  const refuse = (problem: string, remedy: string) =>
    new ConfigError('bad-input', `stage "${stage}": ${problem}`, { remedy, fields: { stage } });
  const form = `Its inputs are { ${names.map((name) => `${name}: …`).join(', ')} }: stages, or what \`given\` returns.`;
  if (!isObject(inputs)) throw refuse(`inputs are an object, got ${kindOf(inputs)}`, form);
  const unknown = Object.keys(inputs).find((name) => !Object.hasOwn(kinds, name));
  if (unknown !== undefined) throw refuse(`it has no input "${unknown}"`, suggestion(unknown, names));
  for (const [name, kind] of Object.entries(kinds)) {
    const given = inputs[name];
    const wantsList = typeof kind !== 'string';
    if (wantsList && !Array.isArray(given)) throw refuse(`"${name}" is ${kindOf(given)}, not a list`, form);
    for (const each of wantsList ? (given as unknown[]) : [given]) {
      const { from, kind: found } = (each ?? {}) as Partial<Input>;
      if (from !== 'stage' && from !== 'outside') throw refuse(`"${name}" is ${kindOf(each)}, no input`, form);
      if (found !== String(kind)) throw refuse(`"${name}" is of the kind "${found}", not "${kind}"`, form);
    }
  }
}

const requiredFields = {
  name: 'string',
  version: 'number',
  makes: 'string',
  output: 'string',
  resumes: 'boolean',
  inputs: 'object',
  config: 'object',
  forecast: 'function',
  run: 'function',
} as const;

/** @throws ConfigError for what defines no stage */
export function checkSpec(spec: unknown): void {
  const given = isObject(spec) ? spec : {};
  const { name, config } = given as Partial<AnyDefinition>;
  const wrong = Object.entries(requiredFields).find(
    ([field, type]) => typeof given[field] !== type || given[field] === null || Array.isArray(given[field]),
  );
  // Not instanceof: a recipe may come with a zod of its own.
  const fault = wrong
    ? `"${wrong[0]}" (a ${wrong[1]})`
    : typeof config?.shape === 'object' && typeof config.safeParse === 'function'
      ? undefined
      : '"config" (a z.object)';
  if (fault === undefined) return;
  throw new ConfigError('bad-stage', `defineStage${name === undefined ? '' : ` of "${name}"`}: it has no ${fault}`, {
    remedy: 'See "A stage of your own" in docs/recipes.md.',
  });
}

/** @throws ConfigError for paths and settings that `given` cannot take */
export function checkSource(kind: string, paths: unknown, settings: unknown): void {
  const list = typeof paths === 'string' ? [paths] : paths;
  if (!Array.isArray(list) || list.length === 0 || !list.every((path) => typeof path === 'string'))
    throw new ConfigError(
      'bad-input',
      `given("${kind}"): the paths are a text or a list of texts, got ${kindOf(paths)}`,
      {
        remedy: `Write given('${kind}', 'FILE') or given('${kind}', ['FILE', …]).`,
      },
    );
  if (!isObject(settings))
    throw new ConfigError('bad-input', `given("${kind}"): how it is read is an object, got ${kindOf(settings)}`, {
      remedy: "Write for instance { encoding: 'euc-jp' }, or leave it out.",
    });
}
