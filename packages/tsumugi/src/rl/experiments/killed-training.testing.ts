// For tests: a training in a process of its own, which may be killed. Its argument is the file of its settings.
import { readFileSync } from 'node:fs';
import { silent } from './experiments.testing.ts';
import { rlConfig, trainAgent } from './index.ts';

const config = rlConfig.parse(JSON.parse(readFileSync(process.argv[2]!, 'utf8')));
await trainAgent(config, { stream: silent, resume: true });
