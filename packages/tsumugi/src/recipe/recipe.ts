// A recipe: a typed function from settings to stages, in the order in which they are made.
import type { z } from 'zod';
import { ConfigError, inOwnCode, kindOf } from '../base/index.ts';
import type { Input, RecipeStage } from './stage.ts';

export interface Recipe<Schema extends z.ZodObject = z.ZodObject> {
  /** As typed: "plamo2-mini". Also the default folder, runs/<name>. */
  readonly name: string;
  /** A sentence. */
  readonly summary: string;
  /** The settings, by custom nested by stage. */
  readonly config: Schema;
  /** The stages; each only takes what comes before it. */
  stages(config: z.output<Schema>): readonly RecipeStage[];
}

export const defineRecipe = <Schema extends z.ZodObject>(recipe: Recipe<Schema>): Recipe<Schema> => recipe;

/** The inputs of a stage, by name, as lists. */
export const inputsOf = (stage: RecipeStage): [name: string, inputs: readonly Input[]][] =>
  Object.entries(stage.inputs).map(([name, input]) => [name, 'from' in input ? [input] : input]);

/** The stages of a recipe. @throws ConfigError when two have one name, or one takes what is not made before it */
export function stagesOf<Schema extends z.ZodObject>(
  recipe: Recipe<Schema>,
  config: z.output<Schema>,
): readonly RecipeStage[] {
  const refuse = (message: string, remedy: string) =>
    new ConfigError('bad-recipe', `recipe ${recipe.name}: ${message}`, { remedy, fields: { recipe: recipe.name } });
  let stages: readonly RecipeStage[];
  try {
    stages = recipe.stages(config);
  } catch (thrown) {
    throw inOwnCode(`recipe ${recipe.name}`, thrown);
  }
  if (!Array.isArray(stages) || stages.length === 0)
    throw refuse('it has no stages', 'Return the list of stages from `stages`.');
  const other = stages.findIndex((stage) => (stage as Partial<RecipeStage> | null | undefined)?.from !== 'stage');
  if (other >= 0)
    throw refuse(
      `number ${other + 1} of what \`stages\` returns is ${kindOf(stages[other])}, no stage`,
      'Make stages with `definition.stage(name, config, inputs)`, and return them in one list.',
    );
  const before = new Set<RecipeStage>();
  for (const stage of stages) {
    if ([...before].some(({ name }) => name === stage.name))
      throw refuse(`two stages are called "${stage.name}"`, 'Give each stage a name of its own.');
    for (const [name, inputs] of inputsOf(stage))
      for (const input of inputs)
        if (input.from === 'stage' && !before.has(input))
          throw refuse(
            `"${stage.name}" takes "${input.name}" as ${name}, which is not made before it`,
            'Return every stage that is used, each after those it takes.',
          );
    before.add(stage);
  }
  return stages;
}
