// Steps of DPO, whose reference has been asked before, beside pre-training on as many tokens.
import { completed, layOut, type PreferenceExample } from 'tsumugi/text';
import { dpoConfig, PreferenceSteps, pairOutcome, preferenceGradients } from 'tsumugi/train';
import type { Context } from '../lib/part.ts';
import { row } from '../lib/row.ts';
import { interleave } from '../lib/sampling.ts';
import { median } from '../lib/statistics.ts';
import { examplesOf, type Gradients, type Trainer, tokensOf } from './trainer.ts';

/** Two answers of one length each to the same prompt. */
function pairsOf(count: number, longest: number, vocabulary: number): PreferenceExample[] {
  return examplesOf(count, longest, vocabulary).map(({ ids, learned, source }) => {
    const prompt = ids.slice(0, learned.indexOf(1));
    const chosen = ids.slice(prompt.length);
    return { prompt, chosen, rejected: chosen.map((id) => (id + 1) % vocabulary), source };
  });
}

/** Returns what a reader must know of the rows. */
export async function preference({ quick, log, rows }: Context, trainer: Trainer): Promise<string[]> {
  const sequenceLength = quick ? 128 : 512;
  const pairs = pairsOf(quick ? 2 : 12, sequenceLength, trainer.config.vocab_size);
  const answers = pairs.flatMap(({ prompt, chosen, rejected, source }) =>
    [chosen, rejected].map((answer) => completed(prompt, answer, source)),
  );
  const processed = tokensOf(layOut(answers, { layout: 'packed', sequenceLength }));
  const config = dpoConfig.parse({ model: 'none', data: ['none'], out: 'none', batchSize: pairs.length });
  const options = { sequenceLength, batchSize: pairs.length, gradientAccumulation: 1, padding: 0, seed: 0 };
  const steps = new PreferenceSteps(pairs, { ...options, layout: 'packed' });
  const cached = { chosen: new Float64Array(pairs.length), rejected: new Float64Array(pairs.length) };
  const gradients = preferenceGradients(
    steps,
    (step, how) => steps.at(step).map((some) => () => pairOutcome(trainer.model, some, cached, config, how)),
    config,
  );
  const rate = (work: Gradients, name: string) =>
    trainer.rate(processed, work, (found) => log(`${name}: ${found.toFixed(0)} tokens/s`));
  const samples = await interleave(quick ? 1 : 7, {
    pretraining: rate(trainer.pretrainingOf(answers, sequenceLength), 'pre-training on the answers of pairs'),
    dpo: rate(
      trainer.ofStep(() => gradients(0).loss),
      'DPO',
    ),
  });
  const tokensPerSecond = { unit: 'tokens/s', better: 'higher' } as const;
  rows.push(
    row({ name: 'pre-training on the rows of pairs', ...tokensPerSecond, ours: samples.pretraining }),
    row({
      name: '    DPO on these rows, reference cached',
      ...tokensPerSecond,
      ours: samples.dpo,
      peak: { of: 'pre-training', value: median(samples.pretraining) },
      goal: { of: 'share', bound: 0.9 },
    }),
  );
  return [`DPO: ${pairs.length} pairs in one micro-batch, ${processed.toLocaleString('en-US')} tokens, packed`];
}
