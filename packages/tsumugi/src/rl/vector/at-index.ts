// Errors of one environment among many: which one it was.
import { inspect } from 'node:util';
import { TsumugiError, UserError } from '../../base/index.ts';

/** An error as plain data, to cross between threads. */
export interface PlainError {
  index: number;
  user: boolean;
  code: string;
  message: string;
  remedy: string | undefined;
  fields: Readonly<Record<string, unknown>>;
  stack: string | undefined;
}

/** What was thrown in environment `index`. */
export function plainError(index: number, thrown: unknown): PlainError {
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  if (thrown instanceof TsumugiError) {
    const { code, fault: message, remedy, fields } = thrown;
    return { index, user: thrown instanceof UserError, code, message, remedy, fields, stack };
  }
  const message =
    thrown instanceof Error ? thrown.message || thrown.name : `${inspect(thrown, { depth: 1 })} was thrown`;
  return { index, user: false, code: 'environment-failed', message, remedy: undefined, fields: {}, stack };
}

/** The same of an environment that was being made. All are made alike: a mistake holds for each of them, and is told without the index. */
export function ofMaking(id: string, plain: PlainError): TsumugiError {
  const { user, code, message, remedy, fields } = plain;
  return user ? new UserError(code, message, { ...(remedy !== undefined && { remedy }), fields }) : atIndex(id, plain);
}

/** The error to throw, of environment `index` of `id`: a mistake stays one, anything else is a fault of the environment's code. */
export function atIndex(id: string, { index, user, code, message, remedy, fields, stack }: PlainError): TsumugiError {
  const Kind = user ? UserError : TsumugiError;
  const cause = stack === undefined ? undefined : Object.assign(new Error(message), { stack });
  return new Kind(code, `environment ${index} of ${id}: ${message}`, {
    ...(remedy !== undefined && { remedy }),
    fields: { ...fields, environment: index },
    ...(cause && { cause }),
  });
}
