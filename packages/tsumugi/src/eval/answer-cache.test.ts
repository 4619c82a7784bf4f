// Answers on disk: found again, shared by processes, not lost to torn lines.
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { AnswerCache, requestKey } from './answer-cache.ts';
import { fakeBackend } from './eval.testing.ts';
import type { Request } from './request.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-answers-'));
afterAll(() => rmSync(home, { recursive: true }));
const model = { kind: 'fake', fingerprint: 'one' };
const answer = (text: string) => ({ text, finish: 'end' }) as const;

describe('requestKey', () => {
  const request: Request = { kind: 'choices', prompt: 'p', choices: ['a', 'b'] };
  const key = requestKey(fakeBackend(), request);

  it('does not depend on the order of keys, nor on what is undefined', () => {
    expect(requestKey(fakeBackend(), { choices: ['a', 'b'], prompt: 'p', kind: 'choices' })).toBe(key);
    const rolling = { kind: 'rolling', text: 't' } as const;
    expect(requestKey(fakeBackend(), { ...rolling, edges: undefined })).toBe(requestKey(fakeBackend(), rolling));
  });

  it('depends on the request, the model and its settings', () => {
    const others = [
      requestKey(fakeBackend(), { ...request, choices: ['b', 'a'] }),
      requestKey(fakeBackend({ fingerprint: 'g' }), request),
      requestKey(fakeBackend({ settings: { deterministic: true, dtype: 'bfloat16' } }), request),
      requestKey(fakeBackend({ kind: 'other' }), request),
    ];
    expect(new Set([key, ...others]).size).toBe(5);
  });
});

describe('AnswerCache', () => {
  it('finds answers again, in a file for each model', () => {
    const folder = join(home, 'again');
    {
      using cache = new AnswerCache(folder, model);
      cache.put('k', answer('日本語\n'));
      cache.put('k', answer('another'));
      expect(cache.get('k')).toEqual(answer('日本語\n'));
    }
    using again = new AnswerCache(folder, model);
    expect([again.size, again.get('k')]).toEqual([1, answer('日本語\n')]);
    using other = new AnswerCache(folder, { ...model, fingerprint: 'two' });
    expect(other.size).toBe(0);
  });

  it('passes over a line that was torn, and writes on after it', () => {
    const folder = join(home, 'torn');
    const path = (() => {
      using cache = new AnswerCache(folder, model);
      for (const key of ['a', 'b', 'c']) cache.put(key, answer(key));
      return cache.path;
    })();
    const whole = readFileSync(path, 'utf8');
    for (let length = whole.length - 2; length > whole.lastIndexOf('\n', whole.length - 2); length -= 7) {
      writeFileSync(path, whole.slice(0, length));
      using cache = new AnswerCache(folder, model);
      expect(cache.size).toBe(2);
      cache.put('d', answer('d'));
      using again = new AnswerCache(folder, model);
      expect([again.get('b'), again.get('d')]).toEqual([answer('b'), answer('d')]);
    }
    appendFileSync(path, 'null\n[]\n{"key":1,"answer":{}}\n{"key":"x","answer":null}\n');
    using cache = new AnswerCache(folder, model);
    expect(cache.size).toBe(3);
  });

  it('reads lines of any length, wherever the pieces of the file end', () => {
    const folder = join(home, 'long');
    const lengths = [0, 1, 349_000, 349_500, 350_000, 1_000_000, 3];
    {
      using cache = new AnswerCache(folder, model);
      for (const [i, length] of lengths.entries()) cache.put(`${i}`, answer('あ'.repeat(length)));
    }
    using again = new AnswerCache(folder, model);
    expect(lengths.map((_, i) => (again.get(`${i}`) as { text: string }).text.length)).toEqual(lengths);
    expect(again.size).toBe(lengths.length);
  });

  it('may be written by several at once', () => {
    const folder = join(home, 'several');
    using first = new AnswerCache(folder, model);
    using second = new AnswerCache(folder, model);
    for (let i = 0; i < 50; i++) {
      first.put(`a${i}`, answer('x'.repeat(i * 100)));
      second.put(`b${i}`, answer('y'));
    }
    using all = new AnswerCache(folder, model);
    expect(all.size).toBe(100);
  });

  it('says where answers cannot be kept', () => {
    const file = join(home, 'file');
    writeFileSync(file, '');
    expect(() => new AnswerCache(file, model)).toThrow(/answers cannot be kept in .*--cache/s);
  });
});
