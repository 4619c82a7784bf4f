// The `tsumugi` command as a process: what it passes on when an older Node has to start a newer one.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const bin = fileURLToPath(new URL('../../bin/tsumugi.js', import.meta.url));
let folder: string;

// A copy of the command beside a stand-in for the command line, whose behaviour the arguments choose.
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsumugi-bin-'));
  mkdirSync(join(folder, 'bin'));
  cpSync(bin, join(folder, 'bin', 'tsumugi.js'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  mkdirSync(join(folder, 'src', 'cli'), { recursive: true });
  writeFileSync(
    join(folder, 'src', 'cli', 'main.ts'),
    `export async function main(argv: string[]): Promise<number> {
       if (argv[0] === 'wait') await new Promise(() => { setInterval(() => {}, 1000); console.log('waiting'); });
       if (argv[0] === 'finish') process.on('SIGTERM', () => { console.log('finishing'); process.exit(7); });
       if (argv[0] === 'finish') await new Promise(() => { setInterval(() => {}, 1000); console.log('waiting'); });
       console.log(JSON.stringify({ argv, node: Number.parseInt(process.versions.node, 10) }));
       return Number(argv[1] ?? 0);
     }`,
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Makes the command believe that it was started by Node 20, and gives it this Node to restart with. */
function asOldNode({ withNewer = true } = {}): string[] {
  const pretend = join(folder, 'pretend.cjs');
  // Only the first process pretends: the second one has a parent that does.
  writeFileSync(
    pretend,
    `if (!process.env.PRETENDED) Object.defineProperty(process.versions, 'node', { value: '20.1.0' });
     process.env.PRETENDED = '1';`,
  );
  if (withNewer) {
    const node = join(folder, 'node_modules', 'node');
    mkdirSync(join(node, 'bin'), { recursive: true });
    writeFileSync(join(node, 'package.json'), '{ "name": "node" }');
    symlinkSync(process.execPath, join(node, 'bin', 'node'));
  }
  return ['--require', pretend, join(folder, 'bin', 'tsumugi.js')];
}

describe('bin/tsumugi.js', () => {
  it('hands on the arguments and the exit code', () => {
    const direct = spawnSync(process.execPath, [join(folder, 'bin', 'tsumugi.js'), 'a b', '3'], { encoding: 'utf8' });
    expect(JSON.parse(direct.stdout).argv).toEqual(['a b', '3']);
    expect(direct.status).toBe(3);
  });

  it('restarts with the newer Node, and ends as that one ends', () => {
    const { stdout, status } = spawnSync(process.execPath, [...asOldNode(), 'a b', '3'], { encoding: 'utf8' });
    expect(JSON.parse(stdout)).toEqual({ argv: ['a b', '3'], node: Number.parseInt(process.versions.node, 10) });
    expect(status).toBe(3);
  });

  it.each([
    ['wait', null, 'SIGTERM'],
    ['finish', 7, null],
  ])('passes SIGTERM on to "%s"', async (command, code, signal) => {
    const child = spawn(process.execPath, [...asOldNode(), command], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.setEncoding('utf8');
    let output = '';
    child.stdout.on('data', (text: string) => {
      if (output === '') child.kill('SIGTERM');
      output += text;
    });
    const ended = await new Promise<unknown[]>((done) => child.on('close', (...how) => done(how)));
    expect(ended).toEqual([code, signal]);
    expect(output).toContain(command === 'finish' ? 'finishing' : 'waiting');
  });

  it.each([
    ['the checkout', 'main.ts', /^tsumugi: Node 24 or newer is needed and this is 20\.1\.0; run `npm run setup`.*\n$/],
    [
      'the package',
      'main.js',
      /^tsumugi: Node 24 or newer is needed and this is 20\.1\.0; install it .*`npm install node`\n$/,
    ],
  ])('says in one sentence what to do when there is no newer Node, in %s', (_, name, sentence) => {
    renameSync(join(folder, 'src', 'cli', 'main.ts'), join(folder, 'src', 'cli', name));
    const { stderr, status } = spawnSync(process.execPath, [...asOldNode({ withNewer: false })], { encoding: 'utf8' });
    expect(stderr).toMatch(sentence);
    expect(status).toBe(2);
  });
});
