// Aligning the benchmark's 18.3 M-parameter model: fine-tuning and preference training beside pre-training, sampling beside decoding.
import { fineTuning } from './align/fine-tuning.ts';
import { preference } from './align/preference.ts';
import { sampling } from './align/sampling.ts';
import { Trainer } from './align/trainer.ts';
import type { Context, PartResult } from './lib/part.ts';

export async function run(context: Context): Promise<PartResult> {
  using trainer = new Trainer();
  const notes: string[] = [];
  for (const part of [fineTuning, preference, sampling]) notes.push(...(await part(context, trainer)));
  return { rows: context.rows, notes };
}
