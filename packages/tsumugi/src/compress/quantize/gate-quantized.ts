// A quantized folder against the model it was made from, as whoever loads it will see it.
import { endIds, loadTokenizer } from '../../lm/index.ts';
import {
  bitsOnPrompts,
  compareOnTexts,
  type GateReport,
  gatePrompts,
  openLean,
  parityGate,
  type TextComparison,
} from '../gate/index.ts';
import { calibrationTexts } from '../importance/index.ts';

/** Nats of next-token divergence, the mean over all positions. Our choice, as for GGUF files of as many bits. */
export const quantizedLimits: Readonly<Record<4 | 8, number>> = { 4: 0.5, 8: 0.05 };

export interface QuantizedGate extends GateReport {
  /** Of the prompts, as the source and the quantized model find them. */
  readonly bitsPerCharacter: { readonly source: number; readonly quantized: number };
  /** On the user's text. */
  readonly text?: TextComparison | undefined;
}

interface GateQuantizedOptions {
  readonly bits: 4 | 8;
  /** Files and folders with text to compare on besides; of it so many tokens, in pieces. */
  readonly text: readonly string[];
  readonly reportTokens: number;
  readonly sequenceLength: number;
  readonly onProgress?: ((done: number, total: number) => unknown) | undefined;
}

/** @throws UserError `parity-gate` with the worst prompt, when they differ by more than their bits explain */
export async function gateQuantized(
  source: string,
  quantized: string,
  { bits, text, reportTokens, sequenceLength, onProgress }: GateQuantizedOptions,
): Promise<QuantizedGate> {
  using dense = openLean(source);
  using few = openLean(quantized);
  const [before, after] = [dense.model, few.model];
  const tokenizer = loadTokenizer(source, before.config);
  const options = { sequenceLength, maxTokens: reportTokens, whole: true };
  const pieces = text.length > 0 ? await calibrationTexts(text, tokenizer, options) : [];
  const total = gatePrompts.length + pieces.length;
  const report = await parityGate(dense.predictor('the source'), few.predictor('tsumugi'), {
    tokenizer,
    ends: endIds(tokenizer, before.config),
    limits: { meanKl: quantizedLimits[bits] },
    onPrompt: async (done) => void (await onProgress?.(done, total)),
  });
  const bitsPerCharacter = { source: bitsOnPrompts(before, tokenizer), quantized: bitsOnPrompts(after, tokenizer) };
  const characters = (ids: readonly number[]) => [...tokenizer.decode(ids)].length;
  const onPiece = async (done: number) => void (await onProgress?.(gatePrompts.length + done, total));
  const onText = pieces.length > 0 ? await compareOnTexts(before, after, pieces, characters, onPiece) : undefined;
  return { ...report, bitsPerCharacter, text: onText };
}
