// What a search keeps of a candidate that was scored.
import { join } from 'node:path';
import { z } from 'zod';
import { sha256 } from '../../base/index.ts';
import { canonicalJson, type Json } from '../../store/index.ts';

export const scoredCandidate = z.strictObject({
  set: z.array(z.string()),
  scores: z.array(z.strictObject({ name: z.string(), value: z.number(), lowerIsBetter: z.boolean() })).min(1),
});

export const candidatesFolder = (out: string): string => join(out, 'candidates');

/** Where the scores of a merge are. */
export const scoreFile = (out: string, identity: string, scoring: Json): string =>
  join(candidatesFolder(out), `${sha256(canonicalJson([identity, scoring])).slice(0, 16)}.json`);
