// How differently two models go on from the same prompts: next-token Kullback–Leibler divergence at every position, whether the
// likeliest token is the same, and what each writes greedily.

/** One side of the comparison. */
export interface Predictor {
  /** Who it is, for reports. */
  readonly name: string;
  /** Logits of what comes after each of the ids: an array of the vocabulary's size for each. */
  nextLogits(ids: readonly number[]): Promise<readonly Float32Array[]>;
  /** The likeliest continuation of each prompt, at most so many ids, up to one that ends a text. */
  greedy(
    prompts: readonly (readonly number[])[],
    maxTokens: number,
    ends: readonly number[],
  ): Promise<readonly (readonly number[])[]>;
}

export interface ComparedPrompt {
  prompt: string;
  tokens: number;
  /** Nats, the mean over the prompt's positions, and the largest. */
  meanKl: number;
  maxKl: number;
  /** Positions whose likeliest next token is the same. */
  agreeing: number;
  /** What each goes on with. */
  source: string;
  artefact: string;
}

export interface Comparison {
  prompts: readonly ComparedPrompt[];
  positions: number;
  meanKl: number;
  maxKl: number;
  /** Share of positions whose likeliest next token is the same. */
  top1Agreement: number;
  /** Prompts that go on with the same text. */
  sameText: number;
}

export interface CompareOptions {
  prompts: readonly { text: string; ids: readonly number[] }[];
  decode(ids: readonly number[]): string;
  /** Tokens of greedy text, and the ids that end it. */
  maxTokens: number;
  ends: readonly number[];
  /** Called between prompts; may throw to end it. */
  onPrompt?: ((done: number) => Promise<void> | void) | undefined;
}

/** Compares an artefact with its source. */
export async function compare(source: Predictor, artefact: Predictor, options: CompareOptions): Promise<Comparison> {
  const { maxTokens, ends } = options;
  const asked = options.prompts.map(({ ids }) => ids);
  const written = [await source.greedy(asked, maxTokens, ends), await artefact.greedy(asked, maxTokens, ends)];
  const [ours, theirs] = written.map((texts) => texts.map((ids) => options.decode(ids))) as [string[], string[]];
  const prompts: ComparedPrompt[] = [];
  for (const [at, { text, ids }] of options.prompts.entries()) {
    const expected = await source.nextLogits(ids);
    const found = await artefact.nextLogits(ids);
    const kl = expected.map((row, i) => divergence(row, found[i]!));
    prompts.push({
      prompt: text,
      tokens: ids.length,
      meanKl: mean(kl),
      maxKl: Math.max(...kl),
      agreeing: expected.filter((row, i) => argmax(row) === argmax(found[i]!)).length,
      source: ours[at]!,
      artefact: theirs[at]!,
    });
    await options.onPrompt?.(prompts.length);
  }
  const positions = prompts.reduce((sum, { tokens }) => sum + tokens, 0);
  return {
    prompts,
    positions,
    meanKl: prompts.reduce((sum, { meanKl, tokens }) => sum + meanKl * tokens, 0) / positions,
    maxKl: Math.max(...prompts.map(({ maxKl }) => maxKl)),
    top1Agreement: prompts.reduce((sum, { agreeing }) => sum + agreeing, 0) / positions,
    sameText: prompts.filter(({ source, artefact }) => source === artefact).length,
  };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** ln Σ exp, in float64. */
function logSum(logits: Float32Array): number {
  let peak = Number.NEGATIVE_INFINITY;
  for (const logit of logits) peak = Math.max(peak, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - peak);
  return peak + Math.log(sum);
}

/** KL(P ‖ Q) = Σ P ln(P/Q) of two rows of logits, in nats; infinite where a logit is no number. */
export function divergence(p: Float32Array, q: Float32Array): number {
  const [logP, logQ] = [logSum(p), logSum(q)];
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    const ln = p[i]! - logP;
    sum += Math.exp(ln) * (ln - (q[i]! - logQ));
  }
  return Number.isNaN(sum) ? Number.POSITIVE_INFINITY : Math.max(0, sum);
}
