// A recipe: a typed function from settings to steps, in the order in which they are made.
import type { z } from 'zod';
import { ConfigError, inOwnCode } from '../base/index.ts';
import type { Input, Step } from './stage.ts';

export interface Recipe<Schema extends z.ZodObject = z.ZodObject> {
  /** As typed: "plamo2-mini". Also the default folder, runs/<name>. */
  readonly name: string;
  /** A sentence. */
  readonly summary: string;
  /** The settings, by custom nested by step. */
  readonly config: Schema;
  /** The steps; each only takes what comes before it. */
  stages(config: z.output<Schema>): readonly Step[];
}

export const defineRecipe = <Schema extends z.ZodObject>(recipe: Recipe<Schema>): Recipe<Schema> => recipe;

/** The inputs of a step, by name, as lists. */
export const inputsOf = (step: Step): [name: string, inputs: readonly Input[]][] =>
  Object.entries(step.inputs).map(([name, input]) => [name, 'from' in input ? [input] : input]);

/** The steps of a recipe. @throws ConfigError when two have one name, or one takes what is not made before it */
export function stepsOf<Schema extends z.ZodObject>(recipe: Recipe<Schema>, config: z.output<Schema>): readonly Step[] {
  const refuse = (message: string, remedy: string) =>
    new ConfigError('bad-recipe', `recipe ${recipe.name}: ${message}`, { remedy, fields: { recipe: recipe.name } });
  let steps: readonly Step[];
  try {
    steps = recipe.stages(config);
  } catch (thrown) {
    throw inOwnCode(`recipe ${recipe.name}`, thrown);
  }
  if (!Array.isArray(steps) || steps.length === 0)
    throw refuse('it has no steps', 'Return the list of steps from `stages`.');
  const before = new Set<Step>();
  for (const step of steps) {
    if ([...before].some(({ name }) => name === step.name))
      throw refuse(`two steps are called "${step.name}"`, 'Give each step a name of its own.');
    for (const [name, inputs] of inputsOf(step))
      for (const input of inputs)
        if (input.from === 'step' && !before.has(input))
          throw refuse(
            `"${step.name}" takes "${input.name}" as ${name}, which is not made before it`,
            'Return every step that is used, each after those it takes.',
          );
    before.add(step);
  }
  return steps;
}
