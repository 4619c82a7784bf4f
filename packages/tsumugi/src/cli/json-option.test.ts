// Every command takes --json, but for `launch`, whose command takes it.
import { expect, it } from 'vitest';
import { tinyModelOfFile } from '../lm/tiny-model.testing.ts';
import { runCli } from './cli.testing.ts';

const tiny = tinyModelOfFile();

/** The words before "[options]" in the usages of a command and of all its parts; what is in capitals is a value. */
async function usagesOf(...words: string[]): Promise<string[][]> {
  const { stdout } = await runCli([...words, '--help']);
  const parts = /^Usage: tsumugi .*?([a-z-]+\|[a-z|-]+) \[options\]$/m.exec(stdout)?.[1]?.split('|');
  return parts ? (await Promise.all(parts.map((part) => usagesOf(...words, part)))).flat() : [words];
}

it('is an option of every command', async () => {
  const { stdout } = await runCli(['--help']);
  const commands = [...stdout.matchAll(/^ {2}([a-z]+) {2,}/gm)]
    .map((match) => match[1]!)
    .filter((name) => name !== 'launch');
  const all = (await Promise.all(commands.map((command) => usagesOf(command)))).flat();
  expect(all.length).toBeGreaterThan(16);
  const without: string[] = [];
  for (const words of all)
    if (!/^ {2}--json /m.test((await runCli([...words, '--help'])).stdout)) without.push(words.join(' '));
  expect(without).toEqual([]);
});

it('lists as JSON what can be listed', async () => {
  const listed = async (...words: string[]) => JSON.parse((await runCli([...words, '--list', '--json'])).stdout);
  for (const [words, name] of [
    [['run'], 'plamo2-mini'],
    [['eval'], 'pfgen'],
    [['gan', 'train'], 'cifar10-sngan'],
    [['rl', 'train'], 'ddpg-pendulum'],
  ] as const)
    expect(await listed(...words)).toContainEqual(
      expect.objectContaining({ name, summary: expect.stringMatching(/./) }),
    );
  const recipe = await listed('gan', 'train', '--recipe', 'cifar10-sngan');
  expect(recipe).toMatchObject({ name: 'cifar10-sngan', paper: { setting: 'resnet' }, code: { steps: 50_000 } });
});

it('changes nothing where the output is JSON lines anyway', async () => {
  for (const [argv, input] of [
    [['score', '--model', tiny.folder], '{"ids":[1,300,5]}\n'],
    [['tokenizer', 'encode', '--tokenizer', tiny.folder], '{"text":"吾輩は猫"}\n'],
    [['tokenizer', 'decode', '--tokenizer', tiny.folder], '{"ids":[1,300,270]}\n'],
  ] as const) {
    const plain = await runCli(argv, input);
    expect(plain).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(plain.stdout)).toBeTypeOf('object');
    expect(await runCli([...argv, '--json'], input)).toEqual(plain);
  }
});

it('gives what a turn of a chat answers, as one line', async () => {
  const flags = ['chat', '--model', tiny.folder, '--max-tokens', '6', '--temperature', '0'];
  const plain = await runCli(flags, '猫\n犬\n');
  const lines = (await runCli([...flags, '--json'], '猫\n犬\n')).stdout.trimEnd().split('\n');
  const answers = lines.map((line) => JSON.parse(line) as { text: string; tokens: number; finish: string });
  expect(answers.map(({ text }) => `${text}\n`).join('')).toBe(plain.stdout);
  expect(answers[0]).toMatchObject({ tokens: 6, finish: 'length' });
});
