// Fuzzes the readers of images, weights and packages of the GANs with mutated files.
//   node tests/long/fuzz-images.ts [inputs of each reader = 20000] [seed = 1] [readers …]
import { fuzzReader, readers } from '../../packages/tsumugi/src/gan/fuzz/testing.ts';

const [count = 20_000, seed = 1] = process.argv.slice(2, 4).map(Number);
const names = process.argv.length > 4 ? process.argv.slice(4) : Object.keys(readers);
console.log('| reader | inputs | read | refused | slowest | CPU |\n|---|---|---|---|---|---|');
for (const name of names) {
  const began = process.cpuUsage();
  const { read, refused, slowestMs } = await fuzzReader(name, count, seed);
  const { user, system } = process.cpuUsage(began);
  const seconds = ((user + system) / 1e6).toFixed(0);
  console.log(`| ${name} | ${count} | ${read} | ${refused} | ${slowestMs.toFixed(0)} ms | ${seconds} s |`);
}
