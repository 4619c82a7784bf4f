// score and generate on a tiny random model, and score against the golden logits.
import { cpSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { golden } from '../../../../tests/files.ts';
import { requires } from '../../../../tests/requires.testing.ts';
import { Plamo2, saveModel } from '../lm/index.ts';
import { tinyModelOfFile } from '../lm/tiny-model.testing.ts';
import { namedParameters } from '../nn/index.ts';
import { openSafetensors } from '../store/index.ts';
import { noGrad, scope } from '../torch/index.ts';
import { multipliesBfloat16, NO_BFLOAT16 } from '../torch/torch.testing.ts';
import { runCli } from './cli.testing.ts';

const tiny = tinyModelOfFile();

const score = (input: string, ...flags: string[]) => runCli(['score', '--model', tiny.folder, ...flags], input);
const logprobsOf = (line: string) => (JSON.parse(line) as { logprobs: number[] }).logprobs;

/** log softmax of each row at the next id, in float64. */
function nextLogprobs(logits: number[][], ids: number[]): number[] {
  return ids.slice(1).map((id, t) => {
    const row = logits[t]!;
    const peak = Math.max(...row);
    return row[id]! - peak - Math.log(row.reduce((sum, value) => sum + Math.exp(value - peak), 0));
  });
}

describe('score', () => {
  it.each(['samba', 'full-attention', 'dense'])('agrees with the golden logits of %s', async (name) => {
    using file = openSafetensors(golden(`plamo2/${name}/expected.safetensors`));
    const [ids, documents, logits, packed] = scope(() => [
      file.tensor('ids').tolist() as number[],
      file.tensor('doc').tolist() as number[],
      file.tensor('logits').tolist() as number[][],
      file.tensor('packed_logits').tolist() as number[][],
    ]);
    const input = `${JSON.stringify({ ids })}\n${JSON.stringify({ ids, documents })}\n`;
    const { code, stdout } = await runCli(['score', '--model', golden(`plamo2/${name}`)], input);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n').map(logprobsOf);
    for (const [line, expected] of [nextLogprobs(logits, ids), nextLogprobs(packed, ids)].entries()) {
      expect(lines[line]).toHaveLength(ids.length - 1);
      for (const [t, value] of expected.entries()) expect(lines[line]![t]).toBeCloseTo(value, 4);
    }
  });

  it('gives one number fewer than ids', async () => {
    const { code, stdout } = await score('{"ids":[1,300,5]}\n{"ids":[7]}\n{"ids":[]}\n');
    expect(code).toBe(0);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => logprobsOf(line).length),
    ).toEqual([2, 0, 0]);
  });

  it.each([
    ['{"ids":[1,2]}\n{"ids":[1,99999]}\n', 'line 2 of standard input cannot be used: id 99999 at position 1'],
    [
      '{"ids":[1,2]}\n{"ids":[1,2],"documents":[0]}\n',
      'line 2 of standard input cannot be used: 1 document indices came with 2 ids',
    ],
    [
      '{"ids":[1,2]}\n{"ids":"猫"}\n',
      'line 2 of standard input cannot be used: "ids" is "猫", expected a list of whole numbers',
    ],
    [
      '{"ids":[1,2]}\n{"ids":[1,2],"documents":[0,4294967296]}\n',
      'line 2 of standard input cannot be used: document index 4294967296 at position 1 is no 32-bit integer',
    ],
    ['{"ids":[1,2]}\n{"ids":[1.5]}\n', '"ids" is [1.5], expected a list of whole numbers'],
  ])('answers what comes before a bad line and names it: %j', async (input, message) => {
    const { code, stdout, stderr } = await score(input);
    expect([code, stdout.split('\n').length]).toEqual([2, 2]);
    expect(stderr).toContain(message);
  });

  it('computes in another type when asked', async () => {
    const input = '{"ids":[1,300,5,280,290,270]}\n';
    const exact = logprobsOf((await score(input)).stdout);
    const wide = logprobsOf((await score(input, '--dtype', 'float64')).stdout);
    for (const [t, value] of exact.entries()) {
      expect(wide[t]).toBeCloseTo(value, 5);
      // Numbers of float64, not float32 ones written longer.
      expect(wide[t]).not.toBe(Math.fround(wide[t]!));
    }
  });

  it('computes in bfloat16 when asked', requires(multipliesBfloat16(), NO_BFLOAT16), async () => {
    const input = '{"ids":[1,300,5,280,290,270]}\n';
    const exact = logprobsOf((await score(input)).stdout);
    const half = logprobsOf((await score(input, '--dtype', 'bfloat16')).stdout);
    for (const [t, value] of exact.entries()) expect(half[t]).toBeCloseTo(value, 1);
    expect(half).not.toEqual(exact);
  });
});

