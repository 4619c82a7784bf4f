// What is done to logits before a token is chosen from them: bias, then penalties for what came before.
import type { Logits } from '../sampling.ts';
import type { SamplingOptions } from './options.ts';

/** What came before, as penalties count it. */
export interface Past {
  /** The ids of prompt and text: the repetition penalty applies to them. */
  readonly seen?: ReadonlySet<number> | undefined;
  /** How often each id was written, the prompt aside: presence and frequency penalty apply to it. */
  readonly counts?: ReadonlyMap<number, number> | undefined;
}

/**
 * Changes logits [V] in place, in this order: bias, repetition penalty, presence and frequency penalty. It costs no more than a
 * visit to each id of the vocabulary, however long the text.
 */
export function adjust(logits: Logits, options: SamplingOptions, { seen, counts }: Past): void {
  const { logitBias, repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0 } = options;
  if (logitBias) for (const id in logitBias) add(logits, Number(id), logitBias[id]!);
  if (seen && repetitionPenalty !== 1) penalise(logits, seen, repetitionPenalty);
  if (counts && (presencePenalty !== 0 || frequencyPenalty !== 0))
    for (const [id, count] of counts) add(logits, id, -(presencePenalty + count * frequencyPenalty));
}

function add(logits: Logits, id: number, change: number): void {
  if (id < logits.length) logits[id]! += change;
}

function penalise(logits: Logits, seen: ReadonlySet<number>, penalty: number): void {
  for (const id of seen) {
    const value = logits[id];
    if (value !== undefined) logits[id] = value > 0 ? value / penalty : value * penalty;
  }
}

/** The past of a text that is being written. Keeps only what the options ask for. */
export class WrittenPast implements Past {
  readonly seen: Set<number> | undefined;
  readonly counts: Map<number, number> | undefined;

  constructor(options: SamplingOptions, prompt: readonly number[]) {
    this.seen = (options.repetitionPenalty ?? 1) === 1 ? undefined : new Set(prompt);
    this.counts = options.presencePenalty || options.frequencyPenalty ? new Map() : undefined;
  }

  /** An id was written. */
  add(id: number): void {
    this.seen?.add(id);
    this.counts?.set(id, (this.counts.get(id) ?? 0) + 1);
  }
}
