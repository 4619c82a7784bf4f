// kill -9 at any moment of a preparation in threads, then the same command: nothing half-written is taken for shards, what was left
// is removed, and the bytes are those of a preparation that was never cut off. TSUMUGI_KILLS sets how many kills.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RandomStream } from '../base/index.ts';
import { runAndSignal } from '../run/kill.testing.ts';
import { embeddedText } from '../text/index.ts';
import { runCli } from './cli.testing.ts';

const kills = Number(process.env['TSUMUGI_KILLS'] ?? 1);

let home: string;
const at = (...names: string[]) => join(home, ...names);
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-data-kill-'));
  mkdirSync(at('out'));
  mkdirSync(at('text'));
  const novel = readFileSync(embeddedText()[0]!, 'utf8');
  const words = ['--text', embeddedText()[1]!, '--vocabulary-size', '600', '--out', at('tokenizer')];
  expect((await runCli(['tokenizer', 'train', ...words])).code).toBe(0);
  // Enough for two threads; the files hold the same documents but for their first line.
  for (let i = 0; i < 5; i++) writeFileSync(at('text', `${i}.txt`), `第${i}部\n${novel}`);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const prepare = (out: string, milliseconds = 120_000) => {
  const args = ['--text', at('text'), '--tokenizer', at('tokenizer'), '--out', at('out', out), '--threads', '2'];
  return runAndSignal(['data', 'prepare', ...args], milliseconds, { signal: 'SIGKILL' });
};
const bytesOf = (out: string) => readdirSync(at('out', out)).map((name) => [name, readFileSync(at('out', out, name))]);

it(`survives ${kills} kills with the same bytes, and leaves nothing beside them`, {
  timeout: 60_000 + kills * 10_000,
}, async () => {
  const began = performance.now();
  expect(await prepare('whole')).toBe(0);
  const longest = performance.now() - began;
  const random = new RandomStream(kills);
  for (let killed = 0; killed < kills; ) {
    rmSync(at('out', 'killed'), { recursive: true, force: true });
    while (killed < kills && (await prepare('killed', random.next() * longest)) !== 0) {
      killed++;
      if (existsSync(at('out', 'killed'))) expect(bytesOf('killed')).toEqual(bytesOf('whole'));
    }
    expect(await prepare('killed')).toBe(0);
    expect(bytesOf('killed')).toEqual(bytesOf('whole'));
    expect(readdirSync(at('out')).sort()).toEqual(['killed', 'whole']);
  }
});
