// The one door to the addon. It opens on first use, so that commands which need no tensors start fast.
import { availableParallelism } from 'node:os';
import { load, type NativeModule, type SetupOptions, setUp } from '@tsumugi/native';
import { UserError } from '../base/index.ts';
import { profiled } from './profile.ts';

let loaded: NativeModule | undefined;

/** The addon. On first use it is loaded and told how many threads to use (`TSUMUGI_THREADS`, or all cores). */
export function native(): NativeModule {
  if (loaded) return loaded;
  const threads = wantedThreads();
  let addon: NativeModule;
  try {
    addon = load();
  } catch (error) {
    throw asUserError(error);
  }
  loaded = profiled(addon);
  // Inside Node, libtorch 1.13 was seen to choose one thread on a two-core machine.
  loaded.setThreads(threads);
  return loaded;
}

/** The addon if something has already loaded it. */
export function nativeIfLoaded(): NativeModule | undefined {
  return loaded;
}

/** What the addon's package throws, which cannot import our classes. */
function asUserError(cause: unknown): unknown {
  const { code, message, remedy } = cause as Error & { code?: string; remedy?: string };
  if (remedy === undefined) return cause;
  return new UserError(code ?? 'native-not-built', message.split('\n  → ')[0]!, { remedy, cause });
}

/** Threads to use: `TSUMUGI_THREADS`, or all cores. @throws UserError when that is no number of threads */
export function wantedThreads(): number {
  const wanted = process.env['TSUMUGI_THREADS'];
  if (wanted === undefined || wanted === '') return availableParallelism();
  const threads = Number(wanted);
  if (Number.isInteger(threads) && threads > 0) return threads;
  throw new UserError('bad-threads', `TSUMUGI_THREADS must be a whole number of at least 1, got "${wanted}"`, {
    remedy: 'Set it to the number of threads to use, or unset it to use every core.',
  });
}

/**
 * Makes the addon ready for this machine: finds or installs libtorch, and builds. Quick when all is there.
 *
 * @throws UserError that says what is missing and what to do
 */
export async function setUpNative(options: Pick<SetupOptions, 'output' | 'search'> = {}) {
  try {
    return await setUp(options);
  } catch (error) {
    throw asUserError(error);
  }
}
