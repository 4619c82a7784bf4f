// A model's tokenizer for programs: how many tokens a text has, and what they are.
import { json } from '../http/json.ts';
import { requireModel } from '../require-model.ts';
import { route } from '../route.ts';
import type { ServedModel } from '../served-model.ts';
import type { Serving } from '../serving.ts';
import { detokenizeBody, tokenizeBody } from './request.ts';
import { detokenize, tokenize } from './tokenize.ts';

export const tokenizeRoute = route({
  method: 'POST',
  path: '/tokenize',
  summary: 'The ids of a text or of a conversation',
  body: tokenizeBody,
  answer: async ({ body, signal }, serving) =>
    json(await serving.inSteps(tokenize(modelOf(serving, body.model), body, serving.encode), signal)),
});

export const detokenizeRoute = route({
  method: 'POST',
  path: '/detokenize',
  summary: 'The text of ids',
  body: detokenizeBody,
  answer: async ({ body, signal }, serving) =>
    json(await serving.inSteps(detokenize(modelOf(serving, body.model), body), signal)),
});

/** The model that is named, or the first one. */
const modelOf = ({ models }: Serving, name: string | undefined): ServedModel =>
  requireModel(models, name ?? [...models.keys()][0]!);
