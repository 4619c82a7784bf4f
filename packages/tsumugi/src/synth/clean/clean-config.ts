// What a corpus is cleaned of. Defaults are our choice.
import { z } from 'zod';
import { ConfigError } from '../../base/index.ts';

const share = z.number().min(0).max(1);
const count = z.int().positive();

export const cleanConfig = z.strictObject({
  field: z.string().min(1).default('text').describe('field or column that holds the text'),
  length: z
    .strictObject({ min: count.optional(), max: count.optional() })
    .optional()
    .describe('drop what is shorter or longer, in characters'),
  japanese: z
    .strictObject({ min: share.optional(), kana: share.optional() })
    .optional()
    .describe('drop what is not Japanese'),
  characters: z
    .strictObject({ digits: share.optional(), symbols: share.optional() })
    .optional()
    .describe('drop what has many digits or symbols'),
  ending: z
    .strictObject({ ends: z.string().min(1).optional() })
    .optional()
    .describe('drop what ends no sentence'),
  repetition: z
    .strictObject({ lines: share.optional(), lineCharacters: share.optional() })
    .optional()
    .describe('drop what repeats itself'),
  against: z.array(z.string().min(1)).default([]).describe('texts, of evaluation sets as a rule, to keep away from'),
  decontaminate: z
    .strictObject({ ngram: count.optional(), share: z.number().gt(0).max(1).optional(), run: count.optional() })
    .default({})
    .describe('from when on a text has a piece of them'),
  near: z
    .strictObject({
      threshold: z.number().gt(0).max(1).optional(),
      ngram: count.optional(),
      permutations: count.optional(),
      seed: z.int().nonnegative().optional(),
    })
    .default({})
    .describe('how alike texts are near-duplicates, of which the first stays'),
  nearDuplicates: z.boolean().default(true).describe('drop near-duplicates'),
  format: z.enum(['parquet', 'jsonl']).default('parquet').describe('what is written, packed with zstd'),
  memory: z.int().min(128).default(1024).describe('MiB that DuckDB may take'),
});

export type CleanConfig = z.output<typeof cleanConfig>;

/** @throws ConfigError for settings of what is not done */
export function checkClean({ near, nearDuplicates, decontaminate, against }: CleanConfig): void {
  const refuse = (setting: string, why: string, remedy: string) => {
    throw new ConfigError('no-effect', `"${setting}" has no effect: ${why}`, { remedy, fields: { setting } });
  };
  if (!nearDuplicates && Object.keys(near).length > 0)
    refuse('near', '"nearDuplicates" is false', 'Leave one of them out.');
  if (against.length === 0 && Object.keys(decontaminate).length > 0)
    refuse('decontaminate', 'there are no texts to keep away from', 'Name them with "against", or leave it out.');
}

/** Filters by their name in the settings, in the order in which they look. */
export const CLEAN_FILTERS = ['length', 'japanese', 'characters', 'ending', 'repetition'] as const;
