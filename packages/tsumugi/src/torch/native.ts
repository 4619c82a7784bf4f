// The one door to the addon. It opens on first use, so that commands which need no tensors start fast.
import { availableParallelism } from 'node:os';
import { load, type NativeModule } from '@tsumugi/native';

let loaded: NativeModule | undefined;

/** The addon. On first use it is loaded and told how many threads to use (`TSUMUGI_THREADS`, or all cores). */
export function native(): NativeModule {
  if (loaded) return loaded;
  loaded = load();
  // Inside Node, libtorch 1.13 was seen to choose one thread on a two-core machine.
  loaded.setThreads(Number(process.env['TSUMUGI_THREADS']) || availableParallelism());
  return loaded;
}

/** The addon if something has already loaded it. */
export function nativeIfLoaded(): NativeModule | undefined {
  return loaded;
}
