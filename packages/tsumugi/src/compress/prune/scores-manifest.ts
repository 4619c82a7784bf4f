// The file in which measured scores are kept, so that another target needs no second calibration.
import { z } from 'zod';
import { cacheFolder, filesHash } from '../../base/index.ts';
import { type Json, readJsonIfSound, writeJson } from '../../store/index.ts';

const scores = z.array(z.number());

const scoresSchema = z.strictObject({
  /** Nats of a predicted token. */
  loss: z.number(),
  /** Of each channel of the residual stream. */
  hidden: scores,
  /** Of each layer's channels and heads. */
  layers: z.array(
    z.strictObject({
      ffn: scores,
      query: scores.optional(),
      mamba: scores.optional(),
      dt: scores.optional(),
    }),
  ),
  /** Of each group of layers that can go: 1 − cosine of the residual stream before and after it. */
  influence: scores,
  /** The loss without it. Measured when it is asked for. */
  lossWithout: scores.optional(),
});

const fileSchema = z.strictObject({
  format: z.literal('tsumugi-importance'),
  version: z.literal(1),
  /** Hash of the model's files, and of the sequences. */
  model: z.string(),
  text: z.string(),
  scores: scoresSchema,
});

export type Scores = z.output<typeof scoresSchema>;

/** What scores were measured with. */
export interface Measured {
  readonly model: string;
  readonly text: string;
}

export const scoresPath = ({ model, text }: Measured): string =>
  cacheFolder(
    'importance',
    `${filesHash([
      ['model', model],
      ['text', text],
    ]).slice(0, 32)}.json`,
  );

/** Undefined when nothing was kept, or not for this model and text; a damaged file is as none. */
export function keptScores(measured: Measured): Scores | undefined {
  const kept = readJsonIfSound(scoresPath(measured), fileSchema);
  return kept?.model === measured.model && kept.text === measured.text ? kept.scores : undefined;
}

export function keepScores({ model, text }: Measured, found: Scores): void {
  const file: z.output<typeof fileSchema> = { format: 'tsumugi-importance', version: 1, model, text, scores: found };
  writeJson(scoresPath({ model, text }), file as unknown as Json);
}
