// The command line of merging: what it writes, plans and refuses.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
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

const dare = ['--set', 'base_model=a', '--set', 'models=[{model: b}]', '--set', 'parameters={weight: 1, density: 0.5}'];
const merge = (out: string, ...more: string[]) =>
  runCli(['merge', '--config', small.at('merge.yml'), '--out', small.at(out), ...more]);

it('writes the merged model and says what it wrote', async () => {
  const { code, stdout, stderr } = await merge('合わせ');
  expect([code, stderr]).toEqual([
    0,
    expect.stringMatching(/^warning: .*merge\.yml:4: "int8_mask" does nothing here.*\n$/),
  ]);
  expect(stdout).toMatch(
    /^bits per character of the fixed prompts: [\d.]+ merged; [\d.]+ a, [\d.]+ b\nnext-token divergence from a: mean [\d.e-]+ nats, largest [\d.e-]+; the same likeliest token at [\d.]+ % of \d+ positions\nafter "吾輩は.*": ".*" merged, ".*" a\nslerp: 56 tensors, [\d.]+K parameters, [\d.]+ KiB in .* → .*合わせ\n$/,
  );
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
  const plain = await merge('plain', '--no-gate');
  expect(plain.stdout).toMatch(/^not compared with its models\nslerp: .*plain\n$/);
  const again = await merge('json', '--json', '--set', 'parameters.t=0.25');
  expect(JSON.parse(again.stdout)).toMatchObject({ method: 'slerp', tensors: 56, folder: small.at('json') });
  expect(new Artefact(small.at('json')).lineage()!.config['merge']).toMatchObject({ parameters: { t: 0.25 } });
  const drawn = await merge('drawn', '--no-gate', '--seed', '3', '--set', 'merge_method=dare_linear', ...dare);
  expect([drawn.code, new Artefact(small.at('drawn')).lineage()!.seed]).toEqual([0, 3]);
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
  const planned = await merge('fetched', '--plan', '--set', 'models.1.model=tsumugi/b');
  expect([planned.code, existsSync(small.at('fetched'))]).toEqual([0, false]);
  const { code, stderr } = await merge('fetched', '--set', 'models.1.model=tsumugi/b');
  vi.unstubAllEnvs();
  expect([code, planned.stderr + stderr]).toEqual([0, expect.stringContaining('fetching tsumugi/b')]);
  expect(new Artefact(small.at('fetched')).lineage()!.parents.map(({ name }) => name)).toEqual([
    'a',
    `tsumugi/b@${commit}`,
  ]);
});

it.each([
  [['--set', 'merge_method=task_arithmetic', '--set', 'parameters={weight: 20}'], 'the merged model needs'],
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

it('searches: candidates scored by held-out text and tasks, the table, the best model, and again from where it was cut off', async () => {
  const text = small.at('text.txt');
  writeFileSync(text, Array.from({ length: 60 }, (_, i) => `${'猫犬鳥'.repeat(20 + (i % 7))}\n\n`).join(''));
  const prepare = ['data', 'prepare', '--text', text, '--tokenizer', small.at('a'), '--out', small.at('data')];
  expect((await runCli([...prepare, '--held-out', '0.3', '--document-characters', '100'])).code).toBe(0);
  const scored = ['--data', small.at('data'), '--tasks', 'phonebook', '--limit', '2'];
  const search = (...more: string[]) => merge('search', '--search', 'parameters.t=0,0.5,1', ...scored, ...more);
  const plan = async () => JSON.parse((await search('--plan', '--json')).stdout);
  const planned = await plan();
  expect(planned).toMatchObject({ candidates: 3, scored: 0, out: small.at('search') });
  // Three candidates and the best once more are merged; three are scored.
  const { seconds } = JSON.parse((await merge('one', '--plan', '--json', '--no-gate')).stdout);
  expect(planned.seconds).toBeCloseTo(4 * seconds + 3 * planned.scoringSeconds, 9);
  expect((await search('--plan')).stdout).toMatch(
    /^3 candidates\n {2}time {4}about .*, of which .* to score each\n {2}memory .* available\n {2}disk .* available, in .*search\n$/,
  );
  expect(existsSync(small.at('search'))).toBe(false);
  const { code, stdout, stderr } = await search();
  expect([code, stderr]).toEqual([
    0,
    expect.stringMatching(/^1\/3 {2}parameters\.t=0 {2}bits per character [\d.]+, phonebook/),
  ]);
  expect(stdout).toMatch(
    /^3 candidates, [123] on the Pareto front: .*search\.md\nbest: parameters\.t=[\d.]+ → .*model\n$/,
  );
  expect(await plan()).toMatchObject({ candidates: 3, scored: 3 });
  expect((await search('--plan', '--set', 'out_dtype=bfloat16')).stdout).toMatch(/^3 candidates\n/);
  const again = await search('--json');
  const { rows } = JSON.parse(again.stdout);
  expect(rows).toHaveLength(3);
  const bits = (row: { scores: { value: number }[] }) => row.scores[0]!.value;
  expect(rows.map(bits)).toEqual(rows.map(bits).toSorted((x: number, y: number) => x - y));
  const [best] = rows as { set: string[] }[];
  expect(new Artefact(small.at('search', 'model')).lineage()!.config['merge']).toMatchObject({
    parameters: { t: Number(best!.set[0]!.split('=')[1]) },
  });
  const drawn = await merge('drawn-search', '--search', 'parameters.t=0..1', '--samples', '2', ...scored, '--json');
  expect(JSON.parse(drawn.stdout).rows).toHaveLength(2);
});

it.each([
  [['--search', 'parameters.t=0,1'], 'a search needs something to score by'],
  [['--search', 'parameters.t=0..1', '--tasks', 'phonebook'], 'Say how many with --samples'],
  [['--search', 'parameters.t=0,1', '--tasks', 'phonebok'], 'phonebook'],
  [['--search', 'parameters.t=0..1', '--tasks', 'phonebook', '--plan'], 'Say how many with --samples'],
  [['--search', 'parameters.t=0,yes', '--tasks', 'phonebook', '--plan'], 'slerp: t should be a number'],
  [['--search', 'parameters.t=0,1', '--tasks', 'phonebook', '--no-gate'], '--no-gate has no effect'],
  [['--samples', '3'], '--samples has no effect: there is no --search'],
])('refuses the search %j', async (more, message) => {
  const { code, stderr } = await merge('refused-search', ...more);
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
});
