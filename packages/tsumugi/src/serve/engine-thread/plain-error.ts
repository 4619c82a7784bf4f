// Errors as plain data, to cross between threads.
import { TsumugiError, UserError } from '../../base/index.ts';
import type { PlainError } from './protocol.ts';

/** @param user whether it is a mistake in what was asked, for errors that can be one */
export function plainError(error: unknown, user: boolean): PlainError {
  if (!(error instanceof TsumugiError))
    return { user: false, code: 'bug', message: error instanceof Error ? error.message : String(error), fields: {} };
  const { code, fault: message, remedy, fields } = error;
  return {
    user: user && error instanceof UserError,
    code,
    message,
    ...(remedy !== undefined && { remedy }),
    fields: JSON.parse(JSON.stringify(fields)) as Record<string, unknown>,
  };
}
