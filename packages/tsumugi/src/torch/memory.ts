// What tensors hold, counted by the addon: live handles (JavaScript's tensors) and live bytes (all CPU tensors).
import type { Memory } from '@tsumugi/native';
import { native, nativeIfLoaded } from './native.ts';
import { flushFrees } from './scope.ts';

/** Live handles, live bytes, their peak since `resetPeakMemory`, and freed bytes that are cached for reuse. */
export function memory(): Memory {
  flushFrees();
  return native().memory();
}

export function resetPeakMemory(): void {
  flushFrees();
  native().resetPeak();
}

/** Gives cached memory back to the system. */
export function emptyCache(): void {
  flushFrees();
  native().emptyCache();
}

/** Live tensors, without loading the addon when nothing has yet. */
export function liveHandles(): number {
  if (!nativeIfLoaded()) return 0;
  return memory().liveHandles;
}
