// Errors thrown by the code of a task of one's own: they are said with their place, and are no bug of tsumugi's.
import { fileURLToPath } from 'node:url';
import { DataError, TsumugiError } from '../base/index.ts';

const own = fileURLToPath(new URL('..', import.meta.url));

/** What to throw for an error: itself where it is one of ours, or came from our code. */
export function taskError(task: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TsumugiError) return error;
  // The innermost frame that is in a file.
  const [, path, line] =
    /(?:file:\/\/)?(\/[^\s():]+):(\d+):\d+/.exec(error.stack?.split('\n    at ').slice(1).join('\n') ?? '') ?? [];
  if (path === undefined || path.startsWith(own) || path.includes('/node_modules/')) return error;
  return new DataError('task-failed', `${task} failed in ${decodeURI(path)}, line ${line}: ${error.message}`, {
    remedy: 'Mend it there. An answer may be an empty text, so score has to take one.',
    fields: { task, path, line: Number(line) },
    cause: error,
  });
}
