// What nobody catches, for a test to look at.
import { setImmediate } from 'node:timers/promises';

/** What reaches the process as nobody's while `work` goes on. */
export async function uncaught(work: () => unknown): Promise<string[]> {
  const heard: string[] = [];
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const others = events.map((event) => [event, process.listeners(event as 'uncaughtException')] as const);
  for (const event of events) {
    process.removeAllListeners(event);
    process.on(event, (error: Error) => heard.push(`${event} ${error.message}`));
  }
  try {
    await work();
    for (let i = 0; i < 30; i++) await setImmediate();
  } finally {
    for (const [event, listeners] of others) {
      process.removeAllListeners(event);
      for (const listener of listeners) process.on(event, listener);
    }
  }
  return heard;
}