interface Generated {
  text: string;
  ids: number[];
  finish: string;
  promptTokens: number;
  tokens: number;
  tokensPerSecond: number;
}

const file = (name: string, text: string): string => {
  const path = join(tiny.folder, '..', name);
  writeFileSync(path, text);
  return path;
};

async function generate(...flags: string[]): Promise<Generated> {
  const { code, stdout, stderr } = await runCli(['generate', '--model', tiny.folder, '--json', ...flags]);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as Generated;
}

describe('generate', () => {
  it('counts its speed from the first token on, and that of the prompt up to it', async () => {
    // A clock on which a pass of the model takes a second, and nothing else does.
    let now = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
    const forward = Plamo2.prototype.forward;
    const passes = vi.spyOn(Plamo2.prototype, 'forward').mockImplementation(function (this: Plamo2, ...given) {
      now += 1000;
      return forward.apply(this, given);
    });
    const args = ['generate', '--model', tiny.folder, '--prompt', '吾輩は猫', '--max-tokens', '5', '--json'];
    const { promptTokens, tokens, ...speeds } = JSON.parse((await runCli(args)).stdout);
    clock.mockRestore();
    passes.mockRestore();
    expect([tokens, speeds.promptTokensPerSecond, speeds.tokensPerSecond]).toEqual([5, promptTokens, 1]);
  });

  it('streams the text that --json gives', async () => {
    const result = await generate('--prompt', '吾輩は', '--max-tokens', '12');
    expect(result).toMatchObject({ finish: 'length', promptTokens: 4, tokens: 12 });
    expect(result.ids).toHaveLength(12);
    expect(result.tokensPerSecond).toBeGreaterThan(0);
    expect(tiny.loadTokenizer().decode(result.ids)).toBe(result.text);
    const args = ['generate', '--model', tiny.folder, '--max-tokens', '12'];
    expect(await runCli([...args, '--prompt', '吾輩は'])).toEqual({ code: 0, stdout: `${result.text}\n`, stderr: '' });
    expect((await runCli(args, '吾輩は\n')).stdout).toBe(`${result.text}\n`);
  });

  it.each(['generate', 'chat'])('%s computes in float64 when asked', async (command) => {
    const write = async (...flags: string[]) => {
      const prompt = '吾輩は猫である。\n';
      const args = [command, '--model', tiny.folder, '--max-tokens', '12', '--json', '--temperature', '0', ...flags];
      const { code, stdout, stderr } = await runCli(args, prompt);
      expect([code, stderr]).toEqual([0, '']);
      return (JSON.parse(stdout) as Generated).text;
    };
    // The same words: single numbers differ in their last digits.
    expect(await write('--dtype', 'float64')).toBe(await write('--dtype', 'float32'));
  });

  it('draws the same text from the same seed', async () => {
    const draw = async (seed: string) =>
      (await generate('--prompt', '猫', '--max-tokens', '16', '--temperature', '1', '--seed', seed)).ids;
    expect(await draw('3')).toEqual(await draw('3'));
    expect(await draw('3')).not.toEqual(await draw('4'));
  });

  it('ends before a stop string, wherever that begins', async () => {
    const whole = await generate('--prompt', '猫', '--max-tokens', '24', '--temperature', '1', '--seed', '2');
    for (const [start, length] of [
      [0, 1],
      [3, 2],
      [5, 4],
    ] as const) {
      const stop = [...whole.text].slice(start, start + length).join('');
      const flags = ['--max-tokens', '24', '--temperature', '1', '--seed', '2', '--stop', 'これは出ない', stop];
      const result = await generate('--prompt', '猫', ...flags);
      expect(result.text).toBe(whole.text.slice(0, whole.text.indexOf(stop)));
      expect(result.finish).toBe('stop');
      expect(result.tokens).toBeLessThan(24);
    }
  });

  it('takes control pieces in a prompt as text, unless they are meant', async () => {
    const tokens = async (...flags: string[]) =>
      (await generate('--prompt', '<|plamo:op|>', '--max-tokens', '1', ...flags)).promptTokens;
    expect(await tokens('--special')).toBe(2);
    expect(await tokens()).toBeGreaterThan(2);
  });

  it('holds a text to a schema, an expression or a grammar, in a chat too', async () => {
    const write = async (...flags: string[]) => {
      const { text, finish } = await generate(
        '--prompt',
        '吾輩は',
        '--max-tokens',
        '60',
        '--temperature',
        '1',
        ...flags,
      );
      expect(finish).toBe('end');
      return text;
    };
    const schema = file(
      'schema.json',
      JSON.stringify({ type: 'array', items: { enum: [1, 2] }, minItems: 2, maxItems: 3 }),
    );
    expect(JSON.parse(await write('--schema', schema))).toSatisfy(
      (value: number[]) => [2, 3].includes(value.length) && value.every((each) => [1, 2].includes(each)),
    );
    expect(await write('--regex', '猫[0-9]{3}')).toMatch(/^猫\d{3}$/);
    const grammar = file('grammar.txt', 'root ::= "山" water "。"\nwater ::= "川" | "海"\n');
    expect(await write('--grammar', grammar, '--chat', '--template', 'chatml')).toMatch(/^山[川海]。$/);
  });

  it.each([
    [['--regex', '猫', '--schema', 'nowhere.json'], '--schema and --regex would both hold the text to something'],
    [['--regex', '猫('], '--regex 猫(: '],
    [['--regex', '(?=猫)'], '--regex (?=猫): '],
    [
      ['--schema', () => file('odd.json', '{"type": "array", "uniqueItems": true}')],
      '/odd.json: the schema at # has "uniqueItems"',
    ],
    [['--schema', () => file('broken.json', '{')], '/broken.json is not valid JSON'],
    [['--schema', 'nowhere.json'], 'nowhere.json'],
    [['--grammar', () => file('wrong.txt', 'root ::= missing')], '/wrong.txt: '],
    [['--grammar', () => file('none.txt', 'leaf ::= "a"')], '/none.txt: '],
  ])('refuses what no text can be held to: %j', async (flags, message) => {
    const words = flags.map((each) => (typeof each === 'string' ? each : each()));
    const { code, stdout, stderr } = await runCli(['generate', '--model', tiny.folder, '--prompt', '猫', ...words]);
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(message)]);
    expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
  });

  it.each([
    [['--temperature', '-1'], '--temperature: expected a number from 0 to 100, got "-1"'],
    [['--top-p', '-0.1'], '--top-p: expected a number from 0 to 1, got "-0.1"'],
    [['--repetition-penalty', '0'], '--repetition-penalty: expected a number from 0.01 to 100, got "0"'],
    [['--max-tokens', '0'], '--max-tokens: expected a whole number of at least 1, got "0"'],
    [['--device', 'cuda:77'], 'cuda:77'],
  ])('refuses %j', async (flags, message) => {
    const { code, stderr } = await runCli(['generate', '--model', tiny.folder, '--prompt', '猫', ...flags]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

it('stops at weights that are not finite, with a sentence that names the first', async () => {
  const folder = join(tiny.folder, '..', 'spoiled');
  const name = 'model.layers.layers.1.mixer.qkv_proj.weight';
  {
    using model = tiny.load();
    const [, weight] = namedParameters(model).find(([path]) => path === name)!;
    noGrad(() => weight.fill_(Number.NaN));
    saveModel(folder, model, { tokenizerFolder: tiny.folder });
  }
  for (const [command, input, ...flags] of [
    ['generate', '', '--prompt', '猫'],
    ['generate', '', '--prompt', '猫', '--temperature', '1', '--json'],
    ['chat', '猫\n'],
    ['score', '{"ids":[1,2,3]}\n'],
  ] as const) {
    const { code, stdout, stderr } = await runCli([command, '--model', folder, ...flags], input);
    expect(code).toBe(2);
    expect(stdout.trim()).toBe('');
    expect(stderr).toContain(`the weight "${name}" holds`);
    expect(stderr).not.toContain('bug');
  }
});

describe('what stands where a model should be', () => {
  const refusal = async (path: string) => {
    const { code, stderr } = await runCli(['generate', '--model', path, '--prompt', '猫']);
    expect(code).toBe(2);
    return stderr;
  };
  const home = () => join(tiny.folder, '..');
  const variant = (name: string, change: (folder: string) => void) => {
    cpSync(tiny.folder, join(home(), name), { recursive: true });
    change(join(home(), name));
    return join(home(), name);
  };

  it('a file, whose folder is named', async () => {
    const stderr = await refusal(join(tiny.folder, 'model.safetensors'));
    expect(stderr).toContain(`is a file, not a model folder\n  → Name the folder it lies in: ${tiny.folder}`);
    // The remedy works.
    expect((await runCli(['generate', '--model', tiny.folder, '--prompt', '猫', '--max-tokens', '1'])).code).toBe(0);
    writeFileSync(join(home(), 'x.gguf'), 'GGUF');
    expect(await refusal(join(home(), 'x.gguf'))).toContain('Only "tsumugi eval" reads GGUF files');
  });

  it('nothing: a misspelt name, a name on a hub, a folder above', async () => {
    expect(await refusal(join(home(), 'modle'))).toContain(`does not exist\n  → Did you mean ${tiny.folder}?`);
    expect(await refusal('pfnet/plamo-2-1b')).toMatch(
      /there is no folder pfnet\/plamo-2-1b, and .* HF_HUB_OFFLINE is set/,
    );
    expect(await refusal(home())).toMatch(/it has no config.json\n {2}→ Is .* meant\?/);
  });

  it('links that lead nowhere or in a circle', async () => {
    symlinkSync('loop', join(home(), 'loop'));
    expect(await refusal(join(home(), 'loop'))).toMatch(/loop: its links lead in a circle/);
    symlinkSync('gone', join(home(), 'link'));
    expect(await refusal(join(home(), 'link'))).toContain('it is a link to gone, which does not exist');
  });

  it.each([
    [
      'version https://git-lfs.github.com/spec/v1\noid sha256:ab\n',
      'is a pointer of Git LFS, not the weights',
      'git lfs pull',
    ],
    ['<!doctype html><html></html>', 'is a web page, not the weights', 'Download the file itself'],
    ['GGUF\u0003\u0000\u0000\u0000', 'is a GGUF file, not the weights', 'as safetensors'],
    ['PK\u0003\u0004aaaaaaaa', 'is a PyTorch file or another ZIP archive', 'as safetensors'],
  ])('weights that are %j', async (content, fault, remedy) => {
    const folder = variant(fault.replaceAll(' ', '-'), (place) =>
      writeFileSync(join(place, 'model.safetensors'), content),
    );
    const stderr = await refusal(folder);
    expect(stderr).toContain(fault);
    expect(stderr).toContain(remedy);
  });

  it('weights in another format', async () => {
    const folder = variant('other', (place) => {
      renameSync(join(place, 'model.safetensors'), join(place, 'pytorch_model.bin'));
    });
    expect(await refusal(folder)).toContain('holds no .safetensors file, but pytorch_model.bin, which is not read');
  });
});
