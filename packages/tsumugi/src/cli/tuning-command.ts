// What the commands that train on conversations have in common.
import type { z } from 'zod';
import { folderOf } from './hub-folder.ts';
import type { Io } from './io.ts';
import { trainingSettings } from './training-settings.ts';

export const tuningOptions = {
  model: { type: 'string', value: 'DIR|NAME', help: 'model to train: a folder, or a name on the Hugging Face Hub' },
  template: { type: 'string', value: 'NAME|FILE', help: "chat template (the model's own when left out)" },
} as const;

interface TuningValues {
  readonly config: string | undefined;
  readonly set: readonly string[];
  readonly resume: boolean;
  readonly model: string | undefined;
  readonly data: readonly string[];
  readonly template: string | undefined;
  readonly lora: number | undefined;
  readonly out: string | undefined;
}

/**
 * The settings of such a training, with a model of the hub in a folder here.
 *
 * @param more settings that have options in this command alone
 */
export async function tuningSettings<S extends z.ZodObject<{ model: z.ZodString }>>(
  schema: S,
  name: string,
  options: TuningValues,
  io: Io,
  more: Readonly<Record<string, unknown>> = {},
  base: Readonly<Record<string, unknown>> = {},
): Promise<z.output<S>> {
  const { model, data, template, lora, out } = options;
  const own = { model, data: data.length > 0 ? data : undefined, template, lora, out, ...more };
  const settings = trainingSettings(schema, name, options, own, base);
  return { ...settings, model: await folderOf(settings.model, 'model', io) };
}

/** A share as sentences have it; "–" where nothing was measured. */
export const percent = (share: number | undefined): string =>
  share === undefined ? '–' : `${(100 * share).toFixed(1)} %`;
