// Prompts as the model is given them. One that was there before is left out: its answers would be the same.
import { createHash } from 'node:crypto';
import { DataError, sha256 } from '../../base/index.ts';
import { type ChatTemplate, encodePrompt, type PromptRow, type Tokenizer } from '../../text/index.ts';

export interface PromptToAnswer extends PromptRow {
  readonly ids: Int32Array;
  /** Of the ids. */
  readonly sha256: string;
}

export interface PromptsToAnswer {
  readonly prompts: readonly PromptToAnswer[];
  /** Rows whose prompt was there before. */
  readonly repeated: number;
  readonly tokens: number;
  /** Of all prompts, with what a scorer finds in their rows. */
  readonly sha256: string;
}

/** @throws DataError naming file and row, also when there are no prompts */
export async function promptsToAnswer(
  rows: AsyncIterable<PromptRow>,
  {
    template,
    tokenizer,
    limit = Infinity,
  }: { template: ChatTemplate; tokenizer: Tokenizer; limit?: number | undefined },
): Promise<PromptsToAnswer> {
  const prompts: PromptToAnswer[] = [];
  const seen = new Set<string>();
  const all = createHash('sha256');
  let repeated = 0;
  let tokens = 0;
  for await (const row of rows) {
    if (prompts.length >= limit) break;
    const ids = Int32Array.from(
      typeof row.prompt === 'string'
        ? tokenizer.encode(row.prompt, { addBos: true, safe: true })
        : encodePrompt(template, tokenizer, row.prompt),
    );
    const hash = sha256(ids.join());
    if (seen.has(hash)) {
      repeated++;
      continue;
    }
    seen.add(hash);
    all.update(hash).update(sha256(textOf(row.values)));
    tokens += ids.length;
    prompts.push({ ...row, ids, sha256: hash });
  }
  if (prompts.length === 0)
    throw new DataError('no-prompts', 'there are no prompts: the files have no rows', { remedy: 'Check the prompts.' });
  return { prompts, repeated, tokens, sha256: all.digest('hex') };
}

/** A row as a text, also one of Parquet, whose whole numbers may be larger than JSON has them. */
const textOf = (values: PromptRow['values']) =>
  JSON.stringify(values, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
