// For tests: stages over text files that know nothing of models, and a recipe of them.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { EventLog } from '../run/index.ts';
import { saveCheckpoint } from '../store/index.ts';
import { defineRecipe } from './recipe.ts';
import { metric } from './results.ts';
import { defineStage, given } from './stage.ts';

/** What the stages did, in order. */
export const log: string[] = [];

/** What a test makes the next stage do. */
export const trouble: {
  fail?: boolean;
  interruptAt?: number;
  before?: () => void;
  during?: () => void;
  word?: string;
} = {};

export const words = defineStage({
  name: 'words',
  version: 1,
  makes: 'words',
  inputs: { text: 'text' },
  config: z.strictObject({ upper: z.boolean().default(false) }),
  output: 'words',
  resumes: false,
  forecast: ({ inputs }) => ({
    seconds: 1,
    memory: [{ what: 'text', bytes: inputs.text.bytes }],
    diskBytes: inputs.text.bytes,
    metrics: { words: 2 },
  }),
  async run({ config, inputs, folder }) {
    log.push('words');
    trouble.before?.();
    if (trouble.fail) throw new Error('on purpose');
    const found = inputs.text.paths.flatMap((path) => readFileSync(path, 'utf8').split(/\s+/).filter(Boolean));
    if (trouble.word !== undefined) found.push(trouble.word);
    mkdirSync(join(folder, 'words'));
    writeFileSync(
      join(folder, 'words', 'list.txt'),
      found.map((word) => (config.upper ? word.toUpperCase() : word)).join('\n'),
    );
    return { metrics: [metric('words', found.length)] };
  },
});

/** Counts up to `steps`, with events, and a checkpoint after every other, as training does. */
export const count = defineStage({
  name: 'count',
  version: 1,
  makes: 'count',
  inputs: { words: 'words' },
  config: z.strictObject({
    steps: z.int().positive().default(4),
    size: z.int().positive().default(8),
    light: z.boolean().default(false),
    fixed: z.int().nonnegative().default(0),
  }),
  output: 'count',
  resumes: true,
  forecast: ({ config, inputs }) => ({
    seconds: config.steps * inputs.words.metrics['words']!,
    memory: [{ what: 'numbers', bytes: config.fixed + (config.size * 2 ** 20) / (config.light ? 4 : 1) }],
    diskBytes: config.size,
    lowers: { memory: ['light', 'size'], time: ['steps'] },
  }),
  async run({ config, inputs, folder, resumed }) {
    const checkpoints = join(folder, 'checkpoints');
    const at = join(folder, 'at.txt');
    const start = resumed && existsSync(at) ? Number(readFileSync(at, 'utf8')) : 0;
    log.push(`count from ${start}`);
    trouble.during?.();
    using events = new EventLog(join(folder, 'events.jsonl'), resumed ? start : undefined);
    events.write({ type: 'start', step: start, name: 'count', totalSteps: config.steps, resumed });
    for (let step = start + 1; step <= config.steps; step++) {
      events.write({ type: 'step', step, loss: 1 / step, lr: 1 });
      if (step % 2 === 0) saveCheckpoint(checkpoints, step, { tensors: {}, state: {} });
      writeFileSync(at, String(step));
      if (trouble.interruptAt === step) return { interrupted: true };
    }
    mkdirSync(join(folder, 'count'), { recursive: true });
    const total = readFileSync(join(inputs.words.path, 'list.txt'), 'utf8').length * config.steps;
    writeFileSync(join(folder, 'count', 'total.txt'), String(total));
    return { metrics: [metric('total', total, 'letters'), metric('steps', config.steps)] };
  },
});

export const toyConfig = z.strictObject({
  text: z.array(z.string()),
  encoding: z.string().optional(),
  words: words.settings(),
  count: count.settings({ steps: 5 }),
  twice: z.boolean().default(false),
});

export const toy = defineRecipe({
  name: 'toy',
  summary: 'counts <words> & more',
  config: toyConfig,
  stages(config) {
    const text = given('text', config.text, { encoding: config.encoding });
    const list = words.stage('words', config.words, { text });
    const total = count.stage('count', config.count, { words: list });
    const second = config.twice ? [count.stage('again', { steps: 1 }, { words: list })] : [];
    return [list, total, ...second];
  },
});
