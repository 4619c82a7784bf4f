// Trainings over ranks through the command line: what is printed and by whom, and what is refused instead of being done twice.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { inTime } from '../base/thorough.testing.ts';
import { type TinyGan, tinyGan } from '../gan/gan.testing.ts';
import { type DpoSetup, dpoSetup } from '../train/preference/preference.testing.ts';
import { runCli } from './cli.testing.ts';

const bin = fileURLToPath(new URL('../../bin/tsumugi.js', import.meta.url));

describe('of one process only', () => {
  afterAll(() => void vi.unstubAllEnvs());
  it.each([
    'run plamo2-mini',
    'demo',
    'grpo --plan',
    'rl train CartPole-v1',
    'distill logits --teacher t',
    'gan classifier',
    'tokenizer train',
  ])('%s is refused where WORLD_SIZE is above 1', async (line) => {
    vi.stubEnv('WORLD_SIZE', '4');
    const { code, stdout, stderr } = await runCli(line.split(' '));
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /^error: tsumugi [a-z ]+ is one process, and WORLD_SIZE is 4: each would do all of it, into one folder\n/,
    );
    expect(stderr).toMatch(/env -u WORLD_SIZE tsumugi .*Those that share their work: pretrain, /);
    expect(line).toContain(/tsumugi ([a-z ]+?) is one/.exec(stderr)![1]!);
  });

  it.each(['forecast --json', 'grpo --help', 'tokenizer info --help', 'rl --help', '--version', 'gan train --list'])(
    '%s works beside a job of several',
    async (line) => {
      vi.stubEnv('WORLD_SIZE', '4');
      expect((await runCli(line.split(' '))).code).toBe(0);
    },
  );

  it('nothing is refused where WORLD_SIZE is 1', async () => {
    vi.stubEnv('WORLD_SIZE', '1');
    expect((await runCli(['grpo'])).stderr).not.toContain('WORLD_SIZE');
  });
});

describe('launched as two processes', () => {
  let setup: DpoSetup;
  let images: TinyGan;
  beforeAll(async () => {
    setup = await dpoSetup();
    images = tinyGan();
  });
  afterAll(() => {
    setup[Symbol.dispose]();
    images[Symbol.dispose]();
  });
  const at = (name: string) => setup.at(name);
  const launch = (...words: string[]) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [bin, 'launch', '--processes', '2', '--', ...words],
      { encoding: 'utf8', env: { ...process.env, TSUMUGI_MESH_TIMEOUT: '60' } },
    );
    return { status, stdout, stderr };
  };
  const sets = (settings: object) => Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  const few = { sequenceLength: 128, batchSize: 4, evaluateEvery: 0, checkpointEvery: 1, steps: 1 };

  it('sft prints what the first says, goes on, and says how', () => {
    const words = ['sft', '--model', at('base'), '--data', at('rows.jsonl'), '--out', at('sft'), ...sets(few)];
    const first = launch(...words);
    expect(first.status, first.stderr).toBe(0);
    expect(first.stdout).toMatch(/^held-out loss of an answer's token from .* → .*\/model\n$/);
    expect(first.stderr).not.toContain('[rank 1]');
    const again = launch(...words, '--set', 'steps=2', '--resume', '--json');
    expect(again.status, again.stderr).toBe(0);
    expect(JSON.parse(again.stdout)).toMatchObject({ interrupted: false, folder: at('sft/model') });
  }, 300_000);

  const other = (name: string): string[] => {
    const model = ['--model', at('base'), ...sets(few), '--out', at(`other-${name}`)];
    const kinds: Record<string, () => string[]> = {
      pretrain: () => [
        '--data',
        at('data'),
        '--tokenizer',
        at('tokenizer'),
        '--out',
        at('other-pretrain'),
        ...sets({ ...few, 'modelChanges.num_hidden_layers': 2 }),
      ],
      extend: () => [
        '--data',
        at('data'),
        '--model',
        at('base'),
        '--out',
        at('other-extend'),
        '--set',
        'phases=[{"sequenceLength":64,"steps":1}]',
      ],
      distill: () => ['--teacher', at('base'), '--data', at('data'), ...model],
      dpo: () => ['--data', at('pairs.jsonl'), '--lora', '2', ...model],
      reward: () => ['--data', at('pairs.jsonl'), ...model],
      'gan train': () => [
        '--data',
        images.at('images'),
        '--out',
        images.at('other'),
        ...sets({ size: 8, width: 0.0625, batchSize: 4, steps: 1 }),
      ],
    };
    return [...name.split(' '), ...kinds[name]!()];
  };
  it.each(inTime(['gan train'], ['pretrain', 'extend', 'distill', 'dpo', 'reward', 'gan train']))(
    '%s',
    (name) => {
      const { status, stdout, stderr } = launch(...other(name), '--json');
      expect(status, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ interrupted: false });
    },
    300_000,
  );
});
