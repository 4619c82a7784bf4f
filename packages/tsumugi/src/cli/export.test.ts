// `tsumugi export --format hf`: each option reaches the folder, the plan writes nothing, figures are of the model itself.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { tinyModelOfFile } from '../lm/tiny-model.testing.ts';
import { embeddedText } from '../text/index.ts';
import { runCli } from './cli.testing.ts';

const tiny = tinyModelOfFile();
let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-export-'));
});
afterEach(() => rmSync(home, { recursive: true }));
const at = (...names: string[]) => join(home, ...names);
const base = () => ['export', '--model', tiny.folder, '--format', 'hf', '--out', at('out')];
const card = () => readFileSync(at('out', 'README.md'), 'utf8');

it('writes a folder, and says of a licence that is not known', async () => {
  const { code, stdout, stderr } = await runCli(base());
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^7 files, [\d.]+ KiB of weights in .* → .*out\n$/);
  expect(stderr).toBe('note: the model card states no licence; name it with --licence, such as apache-2.0\n');
  const ids = (model: string) => runCli(['score', '--model', model], '{"ids":[1,300,5]}\n');
  expect(await ids(at('out'))).toEqual(await ids(tiny.folder));
});

it('does what its options say', async () => {
  const made = await runCli([
    ...base(),
    '--max-shard-size',
    '0.00002',
    '--dtype',
    'bfloat16',
    '--name',
    'me/it',
    '--licence',
    'mit',
    '--language',
    'ja',
    'en',
    '--json',
  ]);
  expect(made.stderr).toBe('');
  const result = JSON.parse(made.stdout);
  expect(result).toMatchObject({ licence: 'mit', folder: at('out') });
  expect(readdirSync(at('out')).sort()).toEqual(result.files);
  expect(result.files).toContain('model.safetensors.index.json');
  expect(JSON.parse(readFileSync(at('out', 'config.json'), 'utf8')).torch_dtype).toBe('bfloat16');
  expect(card()).toMatch(/^---\nlicense: mit\nlanguage:\n {2}- ja\n {2}- en\n/);
  expect(card()).toContain('\n# me/it\n');
});

it('prints a plan and writes nothing', async () => {
  const { code, stdout } = await runCli([...base(), '--plan']);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^[\d,]+ parameters in float32: [\d.]+ KiB in 1 file, licence not stated\n {2}time .*\n {2}memory .*\n {2}disk .* available, in .*out\n$/,
  );
  const planned = async (...more: string[]) =>
    JSON.parse((await runCli([...base(), '--plan', '--json', ...more])).stdout);
  const whole = await planned();
  expect(whole).toMatchObject({ dtype: 'float32', shards: 1, out: at('out') });
  // Gigabytes of 10⁹: a shard that is just large enough is one, and a byte less is two.
  const gigabytes = whole.bytes / 1e9;
  expect(await planned('--max-shard-size', gigabytes.toFixed(9))).toMatchObject({ shards: 1 });
  expect(await planned('--max-shard-size', (gigabytes - 1e-9).toFixed(9))).toMatchObject({ shards: 2 });
  expect(existsSync(at('out'))).toBe(false);
});

it('takes the metrics of the model itself into the card, and no others', async () => {
  const measured = await runCli([
    'eval',
    'text',
    '--model',
    tiny.folder,
    '--text',
    embeddedText()[0]!,
    '--document-characters',
    '400',
    '--limit',
    '2',
    '--no-cache',
    '--out',
    at('results.json'),
  ]);
  expect(measured.code, measured.stderr).toBe(0);
  expect((await runCli([...base(), '--evaluation', at('results.json')])).code).toBe(0);
  const { metric, metrics } = JSON.parse(readFileSync(at('results.json'), 'utf8')).tasks[0];
  expect(card()).toContain(`| text (first 2) | ${metric} | ${metrics[metric].value.toFixed(4)} |`);
  rmSync(at('out'), { recursive: true });
  const text = readFileSync(at('results.json'), 'utf8');
  writeFileSync(at('results.json'), text.replace(/"fingerprint": "[0-9a-f]{8}/, '"fingerprint": "00000000'));
  const other = await runCli([...base(), '--evaluation', at('results.json')]);
  expect(other).toMatchObject({ code: 2 });
  expect(other.stderr).toContain('has the results of another model');
  writeFileSync(at('results.json'), '[]');
  expect((await runCli([...base(), '--evaluation', at('results.json')])).stderr).toContain(
    'holds no results of "tsumugi eval --out"',
  );
  expect(existsSync(at('out'))).toBe(false);
});

it('refuses the model itself as the place', async () => {
  const { code, stderr } = await runCli([
    'export',
    '--model',
    tiny.folder,
    '--format',
    'hf',
    '--out',
    `${tiny.folder}/.`,
  ]);
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('is a model that is read') });
});
