// What a training run shows of its model: the parameters it trains, and text that it writes.
import { endIds, generateIds, type Plamo2, type Plamo2Config, parameterTable } from '../lm/index.ts';
import type { Pause, Sample } from '../loop/index.ts';
import { formatInteger, readableSample } from '../run/index.ts';
import type { Tokenizer } from '../text/index.ts';

/** Parameters by kind of layer, as lines; where some are frozen, how many of them are trained as well. */
export function formatParameterTable(config: Plamo2Config, isFrozen?: (name: string) => boolean): string {
  const rows = parameterTable(config, isFrozen);
  const sum = (part: (row: (typeof rows)[number]) => number) => rows.reduce((total, row) => total + part(row), 0);
  const all = {
    kind: 'all',
    parameters: sum((row) => row.parameters),
    tensors: sum((row) => row.tensors),
    frozen: sum((row) => row.frozen),
  };
  const lines = [...rows, all].map(({ kind, parameters, tensors, frozen }) => {
    const trained = isFrozen ? `${formatInteger(parameters - frozen)} trained`.padStart(24) : '';
    return `  ${kind.padEnd(20)}${formatInteger(parameters).padStart(14)}${`${tensors} tensors`.padStart(14)}${trained}`;
  });
  return [isFrozen ? 'parameters' : 'trainable parameters', ...lines].join('\n');
}

/** The ids of a sample. */
const SAMPLE_TOKENS = 48;

/**
 * A sample: how the model goes on with a prompt, the same words for the same weights. `pause` is called after each token, and the model is
 * asked for all of them even where the text has ended: ranks that sample together, of which one may round otherwise and read another
 * text, stay in step.
 */
export async function sampleText(
  model: Plamo2,
  tokenizer: Tokenizer,
  { prompt, step, pause }: { prompt: string; step: number; pause: Pause },
): Promise<Sample> {
  const ids: number[] = [];
  for (const id of generateIds(model, tokenizer.encode(prompt, { addBos: true, safe: true }), {
    maxTokens: SAMPLE_TOKENS,
    temperature: 0.8,
    topP: 0.95,
    seed: 0,
    vocabularyLimit: tokenizer.vocabSize,
  })) {
    ids.push(id);
    await pause();
  }
  const ends = endIds(tokenizer, model.config);
  const end = ids.findIndex((id) => ends.includes(id));
  const text = tokenizer.decode(end < 0 ? ids : ids.slice(0, end));
  return { prompt, text, shown: `step ${step}: ${prompt}｜${readableSample(text).replaceAll('\n', '⏎')}` };
}
