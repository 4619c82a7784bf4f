// The command line of merging: what it writes, plans and refuses.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { SmallModels } from '../compress/merge/merge.testing.ts';
import { HubServer } from '../store/hub/hub.testing.ts';
import { Artefact } from '../store/index.ts';
import { runCli } from './cli.testing.ts';

let small: SmallModels;
const slerp =
  'merge_method: slerp\nbase_model: a\nmodels: [{model: a}, {model: b}]\nparameters: {t: 0.5, int8_mask: true}\n';
beforeAll(() => {
  small = new SmallModels();
  small.make('a', 1);
  small.make('b', 2);
  small.yaml(slerp);
});
afterAll(() => small[Symbol.dispose]());

const merge = (out: string, ...more: string[]) =>
  runCli(['merge', '--config', small.at('merge.yml'), '--out', small.at(out), ...more]);

it('writes the merged model and says what it wrote', async () => {
  const { code, stdout, stderr } = await merge('合わせ');
  expect([code, stderr]).toEqual([
    0,
    expect.stringMatching(/^warning: .*merge\.yml:4: "int8_mask" does nothing here.*\n$/),
  ]);
  expect(stdout).toMatch(/^slerp: 56 tensors, [\d.]+K parameters, [\d.]+ KiB in .* → .*合わせ\n$/);
  const answer = await runCli([
    'generate',
    '--model',
    small.at('合わせ'),
    '--prompt',
    '猫',
    '--max-tokens',
    '3',
    '--json',
  ]);
  expect(JSON.parse(answer.stdout).ids).toHaveLength(3);
  const lineage = new Artefact(small.at('合わせ')).lineage()!;
  expect(lineage.commit).toMatch(/^[0-9a-f]{40}\+?$/);
  const again = await merge('json', '--json', '--set', 'parameters.t=0.25');
  expect(JSON.parse(again.stdout)).toMatchObject({ method: 'slerp', tensors: 56, folder: small.at('json') });
  expect(new Artefact(small.at('json')).lineage()!.config['merge']).toMatchObject({ parameters: { t: 0.25 } });
});

it('plans without writing', async () => {
  const before = readdirSync(small.home);
  const { code, stdout } = await merge('planned', '--plan');
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^slerp: 56 tensors, .* parameters\n {2}time {4}about .*\n {2}memory .* available\n {2}disk .* available, in .*planned\n$/,
  );
  const forecast = JSON.parse((await merge('planned', '--plan', '--json')).stdout);
  expect(forecast).toMatchObject({
    method: 'slerp',
    tensors: 56,
    out: small.at('planned'),
    diskBytes: expect.any(Number),
  });
  expect((await merge('planned', '--plan', '--seed', '3')).stderr).toContain('--seed has no effect');
  expect(readdirSync(small.home)).toEqual(before);
});

it('fetches models of the hub', async () => {
  const content = readdirSync(small.at('b')).filter((name) => name !== 'lineage.json');
  const files = Object.fromEntries(content.map((name) => [name, readFileSync(small.at('b', name))]));
  const commit = 'd'.repeat(40);
  await using hub = await HubServer.start({ 'tsumugi/b': { commits: { [commit]: files } } });
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  vi.stubEnv('HF_HOME', small.at('cache'));
  for (const name of ['HF_HUB_CACHE', 'HF_TOKEN', 'HF_TOKEN_PATH', 'HF_HUB_OFFLINE']) vi.stubEnv(name, '');
  const { code, stderr } = await merge('fetched', '--set', 'models.1.model=tsumugi/b');
  vi.unstubAllEnvs();
  expect([code, stderr]).toEqual([0, expect.stringContaining('fetching tsumugi/b')]);
  expect(new Artefact(small.at('fetched')).lineage()!.parents.map(({ name }) => name)).toEqual([
    'a',
    `tsumugi/b@${commit}`,
  ]);
});

it.each([
  [['--set', 'models.1.model=c'], 'there is no model folder'],
  [['--set', 'merge_method=sclerp'], 'Did you mean "slerp"?'],
  [['--set', 'parameters.t=true'], 'slerp: t should be a number, got true'],
])('refuses %j in a sentence', async (more, message) => {
  const { code, stdout, stderr } = await merge('refused', ...more);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
  expect(stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(3);
  expect(existsSync(small.at('refused'))).toBe(false);
});
