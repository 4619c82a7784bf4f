// The model that a request names.
import { nearest } from '../base/index.ts';
import { HttpError } from './http/http-error.ts';
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
