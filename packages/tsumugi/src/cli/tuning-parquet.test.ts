// Parquet with lists of structs through `tsumugi sft` and `tsumugi dpo`: what is learned is what the same rows say as JSON lines.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { sha256File } from '../base/index.ts';
import { readEvents } from '../run/index.ts';
import { jsonLines, type SftSetup, sftSetup } from '../train/sft.testing.ts';
import { runCli } from './cli.testing.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../text/fixtures/${name}`, import.meta.url));
let setup: SftSetup;
const at = (...names: string[]) => setup.at(...names);
beforeAll(async () => {
  setup = await sftSetup();
  vi.stubEnv('XDG_CACHE_HOME', at('cache'));
}, 60_000);
afterAll(() => {
  vi.unstubAllEnvs();
  setup[Symbol.dispose]();
});

const said = (role: string, content: string) => ({ role, content });

/** The rows of pairs.parquet, which text/fixtures/README.md tells of. */
function pairs() {
  const animals = Object.entries({ 犬: 'わんわん', 猫: 'にゃあ', 牛: 'もう', 馬: 'ひひん' });
  return animals.flatMap(([animal, voice], i) =>
    ['何と鳴く？', '声は？', 'どう鳴きますか。'].map((question) => ({
      prompt: [said('user', `${animal}は${question}`)],
      chosen: [said('assistant', voice)],
      rejected: [said('assistant', animals[(i + 1) % 4]![1])],
    })),
  );
}

/** The rows of messages.parquet. */
const conversations = () => [
  {
    messages: [
      ...[said('system', '短く。'), said('user', '猫は？'), { ...said('assistant', 'にゃあ'), weight: 0 }],
      ...[said('user', '犬は？'), said('assistant', 'わん')],
    ],
  },
  { messages: [said('user', ''), said('assistant', 'はい😀')] },
];

it.each([
  ['sft', [], 'messages.parquet', conversations],
  ['dpo', [], 'pairs.parquet', pairs],
  ['dpo', ['loss=kto'], 'pairs.parquet', pairs],
] as const)(
  '%s %j on %s',
  async (command, more, name, rows) => {
    const lines = at(`${name}.jsonl`);
    writeFileSync(lines, jsonLines(rows()));
    const learn = async (out: string, data: string) => {
      const sets = [
        'steps=3',
        'sequenceLength=192',
        'batchSize=2',
        'learningRate=0.01',
        `heldOut=["${lines}"]`,
        ...more,
      ];
      const { code, stderr } = await runCli([
        ...[command, '--model', at('base'), '--data', data, '--out', at(out), '--template', 'chatml'],
        ...sets.flatMap((set) => ['--set', set]),
      ]);
      expect(code, stderr).toBe(0);
      expect(stderr).toContain(`${rows().length} rows`);
      const steps = readEvents(at(out, 'events.jsonl')).filter((event) => event.type === 'step');
      return {
        losses: steps.map(({ loss }) => loss),
        weights: sha256File(at(out, 'model', 'model.safetensors')),
        stderr,
      };
    };
    const out = `${command}${more.length}`;
    const [parquet, expected] = [await learn(`${out}-parquet`, fixture(name)), await learn(`${out}-lines`, lines)];
    expect(parquet.losses).toEqual(expected.losses);
    expect(parquet.weights).toBe(expected.weights);
    expect(parquet.weights).not.toBe(sha256File(at('base', 'model.safetensors')));
    expect(parquet.stderr).toContain(
      `${fixture(name)}: ${command === 'sft' ? 'messages' : 'preference'}, ${rows().length} rows`,
    );
    expect(readFileSync(fixture(name)).subarray(0, 4).toString()).toBe('PAR1');
  },
  120_000,
);
