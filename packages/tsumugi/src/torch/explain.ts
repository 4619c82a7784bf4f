// What the addon and libtorch complain about, in words for whoever called: the operator, what it was given, what to write.
import { DisposedError, NativeError, TsumugiError, UserError } from '../base/index.ts';
import { advice } from './advice.ts';
import { missingDType } from './missing-dtype.ts';
import { isTensor } from './scope.ts';
import type { Tensor } from './tensor.ts';

function describeTensor(tensor: Tensor): string {
  return tensor.isDisposed ? 'freed tensor' : `${tensor.dtype}[${tensor.shape.join(', ')}]`;
}

/** What an argument is, for messages. */
function describe(value: unknown): string {
  if (isTensor(value)) return describeTensor(value);
  if (Array.isArray(value)) return `[${value.slice(0, 6).map(describe).join(', ')}${value.length > 6 ? ', …' : ''}]`;
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

/** Type and value, for an argument of the wrong type. */
export function describeType(value: unknown): string {
  return isTensor(value)
    ? `Tensor ${describe(value)}`
    : Array.isArray(value)
      ? `array ${describe(value)}`
      : `${typeof value} ${describe(value)}`;
}

/** Adds the operator and the shapes to an error thrown by the addon. */
export function explain(error: unknown, operator: string, values: readonly unknown[]): Error {
  if (!(error instanceof Error) || error instanceof TsumugiError) return error as Error;
  const code = (error as Error & { code?: string }).code ?? 'libtorch';
  if (values.some((value) => isTensor(value) && value.isDisposed) || code === 'disposed')
    return new DisposedError('disposed', `${operator}: a tensor was used after it was freed`, {
      remedy: 'Return it from its scope, or call keep() on it before the scope ends.',
      fields: { operator },
    });
  if (code === 'recomputed-differently')
    return new UserError(code, error.message, {
      remedy: 'A segment must do the same each time: no counters, no parameters frozen or updated before backward.',
      cause: error,
    });
  const first = error.message.split('\n', 1)[0]!.replace(/^aten::\S+: /, '');
  const given = values
    .filter((value) => value !== undefined)
    .map(describe)
    .join(', ');
  const missing = missingDType(operator, first, values);
  if (missing) {
    const { dtype, fault, remedy, isChosen } = missing;
    const Fault = isChosen ? UserError : NativeError;
    return new Fault('dtype-not-implemented', `${operator}(${given}): ${fault}`, {
      remedy,
      fields: { operator, dtype },
      cause: error,
    });
  }
  const remedy = advice(operator, code, first, values);
  return new NativeError(code, `${operator}(${given}): ${first}`, {
    ...(remedy && { remedy }),
    fields: { operator },
    cause: error,
  });
}
