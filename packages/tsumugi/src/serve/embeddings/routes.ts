// Vectors of texts: each is read by itself, so a text has the same vector alone and among others.
import { badRequest } from '../http/http-error.ts';
import { json } from '../http/json.ts';
import { requireModel } from '../require-model.ts';
import { type Asked, route } from '../route.ts';
import type { ServedModel } from '../served-model.ts';
import type { Serving } from '../serving.ts';
import { type EmbeddingsBody, embeddingsBody, textsOf } from './request.ts';

export const embeddings = route({
  method: 'POST',
  path: '/v1/embeddings',
  summary: 'Vectors of texts: the mean of the hidden states of their tokens, of length 1',
  body: embeddingsBody,
  answer: async (asked, serving) => json(await vectors(asked, serving)),
});

async function vectors({ body, signal, note }: Asked<EmbeddingsBody>, serving: Serving) {
  const { encoding_format: format = 'float', dimensions } = body;
  const model = requireModel(serving.models, body.model);
  const size = model.config.hidden_size;
  if (dimensions !== undefined && dimensions !== size)
    throw badRequest(
      'bad_dimensions',
      `dimensions can only be ${size}, the model's own: a part of such a vector says less than all of it`,
      'dimensions',
      'Leave it out.',
    );
  const texts: (readonly number[])[] = [];
  for (const [i, text] of textsOf(body.input).entries()) texts.push(await idsOf(model, text, i, serving, signal));
  const data = [];
  for (const [index, ids] of texts.entries()) {
    const vector = Float32Array.from(await serving.embed(model.name, ids, signal));
    data.push({ object: 'embedding', index, embedding: format === 'base64' ? base64(vector) : [...vector] });
  }
  const tokens = texts.reduce((sum, ids) => sum + ids.length, 0);
  note({ model: model.name, prompt: tokens });
  return { object: 'list', model: body.model, data, usage: { prompt_tokens: tokens, total_tokens: tokens } };
}

async function idsOf(
  { tokenizer, contextTokens, config }: ServedModel,
  text: string | readonly number[],
  i: number,
  serving: Serving,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const encoded = (words: string) => tokenizer.encodeSteps(words, { addBos: true, safe: true });
  const ids = typeof text === 'string' ? await serving.inSteps(encoded(text), signal) : text;
  const wrong = ids.find((id) => id >= config.vocab_size);
  if (wrong !== undefined)
    throw badRequest('bad_id', `text ${i} has the id ${wrong}, but the vocabulary has ${config.vocab_size}`, 'input');
  if (ids.length > contextTokens)
    throw badRequest(
      'context_length_exceeded',
      `text ${i} has ${ids.length} tokens, but the model reads ${contextTokens}`,
      'input',
      'Cut it into parts.',
    );
  return ids;
}

/** Numbers of 32 bits, the lowest byte first, as the official client reads them. */
function base64(vector: Float32Array): string {
  const bytes = Buffer.alloc(4 * vector.length);
  for (const [i, value] of vector.entries()) bytes.writeFloatLE(value, 4 * i);
  return bytes.toString('base64');
}
