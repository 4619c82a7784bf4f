// Says, once, that tensors pile up outside of scopes. Only those count that nobody keeps: parameters, optimizer states and caches
// are kept, and what a scope makes it frees, so a training loop that uses scopes has none.
import type { Memory } from '@tsumugi/native';

/** So many tensors are no accident: each step of a loop left some. Our choice. */
const MANY = 10_000;
/** Where they hold much, fewer will do. */
const SOME = 1000;
const MUCH = 2 * 2 ** 30;

/** Whether so many loose tensors, with so much memory alive, are worth a word. */
export const isLeak = (loose: number, liveBytes: number): boolean =>
  loose >= MANY || (loose >= SOME && liveBytes >= MUCH);

let isAnnounced = false;

/** @param loose tensors alive that were made outside of every scope, and not kept */
export function announceLeak(loose: number, memory: () => Memory): void {
  if (isAnnounced || loose < SOME) return;
  const { liveBytes } = memory();
  if (!isLeak(loose, liveBytes)) return;
  isAnnounced = true;
  const held = `all tensors hold ${(liveBytes / 2 ** 20).toFixed(0)} MiB`;
  process.emitWarning(`${loose} tensors that were made outside of scopes are still alive; ${held}`, {
    type: 'TsumugiWarning',
    code: 'tensor-leak',
    detail: `Put each step into scope(() => …), which frees what it made, and take numbers out with item().
They are freed when they are garbage and the program waits for something; in a loop that never waits, not at all.`,
  });
}
