// The dispatcher: commands, exit codes, what is said to whom, what is loaded.
import { spawnSync } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { NativeError, UserError } from '../base/index.ts';
import { runCli } from './cli.testing.ts';
import { reportError } from './failures.ts';

describe('tsumugi', () => {
  it('lists its commands', async () => {
    const { code, stdout, stderr } = await runCli(['--help']);
    expect([code, stderr]).toEqual([0, '']);
    for (const command of ['doctor', 'demo', 'tokenizer', 'data', 'pretrain', 'generate', 'chat', 'score']) {
      expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    }
    expect(await runCli([])).toEqual({ code: 2, stdout: '', stderr: stdout });
    expect((await runCli(['help'])).stdout).toBe(stdout);
  });

  it.each([
    [['data', 'info', ''], 'tsumugi data info: expected DIR, got ""'],
    [['run', ''], 'tsumugi run: expected RECIPE, got ""'],
    [['eval', 'needle', ''], 'tsumugi eval: expected TASK, got ""'],
    [['generate', '--model', 'm', '--stop', ''], '--stop: expected TEXT, got ""'],
    [['chat', '--model', 'm', '--stop', 'a', ''], '--stop: expected TEXT, got ""'],
  ])('names an argument that is empty: %j', async (args, message) => {
    const { code, stdout, stderr } = await runCli(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe(`error: ${message}\n  → Name one; a shell variable may not be set.\n`);
  });

  it.each([
    [['run', '--list', '--plan'], '--plan', '--list prints the recipes and ends'],
    [['run', 'plamo2-mini', '--plan', '--clean'], '--clean', '--plan prints and ends'],
    [['tokenizer', 'info', '--tokenizer', 't', '--field', 'f'], '--field', 'without --text, no text is read'],
    [
      ['tokenizer', 'info', '--tokenizer', 't', '--document-characters', '100'],
      '--document-characters',
      'without --text, no text is read',
    ],
  ])('refuses an option without effect by name: %j', async (args, option, why) => {
    const { code, stdout, stderr } = await runCli(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe(`error: ${option} has no effect: ${why}\n  → Leave ${option} out.\n`);
  });

  it('loads nothing but itself for that', () => {
    const script = `
      import { registerHooks } from 'node:module';
      const loaded = [];
      registerHooks({ load: (url, context, next) => (url.startsWith('file:') && loaded.push(url), next(url, context)) });
      const { main } = await import(process.argv[1]);
      await main(['--help']);
      process.stderr.write(loaded.join('\\n'));`;
    const entry = new URL('main.ts', import.meta.url).href;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script, entry], {
      encoding: 'utf8',
    });
    expect(stdout).toContain('Usage: tsumugi');
    const files = stderr.split('\n').map((url) => url.split('/packages/')[1]!);
    expect(files).toContain('tsumugi/src/cli/main.ts');
    const few =
      /^tsumugi\/src\/(base\/|cli\/(main|failures|io|options|commands?|launchable)\.ts$)|^native\/lib\/cache-folder\.js$/;
    expect(files.filter((file) => !few.test(file))).toEqual([]);
  });

  it('tells its version', async () => {
    expect(await runCli(['--version'])).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: '',
    });
  });

  it.each([
    [['scroe'], 'tsumugi has no command "scroe"\n  → Did you mean "tsumugi score"?'],
    [['constructor'], 'tsumugi has no command "constructor"'],
    [['tokenizer', 'encod'], 'tsumugi tokenizer cannot "encod"\n  → Did you mean "tsumugi tokenizer encode"?'],
    [['tokenizer'], 'tsumugi tokenizer needs to know what to do\n  → Use one of: train, encode, decode, info.'],
    [['data', 'info'], 'tsumugi data info needs DIR'],
    [['data', 'info', 'a', 'b'], 'tsumugi data info does not know what "b" is for'],
    [['score', '--modle', 'x'], 'tsumugi score has no option --modle\n  → Did you mean --model?'],
    [['score', '--model', '/nowhere'], '/nowhere does not exist'],
    [
      ['generate', '--model', '/nowhere', '--prompt', 'a', '--device', 'gpu'],
      '--device: expected cpu, cuda or cuda:N, got "gpu"',
    ],
    [['tokenizer', 'encode', '--tokenizer', '/nowhere'], 'there is no tokenizer at /nowhere'],
  ])('refuses %j in one sentence, with exit code 2 and no stack', async (argv, message) => {
    const { code, stdout, stderr } = await runCli(argv);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`error: ${message}`);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('shows the stack with --debug, wherever that stands', async () => {
    const { code, stderr } = await runCli(['score', '--debug', '--model', '/nowhere']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/\n\s+at /);
  });

  it.each([
    ['score', '--dtype'],
    ['generate', '--repetition-penalty'],
    ['chat', '--temperature'],
  ])('%s --help shows its options', async (command, option) => {
    const { code, stdout } = await runCli([command, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: tsumugi ${command} [options]`);
    expect(stdout).toContain(option);
    expect(await runCli(['help', command])).toEqual({ code, stdout, stderr: '' });
  });

  it('shows the options of subcommands', async () => {
    expect((await runCli(['tokenizer', '--help'])).stdout).toContain('encode  JSON lines');
    expect((await runCli(['tokenizer', 'train', '-h'])).stdout).toContain('--vocabulary-size N');
    expect((await runCli(['data', 'prepare', '--help'])).stdout).toContain('--held-out N');
  });
});

describe('errors', () => {
  const report = (error: unknown, debug = false) => {
    const stderr = new PassThrough();
    const code = reportError(error, stderr, debug);
    return { code, text: String(stderr.read()) };
  };

  it.each([
    [
      'a mistake',
      new UserError('x', 'no such thing', { remedy: 'Look again.' }),
      2,
      'error: no such thing\n  → Look again.\n',
    ],
    [
      'a fault of the system',
      Object.assign(new Error('EACCES: permission denied, mkdir /x'), { code: 'EACCES', path: '/x' }),
      2,
      'error: /x: permission denied\n  → Change its permissions, or name another place.\n',
    ],
    [
      'what could not be closed after it had failed',
      new SuppressedError(new Error('close'), new UserError('x', 'the first failure'), ''),
      2,
      'error: the first failure\n',
    ],
    [
      'an addon that is not built',
      Object.assign(new Error('not built'), { name: 'NativeLoadError', remedy: 'r' }),
      2,
      'error: not built\n',
    ],
  ] as const)('%s is one sentence and exit code %#', (_name, error, code, text) => {
    expect(report(error)).toEqual({ code, text });
  });

  it('a bug says how to get its stack, and has exit code 1', () => {
    const bug = new NativeError('native', 'aten::add failed', { cause: new Error('inside') });
    const { code, text } = report(bug);
    expect(code).toBe(1);
    expect(text).toContain('error: aten::add failed\n');
    expect(text).toContain('--debug');
    expect(text).not.toContain('    at ');
    const shown = report(bug, true).text;
    expect(shown).toContain('    at ');
    expect(shown).toContain('caused by Error: inside');
    // Nothing of ours throws what is no Error: it is a person's own.
    expect(report('a string')).toEqual({
      code: 2,
      text: expect.stringContaining("'a string' was thrown, which is no Error"),
    });
  });
});

describe('NO_COLOR', () => {
  const before = process.env['NO_COLOR'];
  afterEach(() => {
    if (before === undefined) delete process.env['NO_COLOR'];
    else process.env['NO_COLOR'] = before;
  });

  it('is respected, and pipes get no colours', async () => {
    const { dim } = await import('./io.ts');
    const terminal = Object.assign(new PassThrough(), { isTTY: true });
    delete process.env['NO_COLOR'];
    expect(dim(terminal, 'a')).toBe('\u001b[2ma\u001b[22m');
    expect(dim(new PassThrough(), 'a')).toBe('a');
    process.env['NO_COLOR'] = '1';
    expect(dim(terminal, 'a')).toBe('a');
  });
});
