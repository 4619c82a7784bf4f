// Lists of ids that no text of a model can have: refused before a schema looks at each of the ids.
import { isObject } from '../base/index.ts';
import { badRequest } from './http/http-error.ts';
import type { ServedModel } from './served-model.ts';

/** Fields that are texts, as ids or otherwise. */
const TEXTS = ['prompt', 'input'] as const;

/** @throws HttpError 400 for ids that are more than the model's texts have; where it names none that is served, than any model's */
export function refuseLongIds(body: unknown, models: ReadonlyMap<string, ServedModel>): void {
  if (!isObject(body)) return;
  const named = models.get(String(body['model']));
  const limit = Math.max(...Array.from(named ? [named] : models.values(), ({ contextTokens }) => contextTokens));
  for (const field of TEXTS) {
    const value = body[field];
    if (!Array.isArray(value)) continue;
    for (const each of typeof value[0] === 'number' ? [value] : value)
      if (Array.isArray(each) && each.length > limit) throw tooLong(field, each.length, limit, named);
  }
}

const tooLong = (field: string, length: number, limit: number, model: ServedModel | undefined) =>
  badRequest(
    'context_length_exceeded',
    `"${field}" has ${length} tokens, and a text of ${model?.name ?? 'any model here'} has ${limit} at most`,
    field,
    'Send fewer.',
  );
