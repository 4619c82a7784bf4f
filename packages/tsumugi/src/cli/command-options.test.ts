// Every option of the commands that have no table elsewhere reaches something: two calls that differ in one option alone give
// another output, or it is refused by name. An option without a row fails. Those of `eval` and `gan` are in eval-options.test.ts
// and gan-options.test.ts. Of some commands it is tried in `npm run test:long` alone. A long file, since most of it is one table: a
// block for each command, a row for each option.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sha256File } from '../base/index.ts';
import { thorough } from '../base/thorough.testing.ts';
import { addLora, loadModel, saveAdapter } from '../lm/index.ts';
import { TinyModel } from '../lm/tiny-model.testing.ts';
import { embeddedText } from '../text/index.ts';
import { noGrad, Rng, scope } from '../torch/index.ts';
import { multipliesBfloat16 } from '../torch/torch.testing.ts';
import { pairsOf } from '../train/preference/preference.testing.ts';
import { instructions, jsonLines } from '../train/sft.testing.ts';
import { tinyModel } from '../train/train.testing.ts';
import { runCli } from './cli.testing.ts';

let home: string;
const models: TinyModel[] = [];
const at = (...names: string[]) => join(home, ...names);

type Given = Record<string, readonly string[] | undefined>;
/** Options → words of a command line. */
const words = (given: Given) =>
  Object.entries(given).flatMap(([name, values]) => (values === undefined ? [] : [`--${name}`, ...values]));

