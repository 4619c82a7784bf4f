// What preference training learns from: pairs, or rated answers.
import type { LanguageModel } from '../../lm/index.ts';
import type { Mesh } from '../../mesh/index.ts';
import type { Tokenizer } from '../../text/index.ts';
import type { TuningData } from '../chat-data.ts';
import type { DpoConfig } from '../dpo-config.ts';
import type { ItemSteps, RowsOptions } from './item-steps.ts';
import type { OutcomeOptions, Work } from './outcome.ts';
import type { Answer } from './reference-logprobs.ts';

/** log π_ref of each answer. */
export type AskReference = (answers: readonly Answer[]) => Promise<Float64Array>;

export interface PreferenceSource {
  /** What its items are called. */
  what: 'pairs' | 'answers';
  data: Omit<TuningData<unknown>, 'examples' | 'heldOut'>;
  rows: RowsOptions;
  steps: ItemSteps<unknown>;
  /** Asks what is needed for so many steps, and for what is held out. */
  prepare(ask: AskReference, steps: number): Promise<void>;
  /** This rank's share of a step. */
  workOf(model: LanguageModel, step: number, options: OutcomeOptions, mesh: Mesh): Iterable<Work>;
  /** This rank's share of what is held out: equally many for each rank. */
  heldOut(model: LanguageModel, options: OutcomeOptions, mesh: Mesh): Iterable<Work>;
}

/** How the texts of a run lie in rows. */
export const rowsOf = (
  { packing, sequenceLength }: Pick<DpoConfig, 'packing' | 'sequenceLength'>,
  { padId }: Tokenizer,
): RowsOptions => ({
  layout: packing ? 'packed' : 'padded',
  sequenceLength,
  padding: padId,
});
