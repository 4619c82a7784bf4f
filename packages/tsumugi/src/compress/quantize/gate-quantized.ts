// A quantized folder against the model it was made from, as whoever loads it will see it.
import { endIds, loadModel, loadTokenizer } from '../../lm/index.ts';
import { bitsOnPrompts, enginePredictor, type GateReport, parityGate } from '../gate/index.ts';

/** Nats of next-token divergence, the mean over all positions. Our choice, as for GGUF files of as many bits. */
export const quantizedLimits: Readonly<Record<4 | 8, number>> = { 4: 0.5, 8: 0.05 };

/** The longest prompt and what follows it fit. */
const longest = 512;

export interface QuantizedGate extends GateReport {
  /** Of the prompts, as the source and the quantized model find them. */
  readonly bitsPerCharacter: { readonly source: number; readonly quantized: number };
}

/** @throws UserError `parity-gate` with the worst prompt, when they differ by more than their bits explain */
export async function gateQuantized(
  source: string,
  quantized: string,
  bits: 4 | 8,
  onPrompt?: (done: number, total: number) => void,
): Promise<QuantizedGate> {
  using before = loadModel(source, { dtype: 'float32' });
  using after = loadModel(quantized, { dtype: 'float32' });
  const tokenizer = loadTokenizer(source, before.config);
  const report = await parityGate(enginePredictor(before, 'the source'), enginePredictor(after, 'tsumugi'), {
    tokenizer,
    ends: endIds(tokenizer, before.config),
    limits: { meanKl: quantizedLimits[bits] },
    context: longest,
    onPrompt,
  });
  const bitsPerCharacter = { source: bitsOnPrompts(before, tokenizer), quantized: bitsOnPrompts(after, tokenizer) };
  return { ...report, bitsPerCharacter };
}
