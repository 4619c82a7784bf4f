// For the interrupt test: a loop that saves when it is interrupted. With `blocked` it then never yields again.
import { writeSync } from 'node:fs';
import { Interrupt } from './interrupt.ts';

const interrupt = new Interrupt();
writeSync(1, 'ready\n');
while (!(await interrupt.poll())) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
writeSync(1, `${interrupt.signal}\n`);
if (process.argv[2] === 'blocked') for (;;);
writeSync(1, 'saved\n');
