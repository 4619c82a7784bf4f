// Fuzzes the readers of model folders: `node tests/long/fuzz-models.ts [inputs of each, default 1000000] [one reader's name]`.
import { ModelReaders } from '../fuzz/models.ts';
import { printTable } from '../fuzz/table.ts';

using readers = new ModelReaders();
const write = process.stderr.write.bind(process.stderr);
// What an index says about its size is told for every input that changes it.
process.stderr.write = ((text: string) => (text.startsWith('warning: ') ? true : write(text))) as typeof write;
await printTable(readers.targets);
