// Where NaN and infinity come from, when a model's numbers are no longer usable: the first weight that holds them, or the
// first layer that computes them from sound weights. Looked for only when it has happened, so it costs nothing until then.
import { UserError } from '../base/index.ts';
import { describeNotFinite, diagnose } from '../nn/index.ts';
import { type DType, noGrad, scope, type Tensor, tensor } from '../torch/index.ts';
import { idsRow } from './ids-row.ts';
import { NOT_FINITE } from './sampling.ts';
import type { LanguageModel } from './types.ts';

/** What a model read when it went wrong. */
export interface Reading {
  ids: readonly number[];
  documents?: readonly number[] | undefined;
  dtype?: DType | undefined;
}

/** `fault` happened after a model read `reading`: the error that says why. */
export function notFinite(model: LanguageModel, fault: string, reading: Reading): UserError {
  const weight = diagnose(model).culprits.find(({ kind }) => kind === 'weight');
  if (weight)
    return new UserError(
      NOT_FINITE,
      `${fault}: the weight ${describeNotFinite({ ...weight, name: `"${weight.name}"` })}`,
      {
        remedy: 'Get the model again, or go back to a checkpoint from before its training failed.',
        fields: { path: weight.name },
      },
    );
  const part = firstPart(model, reading);
  return new UserError(
    NOT_FINITE,
    `${fault}: every weight is finite, but the numbers grow too large${part === undefined ? '' : ` in ${part}`}`,
    {
      remedy: 'Check that these weights belong to this config.json, and go back to an earlier checkpoint.',
      fields: { path: part },
    },
  );
}

/** Does `body`; an error of it about numbers that are not finite gets its cause, and `place`, where it happened. */
export function withCause<T>(model: LanguageModel, place: () => string, read: () => Reading, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== NOT_FINITE) throw error;
    throw notFinite(model, `${place()}: ${error.message.split('\n', 1)[0]}`, read());
  }
}

/** The first part of the model whose output is not finite when it reads the ids. */
function firstPart(model: LanguageModel, { ids, documents, dtype }: Reading): string | undefined {
  let found: string | undefined;
  const check = (path: string, output: Tensor) => {
    if (found === undefined && scope(() => output.isfinite().logicalNot().any().item())) found = path;
  };
  scope(() =>
    noGrad(() => {
      const device = model.parameterDevice;
      const hidden = model.forward(idsRow(ids, device), {
        dtype,
        documents: documents && tensor(Int32Array.from(documents), { shape: [1, ids.length], device }),
        onPart: check,
      });
      for (let t = 0; t < ids.length && found === undefined; t++)
        scope(() => check('the logits', model.logits(hidden.narrow(1, t, 1))));
    }),
  );
  return found;
}
