// `tsumugi gan`: its recipes, a tiny run from training to scores, mistakes.
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TinyGan, tinyGan } from '../gan/gan.testing.ts';
import { runCli } from './cli.testing.ts';

let setup: TinyGan;
let before: string | undefined;
beforeAll(() => {
  setup = tinyGan();
  before = process.env['TSUMUGI_DATA'];
  process.env['TSUMUGI_DATA'] = setup.at('data');
});
afterAll(() => {
  if (before === undefined) delete process.env['TSUMUGI_DATA'];
  else process.env['TSUMUGI_DATA'] = before;
  setup[Symbol.dispose]();
});
const at = (...names: string[]) => setup.at(...names);
const gan = (...args: string[]) => runCli(['gan', ...args]);
const tiny = [
  'size=8',
  'width=0.0625',
  'batchSize=4',
  'steps=2',
  'gridImages=4',
  'emaDecay=0.9',
  'learningRate=0.1',
  'conditional=true',
];
const sets = tiny.flatMap((set) => ['--set', set]);

/** A model and a classifier for the tests that only look at one. */
beforeAll(async () => {
  await gan('train', '--recipe', 'mnist-sngan-mini', '--data', at('images'), '--out', at('shared'), ...sets);
  const classifier = ['--data', at('images'), '--out', at('shared-classifier'), '--size', '8'];
  await gan('classifier', ...classifier, '--epochs', '1', '--widths', '4', '8');
});

it('lists recipes, and says where each of their settings comes from', async () => {
  const { code, stdout } = await gan('train', '--list');
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^ {2}cifar10-sngan +ResNet with spectral/m)]);
  const one = await gan('train', '--recipe', 'cifar10-sngan', '--list');
  expect(one.stdout).toMatch(/^ {2}setting="resnet" +the paper$/m);
  expect(one.stdout).toMatch(/^ {2}steps=50000 +the authors’ code$/m);
  expect(one.stdout).toMatch(/^ {2}gridEvery=1000 +our choice$/m);
  expect((await gan('train', '--help')).stdout).toMatch(/^ {2}emaDecay +.*\(default 0\)$/m);
});

it('trains, resumes what is done, samples and scores', async () => {
  const train = ['train', '--recipe', 'mnist-sngan-mini', '--data', at('images'), '--out', at('run'), ...sets];
  const { code, stdout, stderr } = await gan(...train);
  expect([code, stdout]).toEqual([0, `2 updates of the generator → ${at('run', 'model')}\n`]);
  expect(stderr).toMatch(/SN, hinge: normalization spectral, loss hinge; cnn, 2 classes/);
  expect(stderr).toMatch(/time .* a step\)\n.*memory/);
  expect(JSON.parse(readFileSync(at('run', 'model', 'lineage.json'), 'utf8')).recipe).toBe('mnist-sngan-mini');
  const again = JSON.parse((await gan(...train, '--resume', '--json')).stdout);
  expect(again).toMatchObject({ interrupted: false, steps: 2 });

  const model = at('run', 'model');
  for (const more of [[], ['--label', 'cross', '--columns', '5'], ['--label', '1', '--columns', '5'], ['--raw']])
    expect(
      (await gan('sample', '--model', model, '--out', at(`${more.join('')}.png`), '--count', '10', ...more)).code,
    ).toBe(0);
  const picture = (name: string) => readFileSync(at(`${name}.png`));
  expect(picture('--label1--columns5')).toEqual(picture('--labelcross--columns5'));
  expect(picture('--raw')).not.toEqual(picture(''));

  const classifier = ['classifier', '--data', at('images'), '--out', at('classifier'), '--size', '8'];
  const trained = await gan(...classifier, '--epochs', '1', '--widths', '4', '8');
  expect(trained.stdout).toMatch(/^test accuracy [01]\.\d{4} → /);
  const score = ['score', '--model', model, '--data', at('images'), '--extractor', 'classifier'];
  const options = ['--weights', at('classifier'), '--real', '40', '--fake', '20'];
  const scored = await gan(...score, ...options, '--metrics', 'frechet', 'inception');
  expect(scored.code).toBe(0);
  expect(scored.stdout).toMatch(/-IS [\d.]+ \| .*20 fake.*\n.*-FD [\d.]+ \| 40 real .* vs 20 fake/);
  const json = JSON.parse((await gan(...score, ...options, '--json', '--metrics', 'frechet')).stdout);
  expect(json).toMatchObject([{ metric: 'frechet', n_real: 40, n_fake: 20 }]);
});

