// The parity gate: an artefact that goes on differently from its source than its type explains is not let out.
import { UserError } from '../../base/index.ts';
import type { Tokenizer } from '../../text/index.ts';
import { type ComparedPrompt, type Comparison, compare, type Predictor } from './compare.ts';
import { gatePrompts } from './prompts.ts';

export interface GateLimits {
  /** Nats: the mean over all positions, and at the worst of them. */
  meanKl: number;
  maxKl?: number;
}

export interface PromptOptions {
  tokenizer: Tokenizer;
  /** Ids that end a text. */
  ends: readonly number[];
  /** Tokens within which source and artefact mean the same: prompts and what follows are cut to it. Default: `gateContext`. */
  context?: number;
  onPrompt?: ((done: number, total: number) => Promise<void> | void) | undefined;
}

export interface GateOptions extends PromptOptions {
  limits: GateLimits;
}

export interface GateReport extends Comparison {
  limits: GateLimits;
  /** What the artefact was loaded by. */
  loadedBy: string;
}

/** The longest prompt and what follows it fit. */
export const gateContext = 512;
/** Tokens of greedy text. */
const written = 16;
const shortestContext = 8;

/** How differently an artefact and its source go on from the fixed prompts. */
export async function compareOnPrompts(
  source: Predictor,
  artefact: Predictor,
  options: PromptOptions,
): Promise<Comparison> {
  const { tokenizer, context = gateContext } = options;
  const maxTokens = Math.min(written, Math.max(0, Math.floor(context / 2)));
  const read = Math.max(1, context - maxTokens);
  const prompts = gatePrompts.map((text) => ({
    text,
    ids: tokenizer.encode(text, { addBos: true, safe: true }).slice(0, read),
  }));
  return await compare(source, artefact, {
    prompts,
    decode: (ids) => tokenizer.decode(ids.filter((id) => id < tokenizer.idLimit)),
    maxTokens: context >= shortestContext ? maxTokens : 0,
    ends: options.ends,
    onPrompt: (done) => options.onPrompt?.(done, prompts.length),
  });
}

/**
 * Compares an artefact with its source on the fixed prompts.
 *
 * @throws UserError when it is further from its source than `limits`, with the worst prompt
 */
export async function parityGate(source: Predictor, artefact: Predictor, options: GateOptions): Promise<GateReport> {
  const { limits } = options;
  const comparison = await compareOnPrompts(source, artefact, options);
  const worst = worstOf(comparison);
  if (comparison.meanKl > limits.meanKl) throw refusal('mean', comparison.meanKl, limits.meanKl, worst, artefact);
  if (limits.maxKl !== undefined && comparison.maxKl > limits.maxKl)
    throw refusal('largest', comparison.maxKl, limits.maxKl, worst, artefact);
  return { ...comparison, limits, loadedBy: artefact.name };
}

const worstOf = ({ prompts }: Comparison): ComparedPrompt => prompts.reduce((a, b) => (b.maxKl > a.maxKl ? b : a));

function refusal(which: string, found: number, limit: number, worst: ComparedPrompt, artefact: Predictor): UserError {
  const { prompt, source, artefact: theirs, maxKl } = worst;
  return new UserError(
    'parity-gate',
    `the artefact, loaded by ${artefact.name}, does not go on as its source does: the ${which} divergence of the next token ` +
      `is ${found.toPrecision(3)} nats, and ${limit} is allowed. Worst (${maxKl.toPrecision(3)} nats): ` +
      `${JSON.stringify(prompt)} → source ${JSON.stringify(source)}, artefact ${JSON.stringify(theirs)}`,
    {
      remedy:
        'Choose a type of more bits, or give a calibration text (--text); --no-gate writes it all the same, and says so in the lineage.',
      fields: { which, found, limit, worst },
    },
  );
}