const textBase = () => ({ text: [at('text.txt')], 'document-characters': ['800'] });

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-command-options-'));
  models.push(new TinyModel(1), new TinyModel(2));
  makeAdapter(models[0]!.folder, at('adapter'));
  const novel = readFileSync(embeddedText()[1]!, 'utf8');
  writeFileSync(at('text.txt'), novel.slice(0, 12_000));
  writeFileSync(at('other.txt'), novel.slice(12_000, 24_000));
  writeFileSync(
    at('rows.jsonl'),
    [1, 2, 3]
      .map(
        (i) =>
          `${JSON.stringify({ text: novel.slice(i * 3000, i * 3000 + 3000), body: novel.slice(20_000 + i * 3000, 23_000 + i * 3000) })}\n`,
      )
      .join(''),
  );
  writeFileSync(at('kanji.txt'), Buffer.from('c6fccbdcb9f1b7fbcba1', 'hex')); // 日本国憲法 in EUC-JP
  for (const [name, size] of [['tokenizer', '420'], ['tokenizer-2', '460']] as const) // biome-ignore format: pairs
    await done('tokenizer', 'train', ...words({ ...textBase(), 'vocabulary-size': [size], out: [at(name)] }));
  const data = (name: string, more: Given = {}) =>
    done(
      'data',
      'prepare',
      ...words({ ...textBase(), tokenizer: [at('tokenizer')], 'held-out': ['0.2'], out: [at(name)], ...more }),
    );
  await data('data');
  await data('data-2', { text: [at('other.txt')] });
  await data('part', { part: ['1/1'] });
  for (const [name, more] of [['base', ''], ['base-2', 'seed=1']] as const) // biome-ignore format: pairs
    await done('pretrain', ...words({ ...pretrainBase(), out: [at(name)], set: [...tiny, ...(more ? [more] : [])] }));
  const merge = (method: string) =>
    `merge_method: ${method}\nbase_model: ${models[0]!.folder}\nmodels: [{model: ${models[1]!.folder}}, {model: ${models[0]!.folder}}]\n`;
  writeFileSync(at('merge.yml'), `${merge('linear')}parameters: {weight: 1}\n`);
  writeFileSync(at('drops.yml'), `${merge('dare_linear')}parameters: {weight: 1, density: 0.5}\n`);
  // Texts would be taken as they are: only messages have a template.
  for (const [i, name] of ['pairs', 'pairs-2'].entries()) {
    const said = (role: string, content: string) => [{ role, content }];
    const rows = pairsOf(i)
      .slice(0, 12)
      .map(({ prompt, chosen, rejected }) => ({
        prompt: said('user', prompt),
        chosen: said('assistant', chosen),
        rejected: said('assistant', rejected),
      }));
    writeFileSync(at(`${name}.jsonl`), jsonLines(rows));
  }
  for (const name of ['asked', 'asked-2'])
    writeFileSync(at(`${name}.jsonl`), jsonLines(instructions(name.length).slice(0, 20)));
  for (const name of ['pairs', 'pairs-2'])
    await done(
      'reward',
      ...words({ model: [at('base', 'model')], data: [at(`${name}.jsonl`)], out: [at(`judge-${name}`)], set: pairing }),
    );
  writeFileSync(at('short.jinja'), '{% for message in messages %}{{ message.content }}{% endfor %}');
  writeFileSync(at('schema.json'), JSON.stringify({ enum: ['猫', '犬'] }));
  writeFileSync(at('grammar.txt'), 'root ::= "猫" | "犬"');
  writeFileSync(at('wider.json'), JSON.stringify({ hidden_size: 48 }));
  writeFileSync(at('warmer.json'), JSON.stringify({ temperature: 2 }));
  writeFileSync(at('prune.json'), JSON.stringify({ hidden_size: 24 }));
  // Scores are kept, which the second time says: they are for all here.
  for (const { folder } of models)
    await done(
      'prune',
      '--model',
      folder,
      '--text',
      at('text.txt'),
      '--out',
      at('none'),
      '--plan',
      '--set',
      ...pruning,
    );
  writeFileSync(at('zeros.json'), JSON.stringify({ zeroPoint: true }));
  writeFileSync(at('settings.json'), JSON.stringify({ learningRate: 0.5 }));
}, 120_000);
afterAll(() => {
  for (const each of models) each[Symbol.dispose]();
  rmSync(home, { recursive: true, force: true });
});
/** An adapter that changes what its base says. */
function makeAdapter(base: string, folder: string): void {
  using model = loadModel(base);
  for (const layer of addLora(model, { rank: 2 }).values())
    noGrad(() => scope(() => void layer.lora_B.weight.normal_(0, 0.3, { rng: new Rng(0) })));
  saveAdapter(folder, model, { base });
}
const done = async (...args: string[]) => expect((await runCli(args)).code, args.join(' ')).toBe(0);
const tiny = [
  `modelChanges=${JSON.stringify(tinyModel)}`,
  ...['steps=1', 'sequenceLength=48', 'batchSize=2', 'evaluateEvery=0'],
];
const pruning = ['intermediate_size=20', 'sequences=4', 'sequenceLength=200'];
const pairing = ['steps=1', 'sequenceLength=256', 'batchSize=2'];
const rewarded = ['steps=1', 'sequenceLength=128', 'batchSize=2', 'samples=2', 'maxTokens=4', 'heldOut=0.1'];
const tuning = ['steps=1', 'sequenceLength=256', 'batchSize=2', 'evaluateTokens=200'];
const pretrainBase = (): Given => ({ data: [at('data')], tokenizer: [at('tokenizer')], set: tiny });

interface Seen {
  code: number;
  stdout: string;
  stderr: string;
  /** What it made: hashes of the files that hold content. */
  files: string[];
}

let runs = 0;
async function see(command: readonly string[], given: Given, stdin: string): Promise<Seen> {
  const out = given['out']?.[0];
  const { code, stdout, stderr } = await runCli([...command, ...words(given)], stdin);
  const content = out !== undefined && existsSync(out) ? readdirSync(out, { recursive: true }).map(String).sort() : [];
  const files = content
    .filter((name) => /tokens-\d+\.bin$|tokenizer\.jsonl$|safetensors$/.test(name))
    .map((name) => `${name.replace(/.*\//, '')} ${sha256File(join(out!, name))}`);
  // Without the place, and what the clock says.
  const same = (text: string) =>
    (out === undefined ? text : text.replaceAll(out, 'OUT'))
      .replace(/("\w*(?:seconds|PerSecond)":|in )[\d.]+/g, '$10')
      .replace(/in 0(?: min \d+ s| ms| s)/g, 'in 0 s'); // on a busy machine one of two takes seconds
  return { code, stdout: same(stdout), stderr, files };
}

