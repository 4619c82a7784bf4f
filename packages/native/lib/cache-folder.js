// Where the user's caches lie. Used here for built addons, and by everything else through base/cache-folder.ts.
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/**
 * The folder of tsumugi's caches: below `$XDG_CACHE_HOME` where that is set (XDG Base Directory Specification), otherwise below
 * what the system has for caches.
 * @param {NodeJS.ProcessEnv} [env]
 * @param {NodeJS.Platform} [platform]
 * @param {string} [home]
 * @returns {string}
 */
export function cacheRoot(env = process.env, platform = process.platform, home = homedir()) {
  const given = [env['XDG_CACHE_HOME'], platform === 'win32' && env['LOCALAPPDATA']].find((each) =>
    isAbsolute(each || ''),
  );
  const usual = { darwin: ['Library', 'Caches'], win32: ['AppData', 'Local'] }[/** @type {string} */ (platform)];
  return join(given || join(home, ...(usual ?? ['.cache'])), 'tsumugi');
}
