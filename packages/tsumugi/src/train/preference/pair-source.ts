// Pairs to learn from: every loss but KTO's.
import type { PreferenceExample } from '../../text/index.ts';
import { type DpoConfig, needsReference } from '../dpo-config.ts';
import { type PairReferences, pairOutcome } from './pair-outcome.ts';
import { openPairs } from './preference-data.ts';
import { type AskReference, type PreferenceSource, rowsOf } from './preference-source.ts';
import { PreferenceSteps, pairBatches } from './preference-steps.ts';

/** @param seed of the order of the pairs */
export async function pairSource(config: DpoConfig, seed: number): Promise<PreferenceSource> {
  const data = await openPairs(config);
  const rows = rowsOf(config, data.tokenizer);
  const { batchSize, gradientAccumulation } = config;
  const steps = new PreferenceSteps(data.examples, { ...rows, batchSize, gradientAccumulation, seed });
  let references: { learned: PairReferences; heldOut: PairReferences } | undefined;
  return {
    what: 'pairs',
    data,
    rows,
    steps,
    async prepare(ask) {
      if (!needsReference(config.loss)) return;
      references = { learned: await askPairs(data.examples, ask), heldOut: await askPairs(data.heldOut, ask) };
    },
    *workOf(model, step, options, mesh) {
      for (const batch of steps.at(step, mesh))
        yield () => pairOutcome(model, batch, references?.learned, config, options);
    },
    *heldOut(model, options, mesh) {
      for (const batch of pairBatches(data.heldOut, { ...rows, batchSize }, mesh))
        yield () => batch && pairOutcome(model, batch, references?.heldOut, config, options);
    },
  };
}

async function askPairs(pairs: readonly PreferenceExample[], ask: AskReference): Promise<PairReferences> {
  const numbers = await ask(
    pairs.flatMap(({ prompt, chosen, rejected, source }) => [
      { prompt, answer: chosen, source },
      { prompt, answer: rejected, source },
    ]),
  );
  return { chosen: numbers.filter((_, i) => i % 2 === 0), rejected: numbers.filter((_, i) => i % 2 === 1) };
}
