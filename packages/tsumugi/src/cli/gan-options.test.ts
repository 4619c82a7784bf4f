// Every option of `tsumugi gan …` reaches something, or is refused by name where it would not.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TinyGan, tinyGan } from '../gan/gan.testing.ts';
import { runCli } from './cli.testing.ts';

let setup: TinyGan;
const before = process.env['TSUMUGI_DATA'];
const at = (...names: string[]) => setup.at(...names);
const gan = (...args: string[]) => runCli(['gan', ...args]);
const tiny = ['size=8', 'width=0.0625', 'batchSize=4', 'gridImages=4', 'discriminatorSteps=1'];
const sets = (...more: string[]) => [...tiny, ...more].flatMap((set) => ['--set', set]);

beforeAll(async () => {
  setup = tinyGan();
  process.env['TSUMUGI_DATA'] = at('data');
  const train = ['train', '--data', at('images')];
  const runs = [
    [...train, '--out', at('run'), ...sets('emaDecay=0.9', 'conditional=true', 'steps=2', 'learningRate=0.1')],
    [...train, '--out', at('plain'), ...sets('steps=30', 'learningRate=0.01')],
  ];
  for (const run of runs) expect((await gan(...run)).code).toBe(0);
  for (const [name, epochs] of [['classifier', '1'], ['other', '2']] as const) // biome-ignore format: pairs
    expect((await gan(...classify(at(name), '--epochs', epochs))).code).toBe(0);
}, 120_000);
afterAll(() => {
  if (before === undefined) delete process.env['TSUMUGI_DATA'];
  else process.env['TSUMUGI_DATA'] = before;
  setup[Symbol.dispose]();
});

const classify = (out: string, ...more: string[]) => {
  const given = (option: string, value: string[]) => (more.includes(option) ? [] : [option, ...value]);
  const rest = [...given('--size', ['8']), ...given('--epochs', ['1']), ...given('--widths', ['4', '6'])];
  const places = [...given('--data', [at('images')]), ...given('--out', [out])];
  return ['classifier', ...places, ...rest, ...more];
};

let number = 0;
/** Options of a command → arguments that try it, and what must be seen of them. */
type Table = Record<string, { args: string[]; sees: (run: Awaited<ReturnType<typeof gan>>, out: string) => void }>;
const refusal =
  (message: string | RegExp): Table[string]['sees'] =>
  ({ code, stderr }) => {
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  };
const isJson: Table[string]['sees'] = ({ code, stdout }) => {
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toBeTypeOf('object');
};

async function optionsOf(command: string): Promise<string[]> {
  const { stdout } = await gan(command, '--help');
  const [, listed] = stdout.split('\nOptions:\n');
  return [...listed!.split('\n\n')[0]!.matchAll(/^ {2}--([a-z-]+)/gm)]
    .map(([, name]) => name!)
    .filter((name) => name !== 'help');
}

describe('sample', () => {
  const picture = async (...more: string[]) => {
    const out = at(`picture${number++}.png`);
    const given = more.includes('--model') ? [] : ['--model', at('run', 'model')];
    const run = await gan('sample', ...given, '--out', out, '--count', '4', ...more);
    return { run, bytes: existsSync(out) ? readFileSync(out).toString('base64') : '' };
  };
  it('gives each of its options an effect', async () => {
    const base = await picture();
    expect(base.run.code).toBe(0);
    const changes: Record<string, string[]> = {
      count: ['--count', '6'],
      columns: ['--columns', '4'],
      label: ['--label', '0'],
      raw: ['--raw'],
      model: ['--model', at('plain', 'model')],
    };
    for (const [name, args] of Object.entries(changes)) {
      const { run, bytes } = await picture(...args);
      expect([run.code, bytes === base.bytes], name).toEqual([0, false]);
    }
    const plain = await picture(...changes['model']!);
    expect((await picture(...changes['model']!, '--seed', '1')).bytes).not.toBe(plain.bytes);
    isJson((await picture('--json')).run, '');
    refusal(/gpu/)((await picture('--device', 'gpu')).run, '');
    refusal(/holds no moving average.*\n.*Leave --raw/)(
      (await picture('--model', at('plain', 'model'), '--raw')).run,
      '',
    );
    refusal(/unconditional/)((await picture('--model', at('plain', 'model'), '--label', '0')).run, '');
    expect((await optionsOf('sample')).sort()).toEqual(
      [...Object.keys(changes), 'seed', 'json', 'device', 'out'].sort(),
    );
  });
});

