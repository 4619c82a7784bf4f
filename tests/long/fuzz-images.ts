// Fuzzes the readers of images, weights and packages of the GANs: `node tests/long/fuzz-images.ts [inputs of each, default 1000000] [one reader's name]`.
import { ImageReaders } from '../fuzz/images.ts';
import { printTable } from '../fuzz/table.ts';

using readers = new ImageReaders();
await printTable(readers.targets);
