// For the interrupt test: a loop that saves when it is interrupted. With `blocked` it then never yields again; with `deaf`,
// where the addon is loaded, it never yields at all.
import { writeSync } from 'node:fs';
import { numThreads } from '../torch/index.ts';
import { Interrupt } from './interrupt.ts';

const mode = process.argv[2];
if (mode === 'deaf') numThreads();
const interrupt = new Interrupt();
writeSync(1, 'ready\n');
if (mode === 'deaf') for (;;);
while (!(await interrupt.poll())) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
writeSync(1, `${interrupt.signal}\n`);
if (mode === 'blocked') for (;;);
writeSync(1, 'saved\n');
