// Where the user's caches lie.
import { join } from 'node:path';
import { cacheRoot } from '@tsumugi/native/lib/cache-folder.js';

/** A place below `tsumugi` in `$XDG_CACHE_HOME`, otherwise in the system's folder of caches (`~/.cache`). */
export const cacheFolder = (...names: string[]): string => join(cacheRoot(), ...names);
