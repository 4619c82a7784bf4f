// A disk that fills up while something is written: the message names the place, nothing half-written stays, and what was there
// before is as good as it was. A limit on the size of files (ulimit -f) stands for the disk: it needs no rights, and a file
// takes what still fits, as on a full disk.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AnswerCache } from '../packages/tsumugi/src/eval/answer-cache.ts';
import { readEvents } from '../packages/tsumugi/src/run/index.ts';
import { Artefact, latestCheckpoint, openSafetensors } from '../packages/tsumugi/src/store/index.ts';

const LIMIT = 256 * 1024;
let home: string;
let outcomes: Record<string, string>;
const at = (...names: string[]) => join(home, ...names);

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-full-'));
  const script = fileURLToPath(new URL('full-disk-writers.testing.ts', import.meta.url));
  // POSIX counts in blocks of 512 bytes.
  const limited = ['-c', `ulimit -f ${LIMIT / 512} && exec "$0" "$@"`, process.execPath, script, home];
  outcomes = JSON.parse(execFileSync('sh', limited, { encoding: 'utf8' }));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

it('names the place and what to do', () => {
  expect(Object.keys(outcomes)).toHaveLength(8);
  const full = 'the file would be larger than the file system takes\n  → ';
  for (const [place, message] of Object.entries(outcomes))
    if (place === 'answers')
      expect(message).toMatch(/^answers cannot be kept in .*answers.*\.jsonl: .*takes\n {2}→ .*--cache/);
    else expect(message).toContain(`${at(place)} cannot be written: ${full}`);
});

it('leaves nothing half-written', () => {
  const left = readdirSync(home, { recursive: true, encoding: 'utf8' });
  expect(left.filter((name) => name.includes('.partial-'))).toEqual([]);
  expect(left).not.toContain('data');
});

it('keeps what was there before', () => {
  expect(latestCheckpoint(at('checkpoints'))?.step).toBe(1);
  expect(new Artefact(at('model')).config()).toEqual({ size: 100 });
  using file = openSafetensors(at('a.safetensors'));
  expect(file.info('w').shape).toEqual([100]);
  for (const name of ['report.html', 'tokenizer/tokenizer.jsonl'])
    expect(readFileSync(at(name), 'utf8')).toBe('as before');
});

it('keeps every event and answer that was written, and no half of one', () => {
  const events = readEvents(at('events.jsonl'));
  expect(events.length).toBe(Math.floor(LIMIT / (readFileSync(at('events.jsonl')).length / events.length)));
  expect(events.map(({ step }) => step)).toEqual(events.map((_, i) => i + 1));
  expect(readFileSync(at('events.jsonl'), 'utf8').endsWith('}\n')).toBe(true);
  using cache = new AnswerCache(at('answers'), { kind: 'engine', fingerprint: 'a' });
  expect(cache.size).toBeGreaterThan(200);
  // What is asked after there is room again is not joined to the half of a line.
  cache.put('later', { text: 'あ' } as never);
  using again = new AnswerCache(at('answers'), { kind: 'engine', fingerprint: 'a' });
  expect(again.size).toBe(cache.size);
});
