// Fuzzes the readers of model folders: `node tests/long/fuzz-models.ts [inputs of each, default 1000000] [one reader's name]`.
import { fuzz } from '../fuzz/fuzz.ts';
import { ModelReaders } from '../fuzz/models.ts';

const count = Number(process.argv[2] ?? 1e6);
const only = process.argv[3];
using readers = new ModelReaders();
const write = process.stderr.write.bind(process.stderr);
// What an index says about its size is told for every input that changes it.
process.stderr.write = ((text: string) => (text.startsWith('warning: ') ? true : write(text))) as typeof write;
console.log(
  '| reader | inputs | read | refused | kinds of refusal | seconds | slowest input, ms | memory grown, MiB |',
);
console.log('|---|---|---|---|---|---|---|---|');
for (const target of readers.targets.filter(({ name }) => only === undefined || name === only)) {
  const { read, refused, codes, seconds, slowest, grown } = fuzz(target, count);
  const numbers = [count, read, refused, codes.size].map((value) => value.toLocaleString('en'));
  console.log(
    `| ${target.name} | ${numbers.join(' | ')} | ${seconds.toFixed(0)} | ${slowest.toFixed(0)} | ${grown.toFixed(0)} |`,
  );
}
