// A command that is printed for a shell means to it what was typed.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { runCli } from './cli.testing.ts';
import { resumeCommand } from './command-line.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-command-'));
afterAll(() => rmSync(home, { recursive: true }));

it.each(['runs/one', "it's mine", '吾輩 は', 'a\'b\'"c"', '$HOME `ls` \\ !'])(
  '%j comes out of a shell as it went in',
  (out) => {
    const command = resumeCommand('echo', out, true);
    const shown = execFileSync('sh', [
      '-c',
      `${command.replace(/^.*?echo/, 'for each in')}; do printf "%s\n" "$each"; done`,
    ]);
    expect(shown.toString()).toBe(`--out\n${out}\n--resume\n--json\n`);
  },
);

// What the command line says comes before what the file says.
it.each([
  ['pretrain', { data: 'file-data', tokenizer: 'file-tokenizer' }, ['--tokenizer', 'line-tokenizer'], 'line-tokenizer'],
  ['extend', { model: 'file-model', mix: [{ data: 'file-data' }] }, ['--model', 'line-model'], 'line-model'],
  ['gan train', { data: './file-images' }, ['--data', './line-images'], 'line-images'],
])('%s takes an option for the setting of a file', async (command, settings, options, named) => {
  const file = join(home, 'settings.json');
  writeFileSync(file, JSON.stringify({ ...settings, out: join(home, 'out') }));
  const given = ['pretrain', 'extend'].includes(command) ? ['--data', 'line-data'] : [];
  const { code, stderr } = await runCli([...command.split(' '), '--config', file, ...given, ...options]);
  expect([code, stderr]).toEqual([2, expect.stringContaining(named)]);
  expect(stderr).not.toContain('file-');
});
