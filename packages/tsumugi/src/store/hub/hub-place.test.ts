// The variables of Hugging Face's tools, and what a Retry-After means.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { hubPlace, hubToken } from './hub-place.ts';
import { retryAfter } from './hub-refusal.ts';

const home = mkdtempSync(join(tmpdir(), 'tsumugi-place-'));
afterAll(() => rmSync(home, { recursive: true }));

it('keeps files where HF_HUB_CACHE says, else below HF_HOME, else below XDG_CACHE_HOME, else in ~/.cache', () => {
  const cache = (env: Record<string, string>) => hubPlace(env).cache;
  const all = { XDG_CACHE_HOME: '/x', HF_HOME: '/h', HF_HUB_CACHE: '/c' };
  expect(cache(all)).toBe('/c');
  expect(cache({ ...all, HF_HUB_CACHE: '' })).toBe('/h/hub');
  expect(cache({ XDG_CACHE_HOME: '/x' })).toBe('/x/huggingface/hub');
  expect(cache({})).toBe(join(homedir(), '.cache', 'huggingface', 'hub'));
  expect(cache({ HF_HUB_CACHE: '~/models' })).toBe(join(homedir(), 'models'));
  expect(cache({ HF_HOME: '~' })).toBe(join(homedir(), 'hub'));
  expect(cache({ HF_HUB_CACHE: '~other/models' })).toBe('~other/models');
});

it.each([['1'], ['ON'], ['yes'], ['True']])('is offline with %s', (HF_HUB_OFFLINE) => {
  expect(hubPlace({ HF_HUB_OFFLINE }).offline).toBe(true);
});
it.each([['0'], [''], ['no'], ['false'], ['10']])('is not offline with "%s"', (HF_HUB_OFFLINE) => {
  expect(hubPlace({ HF_HUB_OFFLINE }).offline).toBe(false);
});

it('is at the address without the slashes at its end', () => {
  expect(hubPlace({ HF_ENDPOINT: 'https://hub.example/mirror//' }).endpoint).toBe('https://hub.example/mirror');
});

it('has the token of HF_TOKEN, else of the file that HF_TOKEN_PATH names, else of the one below HF_HOME', () => {
  const file = join(home, 'mine');
  writeFileSync(file, ' hf_file\n');
  writeFileSync(join(home, 'token'), 'hf_home\n');
  const all = { HF_TOKEN: ' hf_variable ', HF_TOKEN_PATH: file, HF_HOME: home };
  expect(hubToken(all)).toEqual({ value: 'hf_variable', from: 'HF_TOKEN' });
  expect(hubToken({ ...all, HF_TOKEN: '' })).toEqual({ value: 'hf_file', from: file });
  expect(hubToken({ HF_HOME: home })).toEqual({ value: 'hf_home', from: join(home, 'token') });
  expect(hubToken({ HF_HOME: join(home, 'none') })).toBeUndefined();
  expect(() => hubToken({ HF_TOKEN: 'two words' })).toThrow('holds blanks or letters that cannot be sent');
});

it('reads a Retry-After of seconds, and of a date', () => {
  vi.useFakeTimers({ now: Date.parse('2026-01-01T00:00:00Z') });
  try {
    expect(
      ['3', '0.5', 'Thu, 01 Jan 2026 00:01:30 GMT', 'Wed, 31 Dec 2025 00:00:00 GMT', 'soon', null].map((value) =>
        retryAfter(value),
      ),
    ).toEqual(
      [3, 0.5, 90, 0, undefined, undefined], // biome-ignore format: one list
    );
  } finally {
    vi.useRealTimers();
  }
});
