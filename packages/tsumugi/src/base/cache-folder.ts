// Where the user's caches lie.
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** A place below `tsumugi` in `$XDG_CACHE_HOME`, otherwise in `~/.cache` (XDG Base Directory Specification). */
export function cacheFolder(...names: string[]): string {
  const given = process.env['XDG_CACHE_HOME'] ?? '';
  return join(isAbsolute(given) ? given : join(homedir(), '.cache'), 'tsumugi', ...names);
}