const content = ({ code, stdout, files }: Seen) => ({ code, stdout, files });

/** What is given instead of the command's usual options, and beside it; the message when it is refused. */
interface Row {
  change: Given;
  beside?: Given;
  refused?: RegExp;
  /** It is taken for the sake of uniformity alone, and changes nothing. */
  idle?: true;
  /** The output is JSON then. */
  json?: true;
}
interface Command {
  words: readonly string[];
  usual: () => Given;
  makes?: true;
  stdin?: string;
  rows: () => Record<string, Row>;
}

const json: Row = { change: { json: [] }, json: true };
const anyway: Row = { change: { json: [] }, idle: true };
const device: Row = { change: { device: ['gpu'] }, refused: /--device.*gpu/ };
const reading = (): Record<string, Row> => ({
  text: { change: { text: [at('other.txt')] } },
  field: { change: { field: ['body'] }, beside: { text: [at('rows.jsonl')] } },
  // EUC-JP so short that it is not told from Shift_JIS: refused unless it is named (text-stages.test.ts has what it reads).
  encoding: { change: { encoding: ['utf-8'] }, beside: { text: [at('kanji.txt')] }, refused: /not UTF-8|utf-8/i },
  'document-characters': { change: { 'document-characters': ['100'] } },
});
const sampling = (): Record<string, Row> => ({
  model: { change: { model: [models[1]!.folder] } },
  device,
  // Weights of few bits move the bounds between what is drawn a little: it shows in a long text.
  dtype: multipliesBfloat16()
    ? { change: { dtype: ['bfloat16'] }, beside: { seed: ['9'], 'max-tokens': ['300'] } }
    : { change: { dtype: ['float16'] }, refused: /--dtype: expected one of float32, bfloat16, float64/ },
  'max-tokens': { change: { 'max-tokens': ['5'] } },
  temperature: { change: { temperature: ['0'] } },
  'top-k': { change: { 'top-k': ['1'] } },
  'top-p': { change: { 'top-p': ['0.05'] } },
  'min-p': { change: { 'min-p': ['1'] } },
  'repetition-penalty': { change: { 'repetition-penalty': ['100'] } },
  'presence-penalty': { change: { 'presence-penalty': ['2'] } },
  'frequency-penalty': { change: { 'frequency-penalty': ['2'] } },
  seed: { change: { seed: ['1'] } },
});

