// A merged folder beside the models that it was made from, as whoever loads it will see it. No model is what a merge should agree
// with, so it is asked how well it predicts the fixed prompts; how it goes on from them beside one model is told, not judged.
import { UserError } from '../../base/index.ts';
import { endIds, loadTokenizer, NOT_FINITE, type Plamo2 } from '../../lm/index.ts';
import { bitsOnPrompts, type Comparison, compareOnPrompts, gatePrompts, openLean } from '../gate/index.ts';
import { flopsPerSecond } from '../rates.ts';
import type { MergeModel } from './open-models.ts';

/** Bits per character that a merge may be worse than the best of its models. Our choice. */
export const mergedLimit = 1;

export interface MergedGate {
  /** Of the fixed prompts, as the merge and each of its models predict them. */
  readonly bitsPerCharacter: {
    readonly merged: number;
    readonly models: readonly { readonly model: string; readonly value: number }[];
  };
  readonly limit: number;
  /** The merge beside the base, or beside the first model; undefined where the tokenizer is another, or that model is not finite. */
  readonly beside: (Comparison & { readonly model: string }) | undefined;
}

interface GateMergedOptions {
  /** The base, or the first model. */
  readonly reference: MergeModel;
  /** Every model, the base among them. */
  readonly models: readonly MergeModel[];
  /** Whether the merge has the tokenizer of its models. */
  readonly sameTokenizer: boolean;
  /** May wait, and may throw to end it. */
  readonly onPrompt?: ((done: number, total: number) => Promise<void>) | undefined;
}

/** Not a number where the model's own are not finite. */
function bitsOf(folder: string, model: Plamo2): number {
  try {
    return bitsOnPrompts(model, loadTokenizer(folder, model.config));
  } catch (error) {
    if (error instanceof UserError && error.code === NOT_FINITE) return Number.NaN;
    throw error;
  }
}

/** @throws UserError `parity-gate` when it predicts the prompts by `mergedLimit` worse than the best of its models */
export async function gateMerged(folder: string, options: GateMergedOptions): Promise<MergedGate> {
  const { reference, models, sameTokenizer, onPrompt } = options;
  const readable = models.filter(({ artefact }) => artefact.hasTokenizer);
  const found = readable.map(({ name, artefact: { path } }) => {
    using opened = openLean(path);
    return { model: name, value: bitsOf(path, opened.model) };
  });
  using opened = openLean(folder);
  const { model: merged } = opened;
  const bitsPerCharacter = { merged: bitsOf(folder, merged), models: found };
  requireAsGood(bitsPerCharacter);
  const own = found.find(({ model }) => model === reference.name);
  if (!sameTokenizer || !Number.isFinite(own?.value))
    return { bitsPerCharacter, limit: mergedLimit, beside: undefined };
  using source = openLean(reference.artefact.path);
  const tokenizer = loadTokenizer(folder, merged.config);
  const comparison = await compareOnPrompts(source.predictor(reference.name), opened.predictor('merged'), {
    tokenizer,
    ends: endIds(tokenizer, merged.config),
    onPrompt,
  });
  return { bitsPerCharacter, limit: mergedLimit, beside: { model: reference.name, ...comparison } };
}

/** Of two cores, our guess: weights that are read for each token that is written. */
const readPerSecond = 8e9;

/**
 * What the gate takes: every model reads the prompts, two write after them, all at once. Of each there is a layer in memory, and the head:
 * on the 1B shape 3.6 GB, 4.4 times its largest tensor.
 *
 * @param largest numbers of the largest tensor; a sixth of all, as on the 1B shape, when left out
 */
export function gateCost(
  parameters: number,
  models: number,
  largest = parameters / 6,
): { seconds: number; memoryBytes: number } {
  const [prompts, read, written] = [gatePrompts.length, 50, 16]; // tokens of a prompt, about, and after it
  const weights = 2 * (prompts + written) * 4 * parameters; // once for each prompt, then for all together
  const reading = (models + 3) * prompts * read * 2 * parameters;
  return { seconds: weights / readPerSecond + reading / flopsPerSecond, memoryBytes: 4.5 * 4 * largest };
}

function requireAsGood({ merged, models }: MergedGate['bitsPerCharacter']): void {
  const refuse = (problem: string, fields: object) =>
    new UserError('parity-gate', `the merged model ${problem}`, {
      remedy:
        'Lower weights or lambda, or merge models that come from one; --no-gate writes it all the same, and says so in the lineage.',
      fields: { ...fields },
    });
  if (!Number.isFinite(merged)) throw refuse('predicts numbers that are not finite', { merged });
  const best = models.filter(({ value }) => Number.isFinite(value)).sort((a, b) => a.value - b.value)[0];
  if (best && merged > best.value + mergedLimit)
    throw refuse(
      `needs ${merged.toFixed(2)} bits per character of the fixed prompts, and ${best.model} ${best.value.toFixed(2)}: ` +
        `${mergedLimit} more is allowed`,
      { merged, best },
    );
}