it.each([
  [
    ['train', '--recipe', 'cifar10-sgan', '--out', 'x'],
    'no GAN recipe "cifar10-sgan"\n  → Did you mean "cifar10-sngan"?',
  ],
  [['train', '--data', './none', '--out', 'x'], 'none'],
  [['train', '--data', 'mnits', '--out', 'x'], 'no data set "mnits"\n  → Did you mean "mnist"?'],
  [['train', '--data', 'mnist'], 'the settings: out is missing\n  → Write --out …'],
  [['train', '--data', 'mnist', '--out', 'x', '--set', 'method=snn'], 'method: expected one of weight-clipping'],
  [['sample', '--model', './none', '--out', 'x.png'], './none does not exist'],
  [
    ['sample', '--model', './none', '--out', 'a/x.JPG'],
    '--out ends in ".JPG", but images are written as PNG\n  → Write --out a/x.png.',
  ],
  [['score', '--model', 'x', '--data', 'mnist'], 'scoring x against mnist needs --extractor as well\n'],
  [
    ['score', '--model', 'x', '--data', 'mnist', '--extractor', 'keras'],
    'tsumugi gan score --model x --data mnist --extractor keras --weights PATH (the weights are yours to bring',
  ],
  [['train', '--plan', '--resume'], '--resume has no effect: --plan prints and ends'],
  [
    ['score', '--model', 'x', '--data', 'mnist', '--extractor', 'keras', '--real', '5'],
    '--real and --fake belong together',
  ],
  [['scor'], 'Did you mean "tsumugi gan score"?'],
])('explains: gan %j', async (args, message) => {
  const { code, stdout, stderr } = await gan(...args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
  expect(existsSync('x')).toBe(false);
});

it('explains unknown labels and missing weights', async () => {
  const model = at('shared', 'model');
  const sample = ['sample', '--model', model, '--out', at('no.png'), '--label'];
  expect((await gan(...sample, 'dog')).stderr).toContain('there is no class "dog"\n  → Classes: bar, cross.');
  expect((await gan(...sample, '2')).stderr).toContain('a label is a whole number from 0 to 1, not 2');
  // Where a class has a number for its name, a number is a name.
  cpSync(model, at('numbered'), { recursive: true });
  const config = readFileSync(at('numbered', 'config.json'), 'utf8')
    .replace(/"bar"/, '"1"')
    .replace(/"cross"/, '"0"');
  writeFileSync(at('numbered', 'config.json'), config);
  const draw = (label: string, from = at('numbered')) => {
    const to = ['--out', at(`of ${basename(from)} ${label}.png`), '--columns', '5', '--count', '10'];
    return gan('sample', '--model', from, ...to, '--label', label);
  };
  for (const label of ['0', '1']) expect((await draw(label)).code).toBe(0);
  expect((await draw('cross', model)).code).toBe(0);
  expect(readFileSync(at('of numbered 0.png'))).toEqual(readFileSync(at('of model cross.png')));
  expect((await draw('2')).stderr).toContain('there is no class "2"\n  → Classes: 1, 0.');
  const score = await gan('score', '--model', model, '--data', at('images'), '--extractor', 'classifier');
  expect([score.code, score.stderr]).toEqual([2, expect.stringContaining('tsumugi gan classifier')]);
});

it('says which options would do to score against a folder, and they do', async () => {
  const score = ['score', '--model', at('shared', 'model'), '--data', at('images')];
  const bare = await gan(...score);
  expect(bare.code).toBe(2);
  expect(bare.stderr).toMatch(
    /needs --extractor, --real and --fake as well\n.*--extractor nsfwjs --real 48 --fake 48 \(/,
  );
  const classified = await gan(...score, '--extractor', 'classifier', '--fake', '20', '--real', '40');
  expect(classified.stderr).toMatch(
    /needs --weights as well\n.*"(npx )?tsumugi gan classifier --data .* --out PATH --size 8" trains/,
  );
  const { code, stderr } = await gan(...score, '--extractor', 'classifier', '--weights', at('shared-classifier'));
  expect([code, stderr]).toEqual([2, expect.stringContaining('needs --real and --fake as well')]);
  const [, command] = /For example: (?:npx )?tsumugi gan (.*) \(a folder has no split, and this one 48 images\)/.exec(
    stderr,
  )!;
  const scored = await gan(...command!.split(' '));
  expect(scored.code).toBe(0);
  expect(scored.stdout).toMatch(/-FD [\d.]+ \| 48 real .* vs 48 fake/);
  // It says how far it is from the first batch on.
  expect(scored.stderr).toMatch(
    /^scoring .* against 48 images .*\nfakes +100 % +48\/48.*\nfakes.*\nreal images +100 %/m,
  );
});

it('plans without writing', async () => {
  const train = [
    'train',
    '--recipe',
    'mnist-sngan-mini',
    '--data',
    at('images'),
    '--out',
    at('planned'),
    ...sets,
    '--plan',
  ];
  const { code, stdout, stderr } = await gan(...train);
  expect([code, stdout]).toEqual([0, '']);
  expect(stderr).toMatch(/48 images 3×8×8.*\nSN, hinge: .*\nAdam .*\ngan: 2 steps\n +time .*\n +memory (.*\n)+ +disk /);
  expect(JSON.parse((await gan(...train, '--json')).stdout)).toMatchObject({ label: 'gan', steps: 2 });
  expect(existsSync(at('planned'))).toBe(false);
});