describe('score', () => {
  const score = async (...more: string[]) => {
    const given = (option: string, ...value: string[]) => (more.includes(option) ? [] : [option, ...value]);
    const run = await gan(
      ...['score', ...given('--model', at('run', 'model')), ...given('--data', at('images'))],
      ...[...given('--extractor', 'classifier'), ...given('--weights', at('classifier'))],
      ...(more.includes('--protocol') ? [] : [...given('--real', '40'), ...given('--fake', '20')]),
      ...[...given('--metrics', 'frechet'), ...more],
    );
    return run;
  };
  it('gives each of its options an effect', async () => {
    const base = await score('--json');
    isJson(base, '');
    expect((await score()).stdout).toMatch(/^images-FD \d/);
    expect(base.code).toBe(0);
    const changes: Record<string, string[]> = {
      raw: ['--raw'],
      model: ['--model', at('plain', 'model')],
      real: ['--real', '30'],
      fake: ['--fake', '21'],
      metrics: ['--metrics', 'precision-recall'],
      weights: ['--weights', at('other')],
      data: ['--data', at('images', 'bar')],
    };
    changes['data']!.push('--real', '20');
    for (const [name, args] of Object.entries(changes)) {
      const run = await score(...args, '--json');
      expect([run.code, run.stdout === base.stdout], name).toEqual([0, false]);
    }
    const plain = await score(...changes['model']!, '--json');
    expect((await score(...changes['model']!, '--seed', '1', '--json')).stdout).not.toBe(plain.stdout);
    mkdirSync(at('cache'));
    expect((await score('--cache', at('cache'), '--json')).stdout).toBe(base.stdout);
    expect(readdirSync(at('cache'))).toHaveLength(1);
    refusal(/gpu/)(await score('--device', 'gpu'), '');
    refusal(/is no|holds no|cannot be/)(await score('--extractor', 'keras'), '');
    refusal(/protocol test-moments takes test images/)(await score('--protocol', 'test-moments'), '');
    refusal(/--protocol has no effect: --real and --fake stand instead/)(
      await score('--protocol', 'test-moments', '--real', '40', '--fake', '20'),
      '',
    );
    refusal(/--cache has no effect: the Inception score takes no real images/)(
      await score('--metrics', 'inception', '--cache', at('cache')),
      '',
    );
    refusal(/holds no moving average/)(await score('--model', at('plain', 'model'), '--raw'), '');
    const tried = [...Object.keys(changes), 'seed', 'cache', 'json', 'device', 'extractor', 'protocol'];
    expect((await optionsOf('score')).sort()).toEqual(tried.sort());
  });
});

describe('classifier', () => {
  it('gives each of its options an effect', async () => {
    const made = async (...more: string[]) => {
      const out = at(`classifier${number++}`);
      const run = await gan(...classify(out, ...more));
      const read = (name: string) => JSON.parse(readFileSync(`${out}/${name}`, 'utf8'));
      return run.code === 0 ? { run, config: read('config.json'), lineage: read('lineage.json') } : { run };
    };
    const base = await made();
    expect(base.config).toMatchObject({ image_size: [8, 8], widths: [4, 6], test_images: 4, dataset: 'images' });
    expect(base.lineage).toMatchObject({ seed: 0, config: { epochs: 1 } });
    expect((await made('--size', '16')).config.image_size).toEqual([16, 16]);
    expect((await made('--epochs', '2')).lineage.config.epochs).toBe(2);
    expect((await made('--widths', '5', '7')).config.widths).toEqual([5, 7]);
    expect((await made('--seed', '3')).lineage.seed).toBe(3);
    isJson((await made('--json')).run, '');
    refusal(/gpu/)((await made('--device', 'gpu')).run, '');
    const { run: blocked } = await made('--out', '/proc/none/classifier');
    refusal(/\/proc\/none cannot be written/)(blocked, '');
    expect(blocked.stderr).not.toContain('epoch');
    refusal(/has no classes/)((await made('--data', at('images', 'bar'))).run, '');
    const tried = ['size', 'epochs', 'widths', 'seed', 'json', 'device', 'data', 'out'];
    expect((await optionsOf('classifier')).sort()).toEqual(tried.sort());
  });
});

describe('train', () => {
  it('gives each of its options an effect', async () => {
    const out = at('train');
    const config = at('settings.json');
    writeFileSync(config, JSON.stringify({ seed: 5 }));
    const args = ['train', '--recipe', 'mnist-sngan-mini', '--config', config, '--data', at('images'), '--out', out];
    expect((await gan(...args, ...sets('steps=1'))).code).toBe(0);
    const lineage = JSON.parse(readFileSync(`${out}/model/lineage.json`, 'utf8'));
    // From the recipe, the file, --set and --data.
    expect(lineage).toMatchObject({
      recipe: 'mnist-sngan-mini',
      config: { method: 'sn-hinge', seed: 5, width: 0.0625 },
    });
    expect(lineage.data[0].name).toContain(at('images'));
    refusal(/already holds a run/)(await gan(...args, ...sets('steps=1')), '');
    isJson(await gan(...args, ...sets('steps=1'), '--resume', '--json'), '');
    expect((await gan('train', '--list')).stdout).toContain('mnist-sngan-mini');
    for (const option of [
      ['--data', 'x'],
      ['--out', 'x'],
      ['--set', 'seed=1'],
      ['--config', 'x'],
      ['--resume'],
      ['--plan'],
    ])
      refusal(new RegExp(`^error: ${option[0]} has no effect: --list prints`))(
        await gan('train', '--list', ...option),
        '',
      );
    const tried = ['recipe', 'config', 'set', 'data', 'out', 'resume', 'plan', 'list', 'json'];
    expect((await optionsOf('train')).sort()).toEqual(tried.sort());
  });
});
