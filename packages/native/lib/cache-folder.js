// Where the user's caches lie. Used here for built addons, and by everything else through base/cache-folder.ts.
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/**
 * The user's home. Who has none (a container's user without an entry, an empty HOME) has that of users without one, "/": nothing
 * is found there, and whoever must write is told. A relative one would have addons loaded from wherever the program was started.
 * @param {() => string} [read]
 */
export function userHome(read = homedir) {
  try {
    const home = read();
    return isAbsolute(home) ? home : '/';
  } catch {
    return '/';
  }
}

/**
 * The folder of tsumugi's caches: below `$XDG_CACHE_HOME` where that is set (XDG Base Directory Specification), otherwise below
 * what the system has for caches.
 * @param {NodeJS.ProcessEnv} [env]
 * @param {NodeJS.Platform} [platform]
 * @param {string} [home]
 * @returns {string}
 */
export function cacheRoot(env = process.env, platform = process.platform, home = userHome()) {
  const given = [env['XDG_CACHE_HOME'], platform === 'win32' && env['LOCALAPPDATA']].find((each) =>
    isAbsolute(each || ''),
  );
  const usual = { darwin: ['Library', 'Caches'], win32: ['AppData', 'Local'] }[/** @type {string} */ (platform)];
  return join(given || join(home, ...(usual ?? ['.cache'])), 'tsumugi');
}
