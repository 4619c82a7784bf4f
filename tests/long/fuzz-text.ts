// Fuzzes the readers of text: `node tests/long/fuzz-text.ts [inputs of each, default 1000000] [one reader's name]`.

import { printTable } from '../fuzz/table.ts';
import { TextReaders } from '../fuzz/text.ts';

using readers = new TextReaders();
await printTable(readers.targets);
