// Time against size: what takes eight times as long at eight times the size is linear, whatever the machine.
import { experimentOptions } from './options.ts';

/** What is done, its smallest size, and how a size becomes work: what that needs is made before the clock starts. */
export type GrowthCase = readonly [what: string, smallest: number, make: (n: number) => () => unknown];

/**
 * Prints the time of the processor at one, two, four and eight times the smallest size; of all, or of those that have the first
 * argument in their names.
 *
 * @param url of the experiment's file
 */
export async function printGrowth(url: string, cases: readonly GrowthCase[]): Promise<void> {
  const [only = ''] = experimentOptions(url, { allowPositionals: true }).positionals;
  console.log('| what | n | n | 2n | 4n | 8n | 8n : 4n |\n|---|---|---|---|---|---|---|');
  for (const [what, smallest, make] of cases.filter(([each]) => each.includes(only))) {
    const seconds: number[] = [];
    for (const times of [1, 2, 4, 8]) {
      const work = make(smallest * times);
      const before = process.cpuUsage();
      await work();
      const { user, system } = process.cpuUsage(before);
      seconds.push((user + system) / 1e6);
    }
    const shown = seconds.map((each) => `${(each * 1000).toFixed(1)} ms`).join(' | ');
    console.log(`| ${what} | ${smallest} | ${shown} | ${(seconds[3]! / seconds[2]!).toFixed(1)} |`);
  }
}
