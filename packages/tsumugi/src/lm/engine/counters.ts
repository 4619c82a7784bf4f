// What an engine has done so far, and how it stands: for metrics.

/** Sums since the engine was made; requests that began again after they had to wait count once, but for what was read again. */
export class Totals {
  /** Times that a text had to give its slot back for want of memory. */
  preemptions = 0;
  /** Tokens of prompts that began. */
  promptTokens = 0;
  /** Those of them that came from the prefix cache. */
  cachedTokens = 0;
  /** Tokens that were read: prompts, and texts that had to wait, again. */
  readTokens = 0;
  generatedTokens = 0;
  /** Times that tokens were proposed for a text and checked. */
  proposals = 0;
  /** Tokens that were proposed and checked in the pass of another. */
  proposedTokens = 0;
  /** Those of them that came. */
  acceptedTokens = 0;
  /** Prompts that were looked up in the prefix cache. */
  prefixQueries = 0;
  /** Those of them of which something was found. */
  prefixHits = 0;
  /** Those of which more was read before than a state was there for. */
  stateMissing = 0;
}

export interface EngineCounters extends Readonly<Totals> {
  /** Texts that have a slot: read or written. */
  readonly running: number;
  readonly waiting: number;
  /** States after prefixes that are kept. */
  readonly snapshots: number;
  /** States that had to make room. */
  readonly evictions: number;
  /** Memory of texts and snapshots. */
  readonly bytesUsed: number;
  readonly bytesLimit: number;
}
