// What comes of many inputs, as a table of a results page.
import { fuzz, type Target } from './fuzz.ts';

/** Fuzzes as the command line asks: `[inputs of each, default 1000000] [one reader's name] [the first one, default 0]`. */
export async function printTable(targets: readonly Target[]): Promise<void> {
  const [count = '1000000', only, first = '0'] = process.argv.slice(2);
  const chosen = targets.filter(({ name }) => only === undefined || name === only);
  if (chosen.length === 0) {
    console.error(`no reader "${only}"; there are ${targets.map(({ name }) => name).join(', ')}`);
    process.exitCode = 2;
    return;
  }
  console.log(
    '| reader | inputs | read | refused | kinds of refusal | seconds | slowest input, ms | memory grown, MiB |',
  );
  console.log('|---|---|---|---|---|---|---|---|');
  for (const target of chosen) {
    const { read, refused, codes, seconds, slowest, grown } = await fuzz(target, Number(count), Number(first));
    const numbers = [Number(count), read, refused, codes.size].map((value) => value.toLocaleString('en'));
    console.log(
      `| ${target.name} | ${numbers.join(' | ')} | ${seconds.toFixed(0)} | ${slowest.toFixed(0)} | ${grown.toFixed(0)} |`,
    );
  }
}
