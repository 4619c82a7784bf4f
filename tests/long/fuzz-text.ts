// Fuzzes the readers of text: `node tests/long/fuzz-text.ts [inputs of each, default 1000000] [name of one reader]`.
import { fuzzAsync } from '../fuzz/fuzz.ts';
import { TextReaders } from '../fuzz/text.ts';

const count = Number(process.argv[2] ?? 1e6);
using readers = new TextReaders();
console.log(
  '| reader | inputs | read | refused | kinds of refusal | seconds | slowest input, ms | memory grown, MiB |',
);
console.log('|---|---|---|---|---|---|---|---|');
for (const target of readers.targets) {
  if (process.argv[3] !== undefined && process.argv[3] !== target.name) continue;
  const { read, refused, codes, seconds, slowest, grown } = await fuzzAsync(target, count);
  const numbers = [count, read, refused, codes.size].map((value) => value.toLocaleString('en'));
  console.log(
    `| ${target.name} | ${numbers.join(' | ')} | ${seconds.toFixed(0)} | ${slowest.toFixed(0)} | ${grown.toFixed(0)} |`,
  );
}
