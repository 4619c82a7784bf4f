// Rows from outside, read before the first stage runs as the stage itself will read them: in the model's template where the model, or the one
// that it is made from, is there by now, and otherwise for what they say alone.
import type { Origin, StageInput } from '../recipe/index.ts';
import { DEFAULT_HELD_OUT } from '../train/index.ts';
import { isMade } from './model-config.ts';

/** Whether it comes from outside: a stage's is read when it is made. */
export const isGiven = ({ origin }: StageInput): boolean => origin?.through.length === 0;

interface Chat {
  readonly model: string;
  readonly template: string | undefined;
}

/** The folder that has the tokenizer of a model, and the template that the model will have; undefined where none is there. */
export function chatBefore(model: StageInput, template: string | undefined): Chat | undefined {
  if (isMade(model)) return { model: model.path, template };
  const { origin } = model;
  if (origin === undefined) return undefined;
  return { model: origin.paths[0]!, template: template ?? templateOf(origin) };
}

/** A training in a template gives its model that template. */
const templateOf = ({ through }: Origin): string | undefined =>
  through
    .map((settings) => (settings as { template?: unknown }).template)
    .find((template): template is string => typeof template === 'string');

export interface RowsSettings extends Chat {
  readonly data: string[];
  readonly heldOut: number | string[];
}

/**
 * @param rows what is learned from, beside the rows of its own that are measured on
 * @param alone reads files where no template is there yet
 * @param read as the training reads
 * @throws DataError naming file, row and field
 */
export async function openRows<Config extends { readonly template?: string | undefined }>(
  { heldOut = DEFAULT_HELD_OUT, ...config }: Config & { readonly heldOut?: number | undefined },
  { model, heldOut: [own] }: { readonly model: StageInput; readonly heldOut: readonly StageInput[] },
  rows: StageInput,
  alone: (paths: string[]) => Promise<unknown>,
  read: (settings: Omit<Config, 'heldOut'> & RowsSettings) => Promise<unknown>,
): Promise<void> {
  const given = [rows, ...(own ? [own] : [])].filter(isGiven);
  if (given.length === 0) return;
  const chat = chatBefore(model, config.template);
  if (chat === undefined) await alone(given.flatMap(({ paths }) => paths));
  else
    await read({
      ...config,
      ...chat,
      data: [...given[0]!.paths],
      heldOut: own && isGiven(own) ? [...own.paths] : heldOut,
    });
}
