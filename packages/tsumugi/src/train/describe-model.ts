// What a training run shows of its model: the parameters it trains, and text that it writes.
import { generateText, type Plamo2, type Plamo2Config, parameterTable } from '../lm/index.ts';
import type { Pause, Sample } from '../loop/index.ts';
import { formatInteger } from '../run/index.ts';
import type { Tokenizer } from '../text/index.ts';

/** Trainable parameters by kind of layer, as lines. */
export function formatParameterTable(config: Plamo2Config): string {
  const rows = parameterTable(config).map(({ kind, parameters, tensors }) => [kind, parameters, tensors] as const);
  const total = rows.reduce((sum, [, parameters]) => sum + parameters, 0);
  const lines = [...rows, ['all', total, rows.reduce((sum, [, , tensors]) => sum + tensors, 0)] as const].map(
    ([kind, parameters, tensors]) =>
      `  ${kind.padEnd(20)}${formatInteger(parameters).padStart(14)}${`${tensors} tensors`.padStart(14)}`,
  );
  return ['trainable parameters', ...lines].join('\n');
}

/** A sample: how the model goes on with a prompt, the same words for the same weights. `pause` is called between words. */
export async function sampleText(
  model: Plamo2,
  tokenizer: Tokenizer,
  { prompt, step, pause }: { prompt: string; step: number; pause: Pause },
): Promise<Sample> {
  let text = '';
  for (const piece of generateText(model, tokenizer, prompt, {
    maxTokens: 48,
    temperature: 0.8,
    topP: 0.95,
    seed: 0,
  })) {
    text += piece;
    await pause();
  }
  return { prompt, text, shown: `step ${step}: ${prompt}｜${text.replaceAll('\n', '⏎')}` };
}