const commands: Record<string, Command> = {
  'tokenizer train': {
    words: ['tokenizer', 'train'],
    makes: true,
    usual: () => ({ ...textBase(), 'vocabulary-size': ['420'] }),
    rows: () => ({
      ...reading(),
      'vocabulary-size': { change: { 'vocabulary-size': ['440'] } },
      json,
    }),
  },
  'tokenizer encode': {
    words: ['tokenizer', 'encode'],
    usual: () => ({ tokenizer: [at('tokenizer')] }),
    stdin: '{"text":"吾輩は<|plamo:eos|>猫である。名前はまだ無い。"}\n',
    rows: () => ({
      tokenizer: { change: { tokenizer: [at('tokenizer-2')] } },
      bos: { change: { bos: [] } },
      safe: { change: { safe: [] } },
      json: anyway,
    }),
  },
  'tokenizer decode': {
    words: ['tokenizer', 'decode'],
    usual: () => ({ tokenizer: [at('tokenizer')] }),
    stdin: `${JSON.stringify({ ids: [1, ...Array.from({ length: 40 }, (_, i) => 380 + i)] })}\n`,
    rows: () => ({
      tokenizer: { change: { tokenizer: [at('tokenizer-2')] } },
      'skip-special': { change: { 'skip-special': [] } },
      json: anyway,
    }),
  },
  'tokenizer info': {
    words: ['tokenizer', 'info'],
    usual: () => ({ ...textBase(), tokenizer: [at('tokenizer')] }),
    rows: () => ({
      ...reading(),
      tokenizer: { change: { tokenizer: [at('tokenizer-2')] } },
      json,
    }),
  },
  'data prepare': {
    words: ['data', 'prepare'],
    makes: true,
    usual: () => ({ ...textBase(), tokenizer: [at('tokenizer')], 'held-out': ['0.2'] }),
    rows: () => ({
      ...reading(),
      tokenizer: { change: { tokenizer: [at('tokenizer-2')] } },
      'held-out': { change: { 'held-out': ['0.5'] } },
      seed: { change: { seed: ['1'] } },
      // What they change is time and memory alone.
      threads: { change: { threads: ['0'] }, refused: /--threads: expected a whole number/ },
      'dedup-memory': { change: { 'dedup-memory': ['1K'] }, refused: /finding duplicates should be at least 1 MiB/ },
      part: { change: { part: ['1/1'] } },
      'own-files': { change: { 'own-files': [] }, beside: { part: ['1/2'], text: [at('text.txt'), at('other.txt')] } },
      json,
    }),
  },
  'data join': {
    words: ['data', 'join'],
    makes: true,
    usual: () => ({}),
    rows: () => ({
      'dedup-memory': { change: { 'dedup-memory': ['1K'] }, refused: /finding duplicates should be at least 1 MiB/ },
      json,
    }),
  },
  'data info': { words: ['data', 'info'], usual: () => ({}), rows: () => ({ json }) },
  generate: {
    words: ['generate'],
    usual: () => ({ model: [models[0]!.folder], prompt: ['吾輩は猫'], 'max-tokens': ['24'], temperature: ['1'] }),
    rows: () => ({
      ...sampling(),
      adapter: { change: { adapter: [at('adapter')] } },
      prompt: { change: { prompt: ['山'] } },
      stop: { change: { stop: Array.from('猫犬鳥山川海月日火水木金土人名前吾輩はがをにでとのもへ') } },
      schema: { change: { schema: [at('schema.json')] } },
      regex: { change: { regex: ['[猫犬]{9}'] } },
      grammar: { change: { grammar: [at('grammar.txt')] } },
      special: { change: { special: [] }, beside: { prompt: ['<|plamo:op|>猫'], json: [] } },
      chat: { change: { chat: [], template: ['chatml'] } },
      template: { change: { template: ['chatml'] }, beside: { chat: [], template: [at('short.jinja')] } },
      json,
    }),
  },
  chat: {
    words: ['chat'],
    usual: () => ({ model: [models[0]!.folder], 'max-tokens': ['24'], temperature: ['1'], 'top-p': ['1'] }),
    stdin: '吾輩は\n犬\n山\n鳥\n',
    rows: () => ({
      ...sampling(),
      adapter: { change: { adapter: [at('adapter')] } },
      template: { change: { template: ['chatml'] } },
      system: { change: { system: ['山'] }, beside: { template: [at('short.jinja')] } },
      stop: { change: { stop: Array.from('猫犬鳥山川海月日火水木金土人名前吾輩はがをにでとのもへ') } },
      json,
    }),
  },
  score: {
    words: ['score'],
    usual: () => ({ model: [models[0]!.folder] }),
    // Long enough that the types differ in the last digits of some.
    stdin: `${JSON.stringify({ ids: Array.from({ length: 60 }, (_, i) => 260 + ((7 * i) % 50)) })}\n`,
    rows: () => ({
      model: { change: { model: [models[1]!.folder] } },
      adapter: { change: { adapter: [at('adapter')] } },
      device,
      dtype: { change: { dtype: ['float64'] } },
      json: anyway,
    }),
  },
  pretrain: {
    words: ['pretrain'],
    makes: true,
    usual: pretrainBase,
    rows: () => ({
      config: { change: { config: [at('settings.json')] } },
      set: { change: { set: [...tiny, 'seed=1'] } },
      data: { change: { data: [at('data-2')] } },
      tokenizer: { change: { tokenizer: [at('tokenizer-2')] }, refused: /another tokenizer/ },
      resume: { change: { resume: [] }, beside: { out: [at('base')] } }, // without it, the run there is in the way
      plan: { change: { plan: [] } },
      json,
    }),
  },
  grow: {
    words: ['grow'],
    makes: true,
    usual: () => ({ model: [models[0]!.folder], set: ['intermediate_size=64'] }),
    rows: () => ({
      config: { change: { config: [at('wider.json')] } },
      set: { change: { set: ['intermediate_size=64', 'noise=0'] } },
      model: { change: { model: [models[1]!.folder] } },
      tokenizer: { change: { tokenizer: [at('tokenizer')] } },
      plan: { change: { plan: [] } },
      json,
    }),
  },
  prune: {
    words: ['prune'],
    makes: true,
    usual: () => ({ model: [models[0]!.folder], text: [at('text.txt')], set: [...pruning], json: [] }),
    rows: () => ({
      config: { change: { config: [at('prune.json')] } },
      set: { change: { set: [...pruning, 'hidden_size=24'] } },
      model: { change: { model: [models[1]!.folder] } },
      ...reading(),
      table: { change: { table: [] } },
      plan: { change: { plan: [] } },
      json: anyway,
    }),
  },
  distill: {
    words: ['distill'],
    makes: true,
    usual: () => ({
      teacher: [at('base', 'model')],
      model: [at('base-2', 'model')],
      data: [at('data')],
      set: ['steps=1', 'sequenceLength=48', 'batchSize=1', 'evaluateTokens=200'],
    }),
    rows: () => ({
      config: { change: { config: [at('settings.json')] } },
      set: {
        change: { set: ['steps=1', 'sequenceLength=48', 'batchSize=1', 'evaluateTokens=200', 'divergence=reverse'] },
      },
      teacher: { change: { teacher: [at('base-2', 'model')] } },
      model: { change: { model: [at('base', 'model')] } },
      data: { change: { data: [at('data-2')] } },
      resume: { change: { out: [at('base')], resume: [] }, refused: /holds a run of "pretrain", not of "distill"/ },
      plan: { change: { plan: [] } },
      json,
    }),
  },
  sft: {
    words: ['sft'],
    makes: true,
    usual: () => ({ model: [at('base', 'model')], data: [at('asked.jsonl')], set: tuning }),
    rows: () => ({
      config: { change: { config: [at('settings.json')] } },
      set: { change: { set: [...tuning, 'neftune=5'] } },
      model: { change: { model: [at('base-2', 'model')] } },
      data: { change: { data: [at('asked-2.jsonl')] } },
      template: { change: { template: ['chatml'] } },
      lora: { change: { lora: ['2'] } },
      'no-merge': { change: { 'no-merge': [] }, beside: { lora: ['2'] } },
      show: { change: { show: ['1'] } },
      resume: { change: { out: [at('base')], resume: [] }, refused: /holds a run of "pretrain", not of "sft"/ },
      plan: { change: { plan: [] } },
      json,
    }),
  },
  dpo: {
    words: ['dpo'],
    makes: true,
    usual: () => ({ model: [at('base', 'model')], data: [at('pairs.jsonl')], set: pairing }),
    rows: () => ({
      config: { change: { config: [at('settings.json')] } },
      set: { change: { set: [...pairing, 'loss=hdpo'] } },
      model: { change: { model: [at('base-2', 'model')] } },
      data: { change: { data: [at('pairs-2.jsonl')] } },
      template: { change: { template: ['chatml'] } },
      lora: { change: { lora: ['2'] } },
      'no-merge': { change: { 'no-merge': [] }, beside: { lora: ['2'] } },
      resume: { change: { out: [at('base')], resume: [] }, refused: /holds a run of "pretrain", not of "dpo"/ },
      plan: { change: { plan: [] } },
      json,
    }),
  },
  reward: {
    words: ['reward'],
    makes: true,
    usual: () => ({ model: [at('base', 'model')], data: [at('pairs.jsonl')], set: pairing }),
    rows: () => ({
      config: { change: { config: [at('settings.json')] } },
      set: { change: { set: [...pairing, 'centering=0.1'] } },
      model: { change: { model: [at('base-2', 'model')] } },
      data: { change: { data: [at('pairs-2.jsonl')] } },
      template: { change: { template: ['chatml'] } },
      lora: { change: { lora: ['2'] } },
      resume: { change: { out: [at('base')], resume: [] }, refused: /holds a run of "pretrain", not of "reward"/ },
      plan: { change: { plan: [] } },
      json,
    }),
  },
  grpo: {
    words: ['grpo'],
    makes: true,
    usual: () => ({
      model: [at('base', 'model')],
      data: [at('asked.jsonl')],
      'reward-model': [at('judge-pairs', 'model')],
      set: rewarded,
    }),
    rows: () => ({
      config: { change: { config: [at('settings.json')] } },
      set: { change: { set: [...rewarded, 'scaleRewards=false'] } },
      model: { change: { model: [at('base-2', 'model')] } },
      data: { change: { data: [at('asked-2.jsonl')] } },
      task: { change: { task: ['particle-cloze'] }, refused: /rewardModel has no effect with score=task/ },
      'reward-model': { change: { 'reward-model': [at('judge-pairs-2', 'model')] } },
      template: { change: { template: ['chatml'] } },
      lora: { change: { lora: ['2'] } },
      'no-merge': { change: { 'no-merge': [] }, beside: { lora: ['2'] } },
      resume: { change: { out: [at('base')], resume: [] }, refused: /holds a run of "pretrain", not of "grpo"/ },
      plan: { change: { plan: [] } },
      json,
    }),
  },
  'distill logits': {
    words: ['distill', 'logits'],
    makes: true,
    usual: () => ({
      teacher: [at('base', 'model')],
      data: [at('data')],
      set: ['topK=3', 'steps=1', 'sequenceLength=48', 'batchSize=1'],
    }),
    rows: () => ({
      config: { change: { config: [at('warmer.json')] } },
      set: { change: { set: ['topK=4', 'steps=1', 'sequenceLength=48', 'batchSize=1'] } },
      teacher: { change: { teacher: [at('base-2', 'model')] } },
      data: { change: { data: [at('data-2')] } },
      plan: { change: { plan: [] } },
      json,
    }),
  },
  quantize: {
    words: ['quantize'],
    makes: true,
    usual: () => ({ model: [models[0]!.folder], 'group-size': ['16'] }),
    rows: () => ({
      model: { change: { model: [models[1]!.folder] } },
      method: { change: { method: ['gptq'] }, beside: { text: [at('text.txt')] } },
      bits: { change: { bits: ['8'] } },
      'group-size': { change: { 'group-size': ['8'] } },
      'target-bits': { change: { 'target-bits': ['11'] }, beside: { text: [at('text.txt')] } },
      text: { change: { text: [at('text.txt')] } },
      config: { change: { config: [at('zeros.json')] } },
      set: { change: { set: ['tensorBits.out_proj=8'] } },
      'no-gate': { change: { 'no-gate': [] } },
      plan: { change: { plan: [] } },
      json,
    }),
  },
  merge: {
    words: ['merge'],
    makes: true,
    usual: () => ({ config: [at('merge.yml')] }),
    rows: () => ({
      config: { change: { config: [at('drops.yml')] } },
      adapter: { change: { adapter: [at('adapter')], config: undefined } },
      model: { change: { model: [models[1]!.folder] }, refused: /--model has no effect/ },
      set: { change: { set: ['models.0.parameters.weight=2'] } },
      seed: { change: { seed: ['1'] }, beside: { config: [at('drops.yml')] } },
      search: {
        change: { search: ['parameters.weight=1', 'models.0.parameters.weight=2'] },
        beside: { data: [at('data')] },
        refused: /were made with another tokenizer/,
      },
      samples: { change: { samples: ['2'] }, refused: /--samples has no effect/ },
      data: { change: { data: [at('data')] }, refused: /--data has no effect/ },
      tasks: { change: { tasks: ['needle'] }, refused: /--tasks has no effect/ },
      limit: { change: { limit: ['2'] }, refused: /--limit has no effect/ },
      'no-gate': { change: { 'no-gate': [] } },
      plan: { change: { plan: [] } },
      json,
    }),
  },
  extend: {
    words: ['extend'],
    makes: true,
    usual: () => ({
      model: [at('base', 'model')],
      data: [at('data')],
      set: ['phases=[{"sequenceLength":48,"steps":1}]'],
    }),
    rows: () => ({
      config: { change: { config: [at('settings.json')] } },
      set: { change: { set: ['phases=[{"sequenceLength":48,"steps":1}]', 'learningRate=0.1'] } },
      model: { change: { model: [at('base-2', 'model')] } },
      data: { change: { data: [at('data-2')] } },
      resume: { change: { out: [at('base')], resume: [] }, refused: /holds a run of "pretrain", not of "extend"/ },
      plan: { change: { plan: [] } },
      json,
    }),
  },
};
it.each(Object.keys(commands))('the table has each option of tsumugi %s', async (name) => {
  const { words: command, makes, rows } = commands[name]!;
  const { stdout: help } = await runCli([...command, '--help']);
  const [, listed] = help.split('\nOptions:\n');
  const known = [...listed!.split('\n\n')[0]!.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, flag]) => flag!);
  expect([...Object.keys(rows()), ...(makes ? ['out'] : [])].sort(), name).toEqual(known.sort());
});

