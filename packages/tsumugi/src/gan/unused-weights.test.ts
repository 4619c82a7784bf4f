// A layer of one's own network that its forward forgets is named, once, after the first step.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Linear } from '../nn/index.ts';
import { readEvents } from '../run/index.ts';
import { type TinyGan, tinyGan } from './gan.testing.ts';
import { architectures, type NetworkOptions } from './networks/index.ts';
import { trainGan } from './train.ts';

let setup: TinyGan;
beforeAll(() => {
  setup = tinyGan();
});
afterAll(() => setup[Symbol.dispose]());

it('is named with its network', async () => {
  const said: string[] = [];
  const make = (options: NetworkOptions) =>
    Object.assign(architectures.cnn.generator(options), { spare: new Linear(2, 1, { rng: options.rng }) });
  const config = setup.config('forgetful', { steps: 2, measureEvery: 0, gridEvery: 0, gridImages: 1 });
  await trainGan(config, {
    dataFolder: setup.at('data'),
    stream: { write: (text: string) => said.push(text) },
    generator: { name: 'forgetful', make },
  });
  const warnings = readEvents(setup.at('forgetful', 'events.jsonl')).filter(({ type }) => type === 'warning');
  expect(warnings).toMatchObject([{ step: 1, code: 'unused-weights' }]);
  expect(warnings[0]).toHaveProperty(
    'message',
    expect.stringMatching(/: generator: spare\.weight, generator: spare\.bias$/),
  );
  expect(said.filter((text) => text.includes('spare'))).toHaveLength(1);
}, 120_000);
