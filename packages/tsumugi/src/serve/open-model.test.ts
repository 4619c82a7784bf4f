// What the HTTP thread reads of a model's folder: lengths, ends, templates, and what its texts are written by where nobody says.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openModel } from './open-model.ts';
import { chatModel } from './serve.testing.ts';

const chat = chatModel(1);
afterAll(() => chat[Symbol.dispose]());
const place = { name: 'm', folder: chat.folder };
const open = (options: Partial<Parameters<typeof openModel>[1]> = {}) =>
  openModel(place, { contextTokens: 1 << 30, ...options });

/** Changes a file of JSON of the folder while something is done. */
function with_<T>(name: string, change: object, body: () => T): T {
  const file = join(chat.folder, name);
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(before) as object), ...change }));
  try {
    return body();
  } finally {
    writeFileSync(file, before);
  }
}

it('takes texts as long as the model and the server allow', () => {
  const { max_position_embeddings: own } = open().config;
  expect(open().contextTokens).toBe(own);
  expect(open({ contextTokens: 100 }).contextTokens).toBe(100);
});

it('has the template of its folder, or the one that is asked for, and ends where that ends an answer', () => {
  const { template, tokenizer, endIds } = open();
  expect(template!.name).toBe('model');
  expect(open({ template: 'plamo-translate' }).template!.name).toBe('plamo-translate');
  expect(endIds).toContain(tokenizer.eosId);
  // Its answers end with a special piece.
  expect(endIds).not.toContain(tokenizer.opId);
  expect(open({ template: 'plamo-translate' }).endIds).toContain(tokenizer.opId);
});

describe('what its texts are written by', () => {
  const sampling = (config: object) => with_('generation_config.json', config, () => given(open().sampling));
  const given = (values: object) =>
    Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

  it('is what generation_config.json says', () => {
    const told = { temperature: 0.7, top_p: 0.9, top_k: 40, min_p: 0.05, repetition_penalty: 1.1 };
    expect(sampling(told)).toEqual({ temperature: 0.7, topP: 0.9, topK: 40, minP: 0.05, repetitionPenalty: 1.1 });
  });

  it('is greedy where it does not sample', () => {
    expect(sampling({ do_sample: false, temperature: 0.7, top_p: 0.9 })).toEqual({ temperature: 0 });
  });

  it('leaves out what cannot be', () => {
    expect(sampling({ temperature: -1, top_p: 2, top_k: 1.5, min_p: 'x', repetition_penalty: 0 })).toEqual({});
  });
});