/** Of those that learn or make a model of a model, `npm test` runs one of each kind. */
const slow = ['dpo', 'reward', 'grpo', 'distill', 'distill logits', 'extend', 'quantize', 'merge'];
const asked = Object.keys(commands).filter((name) => thorough || !slow.includes(name));

it.each(asked)('tsumugi %s gives each of its options an effect', async (name) => {
  const { words: command, usual, makes, stdin = '', rows } = commands[name]!;
  const named: Readonly<Record<string, string>> = { 'data info': at('data'), 'data join': at('part') };
  const line = name in named ? [...command, named[name]!] : command;
  const place = (): Given => (makes ? { out: [at(`out-${runs++}`)] } : {});
  const table = rows();
  const plain = await see(line, { ...usual(), ...place() }, stdin);
  expect([plain.code, plain.stderr]).toEqual([0, makes ? expect.any(String) : '']);
  // Twice the same, so that a difference is the option's.
  expect(content(await see(line, { ...usual(), ...place() }, stdin))).toEqual(content(plain));
  if (makes) expect(plain.files).not.toEqual([]);
  for (const [option, { change, beside = {}, refused, idle, json: asJson }] of Object.entries(table)) {
    const changed = await see(line, { ...usual(), ...place(), ...beside, ...change }, stdin);
    expect([option, changed.code, changed.stderr]).toEqual([option, refused ? 2 : 0, expect.any(String)]);
    if (refused) {
      expect(changed.stderr, option).toMatch(refused);
      continue;
    }
    const without =
      Object.keys(beside).length === 0 ? plain : await see(line, { ...usual(), ...place(), ...beside }, stdin);
    if (idle) expect(content(changed), option).toEqual(content(without));
    else expect(content(changed), option).not.toEqual(content(without));
    if (asJson) expect(JSON.parse(changed.stdout.split('\n')[0]!), option).toBeTypeOf('object');
  }
});
