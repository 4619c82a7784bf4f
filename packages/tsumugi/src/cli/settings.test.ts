// `--config` and `--set` over a schema.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ConfigError } from '../base/index.ts';
import { describeSettings } from './describe-settings.ts';
import { applySettings, readSettingsFile } from './settings.ts';

const schema = z.strictObject({
  steps: z.int().positive().default(10).describe('how long'),
  rate: z.number().nonnegative(),
  name: z.string().min(1).optional(),
  words: z.array(z.string()).default([]),
  betas: z.tuple([z.number(), z.number()]).default([0.9, 0.95]),
  limit: z.number().nullable().default(null),
  changes: z.record(z.string(), z.unknown()).default({}),
  optimizer: z
    .strictObject({ kind: z.enum(['adamw', 'sgd']).default('adamw'), fused: z.boolean().default(true) })
    .prefault({}),
});

const apply = (config: unknown, ...sets: string[]) => applySettings(schema, config, sets);

function refusal(config: unknown, ...sets: string[]): string {
  try {
    apply(config, ...sets);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('accepted');
}

describe('applySettings', () => {
  it('lays --set over the file over the defaults, with the types of the schema', () => {
    const file = { rate: 1, steps: 3, optimizer: { kind: 'sgd' } };
    const sets = [
      'steps=5',
      'name=12',
      'words=a,b',
      'betas=.8,0.9',
      'limit=null',
      'optimizer.fused=false',
      'changes.size=7',
    ];
    expect(apply(file, ...sets)).toEqual({
      steps: 5,
      rate: 1,
      name: '12',
      words: ['a', 'b'],
      betas: [0.8, 0.9],
      limit: null,
      changes: { size: 7 },
      optimizer: { kind: 'sgd', fused: false },
    });
    expect(file.steps).toBe(3);
    expect(apply(undefined, 'rate=1e-3').optimizer).toEqual({ kind: 'adamw', fused: true });
  });

  it.each([
    [{ rate: 1 }, ['stepz=5'], '--set: there is no setting "stepz"\n  → Did you mean "steps"?'],
    [{ rate: 1, optimizer: { kin: 1 } }, [], 'there is no setting "optimizer.kin"\n  → Did you mean "optimizer.kind"?'],
    [{ rate: 1 }, ['optimizer.kind=adamv'], 'expected one of adamw, sgd, got "adamv"\n  → Did you mean "adamw"?'],
    [{ rate: 1 }, ['steps=-1'], '--set steps: expected more than 0, got "-1"'],
    [{ rate: 1 }, ['name='], '--set name: expected a text, got ""'],
    [{ rate: 1 }, ['steps=soon'], '--set steps: expected a number, got "soon"'],
    [{ rate: 1 }, ['steps=1.5'], '--set steps: expected a whole number, got "1.5"'],
    [{ rate: 1 }, ['optimizer.fused=yes'], 'expected true or false, got "yes"'],
    [{ rate: 1 }, ['steps'], '--set: expected key=value, got "steps"'],
    [{ rate: 1 }, ['steps.more=1'], '"steps" has no settings inside'],
    [{ rate: 1 }, ['toString=1'], 'there is no setting "toString"'],
    [{ rate: 'fast' }, [], 'rate: expected a number, got "fast"'],
    [{}, [], 'rate is missing\n  → Write --set rate=…'],
    [[], [], 'expected a JSON object'],
  ])('refuses %j with %j', (config, sets, message) => {
    expect(refusal(config, ...sets)).toContain(message);
  });

  it('describes every setting', () => {
    expect(describeSettings(schema)).toContainEqual(['steps', 'how long (default 10)']);
    expect(describeSettings(schema)).toContainEqual(['rate', '(required)']);
    expect(describeSettings(schema)).toContainEqual(['optimizer.kind', '(one of adamw, sgd; default "adamw")']);
  });

  it('reads a settings file, or says what is wrong with it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tsumugi-settings-'));
    try {
      const path = join(folder, 'a.json');
      expect(() => readSettingsFile(path)).toThrow(`there is no settings file ${path}`);
      writeFileSync(path, '{"a": 1,}');
      expect(() => readSettingsFile(path)).toThrow(/is not valid JSON/);
      for (const [json, kind] of Object.entries({ '[1]': 'a list', null: 'null', '"steps"': 'a text', '5': '5' })) {
        writeFileSync(path, json);
        expect(() => readSettingsFile(path)).toThrow(`should hold a JSON object, but holds ${kind}\n  → Write the`);
      }
      writeFileSync(path, '{"a": 1}');
      expect(readSettingsFile(path)).toEqual({ a: 1 });
      const yaml = join(folder, 'a.yml');
      writeFileSync(yaml, 'a: 1\nb: { c: [x, y] } # a remark\n');
      expect(readSettingsFile(yaml)).toEqual({ a: 1, b: { c: ['x', 'y'] } });
      writeFileSync(yaml, '- a\n- b\n');
      expect(() => readSettingsFile(yaml)).toThrow('should hold keys with values, but holds a list');
      writeFileSync(yaml, 'a: 1\n b: 2\n');
      expect(() => readSettingsFile(yaml)).toThrow(/a\.yml:\d+: /);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
