// `GET /v1/models` and `/v1/models/{model}`: what is served, adapters included.
import { json } from '../http/json.ts';
import { requireModel } from '../require-model.ts';
import { route } from '../route.ts';
import type { ServedModel } from '../served-model.ts';

/** As OpenAI has it, with what vLLM's clients read besides: the length of the context, and the base of an adapter. */
const described = ({ name, created, contextTokens, place, template }: ServedModel) => ({
  id: name,
  object: 'model',
  created,
  owned_by: 'tsumugi',
  root: name,
  parent: place.adapter === undefined ? null : place.folder,
  max_model_len: contextTokens,
  chat_template: template !== undefined,
});

export const listModels = route({
  method: 'GET',
  path: '/v1/models',
  summary: 'The models that are served',
  answer: (_asked, { models }) => json({ object: 'list', data: [...models.values()].map(described) }),
});

export const getModel = route({
  method: 'GET',
  path: '/v1/models/:model{.+}',
  summary: 'One model that is served',
  answer: ({ params }, { models }) => json(described(requireModel(models, params['model']!))),
});
