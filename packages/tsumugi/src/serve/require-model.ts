// The model that a request names, or means, and ids that it does not have.
import { z } from 'zod';
import { isObject, nearest } from '../base/index.ts';
import { modelName } from './http/body-fields.ts';
import { badRequest, HttpError } from './http/http-error.ts';
import type { ServedModel } from './served-model.ts';

/** @throws HttpError 404 naming those that there are */
export function requireModel(models: ReadonlyMap<string, ServedModel>, name: string): ServedModel {
  const found = models.get(name);
  if (found) return found;
  const names = [...models.keys()];
  const near = nearest(name, names);
  throw new HttpError(404, 'model_not_found', `there is no model ${JSON.stringify(name.slice(0, 200))} here`, {
    param: 'model',
    remedy: near === undefined ? `Served: ${names.slice(0, 20).join(', ')}.` : `Did you mean "${near}"?`,
  });
}

/** A body that names no model means the only one. @throws HttpError 400 naming those that there are, where they are several */
export function nameModel(schema: z.ZodType, body: unknown, models: ReadonlyMap<string, ServedModel>): unknown {
  const names = schema instanceof z.ZodObject && schema.shape['model'] === modelName;
  if (!names || !isObject(body) || (body['model'] ?? '') !== '') return body;
  const [first, ...others] = models.keys();
  if (others.length === 0) return { ...body, model: first };
  const served = [first, ...others].slice(0, 20).join(', ');
  throw badRequest('invalid_field', '"model" is missing', 'model', `Served: ${served}.`);
}

/** @param where "the prompt has" @param field of the body */
export const badId = ({ name, config }: ServedModel, id: number | string, where: string, field: string): HttpError =>
  badRequest('bad_id', `${where} the id ${id}, but ids of ${name} go to ${config.vocab_size - 1}`, field);
