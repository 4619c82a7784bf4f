// The body of a request for vectors of texts, in OpenAI's shape.
import { z } from 'zod';
import { maybe, modelName } from '../http/body-fields.ts';

const ids = z.array(z.int().min(0)).min(1);
const text = z.string().min(1);
/** Texts of one request: as many as OpenAI takes. */
const TEXTS = 2048;

export const embeddingsBody = z.object({
  model: modelName,
  input: z.union([text, z.array(text).min(1).max(TEXTS), ids, z.array(ids).min(1).max(TEXTS)], {
    error: `must be a text, a list of texts, a list of ids, or a list of such lists; none of them empty, at most ${TEXTS}`,
  }),
  encoding_format: maybe(z.enum(['float', 'base64'])),
  dimensions: maybe(z.int().min(1)),
});

export type EmbeddingsBody = z.output<typeof embeddingsBody>;

/** The texts one by one. */
export function textsOf(input: EmbeddingsBody['input']): readonly (string | readonly number[])[] {
  if (typeof input === 'string') return [input];
  return typeof input[0] === 'number' ? [input as number[]] : (input as string[] | number[][]);
}
