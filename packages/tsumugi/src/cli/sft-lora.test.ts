// `tsumugi sft --lora`: adapters over dense and quantized bases, merged or left as they are, and the commands that take them.
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quantizeModel } from '../compress/index.ts';
import { openEngine } from '../eval/index.ts';
import { loadAdapted, loadModel, loadTokenizer, loraLayers, type Plamo2, scoreText } from '../lm/index.ts';
import { Artefact } from '../store/index.ts';
import { type SftSetup, sftSetup } from '../train/sft.testing.ts';
import { runCli } from './cli.testing.ts';

let setup: SftSetup;
const at = (...names: string[]) => setup.at(...names);
const tune = (model: string, out: string, ...more: string[]) =>
  runCli([
    ...['sft', '--model', at(model), '--data', at('rows.jsonl'), '--out', at(out), '--lora', '4'],
    ...[
      'steps=3',
      'sequenceLength=128',
      'batchSize=4',
      'evaluateTokens=300',
      'learningRate=0.02',
      'loraAlpha=8',
    ].flatMap((set) => ['--set', set]),
    ...more,
  ]);
const text = 'これは試験の文です。';
const score = (model: Plamo2) => scoreText(model, loadTokenizer(at('base'), model.config), text).total;

beforeAll(async () => {
  setup = await sftSetup();
  await quantizeModel(at('base'), at('int4'), { method: 'rtn', bits: 4, groupSize: 16, gate: false });
  const { code, stderr } = await tune('base', 'tuned');
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/adapters \(lora, rank 4, α 8\): [\d,]+ numbers are trained\n +in_proj +1 of 1/);
}, 120_000);
afterAll(() => setup[Symbol.dispose]());

it('leaves the adapter and the merged model, which say the same and something else than the base', async () => {
  using base = loadModel(at('base'));
  using adapted = await loadAdapted(at('base'), at('tuned', 'adapter'));
  using merged = loadModel(at('tuned', 'model'));
  expect(loraLayers(adapted).size).toBeGreaterThan(0);
  expect(score(merged)).toBeCloseTo(score(adapted), 3);
  expect(Math.abs(score(base) - score(adapted))).toBeGreaterThan(1e-3);
  expect(merged.config).toEqual(adapted.config);
  const chat = (folder: string) => JSON.parse(readFileSync(at('tuned', folder, 'tokenizer_config.json'), 'utf8'));
  expect(chat('model').chat_template).toEqual(expect.any(String));
  expect(chat('adapter').chat_template).toBe(chat('model').chat_template);
  const [first] = new Artefact(at('tuned', 'model')).lineage()!.parents;
  expect(first).toEqual({ name: at('base'), sha256: await new Artefact(at('base')).hash() });
});

it('is only the adapter with --no-merge, which "tsumugi merge --adapter" puts into its base', async () => {
  const { code, stdout } = await tune('base', 'apart', '--no-merge', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ interrupted: false, folder: at('apart', 'adapter') });
  expect(existsSync(at('apart', 'model'))).toBe(false);
  const plan = await runCli(['merge', '--adapter', at('apart', 'adapter'), '--out', at('joined'), '--plan', '--json']);
  expect(JSON.parse(plan.stdout)).toMatchObject({ base: at('base'), layers: 10 });
  const joined = await runCli(['merge', '--adapter', at('apart', 'adapter'), '--out', at('joined'), '--json']);
  expect(JSON.parse(joined.stdout)).toMatchObject({ folder: at('joined'), dequantized: false });
  const weights = (folder: string) => readFileSync(at(folder, 'model.safetensors'));
  expect(weights('joined').equals(weights('tuned/model'))).toBe(true);
});

it('trains over 4 bits, and says that merging makes numbers of them', async () => {
  const { code, stderr } = await tune('int4', 'over-int4');
  expect([code, stderr]).toEqual([
    0,
    expect.stringContaining('the base is quantized: its weights became float32 numbers'),
  ]);
  using adapted = await loadAdapted(at('int4'), at('over-int4', 'adapter'));
  using merged = loadModel(at('over-int4', 'model'));
  expect(score(merged)).toBeCloseTo(score(adapted), 3);
  for (const command of ['sft', 'dpo', 'reward']) {
    const whole = await runCli([command, '--model', at('int4'), '--data', at('rows.jsonl'), '--out', at('never')]);
    expect([whole.code, whole.stderr]).toEqual([
      2,
      expect.stringMatching(/quantized .* cannot be trained whole \(adapters over it can be: --lora RANK\)/),
    ]);
  }
});

describe('the commands that run models', () => {
  const ids = `${JSON.stringify({ ids: [1, 270, 281, 300, 310] })}\n`;
  const adapter = () => ['--adapter', at('tuned', 'adapter')];

  it('take an adapter, over the base that it names or --model', async () => {
    const scored = async (...args: string[]) => (await runCli(['score', ...args], ids)).stdout;
    const [base, named, given] = [
      await scored('--model', at('base')),
      await scored(...adapter()),
      await scored('--model', at('base'), ...adapter()),
    ];
    expect(named).toBe(given);
    expect(named).not.toBe(base);
    const written = async (...args: string[]) => {
      const { code, stdout } = await runCli(['generate', '--prompt', '問い', '--max-tokens', '8', '--json', ...args]);
      expect(code).toBe(0);
      return JSON.parse(stdout).ids as number[];
    };
    expect(await written(...adapter())).toEqual(await written('--model', at('tuned', 'model')));
    expect((await runCli(['chat', '--json', ...adapter()], 'こんにちは\n')).code).toBe(0);
    const asked = await written(...adapter(), '--chat'); // by the template of the adapter: the base has none
    expect(asked).toEqual(await written('--model', at('tuned', 'model'), '--chat'));
    expect(asked).not.toEqual(await written(...adapter()));
    await using engine = await openEngine(at('base'), { adapter: at('tuned', 'adapter') });
    await using model = await openEngine(at('tuned', 'model'));
    expect(engine.settings['templateHash']).toBe(model.settings['templateHash']);
    const evaluated = async (...args: string[]) => {
      const { code, stdout, stderr } = await runCli([
        'eval',
        'text',
        '--text',
        at('text.txt'),
        '--no-cache',
        '--json',
        ...args,
      ]);
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout).tasks[0].metrics as unknown;
    };
    expect(await evaluated(...adapter())).not.toEqual(await evaluated('--model', at('base')));
  });

  it('refuse an adapter of another base, and neither of both', async () => {
    const other = await runCli(['score', '--model', at('int4'), ...adapter()], ids);
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining('was trained on another model than')]);
    const none = await runCli(['score'], ids);
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('tsumugi score needs --model DIR|NAME')]);
    const nothing = await runCli(['merge', '--out', at('x')]);
    expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('or --adapter DIR')]);
  });
});
