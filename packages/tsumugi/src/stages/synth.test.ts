// The stage of pipelines: examples from an endpoint and from a model, its forecast, what does not fit.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { Service } from '../eval/backends/openai.testing.ts';
import { tinyModelOfFile } from '../lm/tiny-model.testing.ts';
import { given as outside } from '../recipe/index.ts';
import { answering, documents, questions } from '../synth/pipeline/pipeline.testing.ts';
import { synth } from './index.ts';
import { given, runStage } from './stages.testing.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-synth-stage-'));
const tiny = tinyModelOfFile();
afterAll(async () => {
  await Service.stopAll();
  rmSync(home, { recursive: true, force: true });
});
const { steps, output } = questions;
const rowsIn = (folder: string) =>
  readFileSync(join(folder, 'examples', 'rows.jsonl'), 'utf8')
    .trimEnd()
    .split('\n');

it('makes examples of a text at an endpoint, in a folder that holds more', async () => {
  const service = await Service.start(answering);
  writeFileSync(join(home, '山.txt'), '高尾山');
  const folder = join(home, 'run');
  mkdirSync(folder);
  writeFileSync(join(folder, 'stage.json'), '{}');
  const config = { steps, output, endpoint: service.address, model: 'm' };
  const inputs = { model: [], data: [given(join(home, '山.txt'))] };
  const { metrics, tables } = (await runStage(synth, config, inputs, folder)) as {
    metrics: { value: number }[];
    tables: { rows: unknown[][] }[];
  };
  expect(metrics.map(({ value }) => value)).toEqual([2, 30, 15]);
  expect(tables[0]!.rows[1]).toEqual(['step 2 (answer)', 2, 2, 0, 0, 0]);
  expect(rowsIn(folder)).toHaveLength(2);
  const bad = await Service.start((path) =>
    path.endsWith('completions') ? [200, { choices: [{ message: {} }] }] : [404, {}],
  );
  await expect(runStage(synth, { ...config, endpoint: bad.address }, inputs, join(home, 'none'))).rejects.toThrow(
    'no example was made',
  );
});

it('asks a model, measures by it, and forecasts', async () => {
  const config = synth.config.parse({
    rows: documents(4),
    steps: [
      { prompt: '{{text}}', into: 'more', maxTokens: 8, cut: 'keep', samples: 2 },
      { filter: 'perplexity', field: 'more', max: 1e12 },
    ],
    output: { user: 'text', assistant: 'more' },
  });
  const inputs = { model: [given(tiny.folder)], data: [] };
  const forecast = await synth.forecast({ config, inputs: inputs as never });
  expect(forecast.metrics).toEqual({ examples: 8 });
  expect(forecast.seconds).toBeGreaterThan(1);
  await runStage(synth, config, inputs, join(home, 'engine'));
  expect(rowsIn(join(home, 'engine'))).toHaveLength(8);
});

it('refuses what does not fit, as soon as a recipe uses it', () => {
  const make = (changes: object, inputs: object = {}) =>
    synth.stage('rows', { steps, output, ...changes } as never, { model: [], data: [], ...inputs } as never);
  const model = outside('model', tiny.folder);
  expect(() => make({})).toThrow('asks a model that it is given, or one at an endpoint');
  expect(() => make({ endpoint: 'http://x', model: 'm' }, { model: [model] })).toThrow(
    'stage "rows": a pipeline asks a model',
  );
  expect(() => make({}, { model: [model, model] })).toThrow('one text, and asks one model');
  expect(() => make({ steps: [{ ask: 'anser' }] }, { model: [model] })).toThrow(
    'stage "rows": step 1: there is no step "anser"',
  );
  expect(() => make({ output: {} }, { model: [model] })).toThrow('"output" has nothing');
  expect(make({}, { model: [model] }).kind).toBe('examples');
});
