// Run folders: made once, owned by one writer, resumed; the event log survives being cut off anywhere.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { FormatError, UserError } from '../base/index.ts';
import { EventLog, type NewEvent, type RunEvent, RunFolder, readEvents } from './index.ts';
import { ownerNow } from './lock-owner.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tsumugi-run-'));
});
afterEach(() => rmSync(home, { recursive: true }));
const at = (...names: string[]) => join(home, ...names);

function code(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).remedy).toBeTruthy();
    return (error as UserError).code;
  }
  return 'nothing was thrown';
}

describe('folder', () => {
  const settings = { name: 'pretrain', config: { steps: 10, model: { hidden: 96 } } };

  it('is created, read, and resumed', () => {
    {
      using run = RunFolder.create(at('a', 'run'), settings);
      using log = run.openEvents();
      log.write({ type: 'start', step: 0, name: run.name, totalSteps: 10, resumed: false });
      mkdirSync(join(run.checkpoints, 'step-000000001.partial-here-4711-0'), { recursive: true });
    }
    const read = RunFolder.open(at('a', 'run'));
    expect([read.name, read.config]).toEqual([settings.name, settings.config]);
    expect(read.events().map(({ type }) => type)).toEqual(['start']);
    expect(() => read.openEvents()).toThrow(TypeError);
    {
      using run = RunFolder.resume(at('a', 'run'));
      expect(readdirSync(run.checkpoints)).toEqual([]);
    }
    expect(readdirSync(at('a', 'run')).sort()).toEqual(['checkpoints', 'events.jsonl', 'run.json']);
  });

  it('refuses what holds something else', () => {
    expect(code(() => RunFolder.open(at('none')))).toBe('no-run');
    expect(code(() => RunFolder.resume(home))).toBe('no-run');
    mkdirSync(at('photos'));
    writeFileSync(at('photos', 'cat.png'), '');
    expect(code(() => RunFolder.create(at('photos'), settings))).toBe('not-a-run');
    expect(code(() => RunFolder.create(at('photos', 'cat.png'), settings))).toBe('not-a-folder');
    expect(readdirSync(at('photos'))).toEqual(['cat.png']);
    {
      using run = RunFolder.create(at('run'), settings);
      run.openEvents()[Symbol.dispose]();
    }
    expect(code(() => RunFolder.create(at('run'), settings))).toBe('run-exists');
    writeFileSync(at('run', 'run.json'), '{"format":"other"}');
    expect(code(() => RunFolder.resume(at('run')))).toBe('unexpected-json');
    expect(existsSync(at('run', 'run.lock'))).toBe(false);
  });

  it('does not stand in the way when it failed before anything happened in it', () => {
    {
      using run = RunFolder.create(at('run'), settings);
      run.plan(z.strictObject({ steps: z.int() }), () => ({ steps: 3 }));
    }
    using run = RunFolder.create(at('run'), { ...settings, name: 'other' });
    expect([run.name, readdirSync(run.path).sort()]).toEqual(['other', ['run.json', 'run.lock']]);
  });

  it('keeps to the plan that was made first', () => {
    const schema = z.strictObject({ steps: z.int() });
    {
      using run = RunFolder.create(at('run'), settings);
      run.openEvents()[Symbol.dispose]();
      expect(run.plan(schema, () => ({ steps: 3 }))).toEqual({ steps: 3 });
    }
    using run = RunFolder.resume(at('run'));
    expect(run.plan(schema, () => ({ steps: 4 }))).toEqual({ steps: 3 });
  });

  it('has one writer', () => {
    using run = RunFolder.create(at('run'), settings);
    run.openEvents()[Symbol.dispose]();
    expect(code(() => RunFolder.resume(run.path))).toBe('run-in-use');
    expect(RunFolder.open(run.path).name).toBe('pretrain');
    const lock = JSON.parse(readFileSync(at('run', 'run.lock'), 'utf8'));
    expect(lock.pid).toBe(process.pid);
    // Killed; another process that got the same id.
    for (const gone of [{ pid: 2 ** 22 + 1 }, { started: '1' }]) {
      writeFileSync(at('run', 'run.lock'), JSON.stringify({ ...lock, ...gone }));
      RunFolder.resume(run.path)[Symbol.dispose]();
      expect(existsSync(at('run', 'run.lock'))).toBe(false);
    }
    // On another machine it may still run.
    writeFileSync(at('run', 'run.lock'), JSON.stringify({ ...lock, host: 'elsewhere' }));
    expect(code(() => RunFolder.resume(run.path))).toBe('run-in-use');
  });

  it('loses its unfinished files on resume, but no files of others', () => {
    {
      using run = RunFolder.create(at('run'), settings);
      using log = run.openEvents();
      log.write({ type: 'start', step: 0, name: run.name, totalSteps: 10, resumed: false });
    }
    writeFileSync(at('run', 'report.json.partial-4711'), '{');
    writeFileSync(at('run', 'mine.partial-notes'), 'mine');
    RunFolder.resume(at('run'))[Symbol.dispose]();
    expect(readdirSync(at('run')).filter((name) => name.includes('partial'))).toEqual(['mine.partial-notes']);
  });

  it('is created where a process was killed while creating it', () => {
    mkdirSync(at('run'));
    writeFileSync(at('run', 'run.json.partial-1'), '{');
    writeFileSync(at('run', 'run.lock'), JSON.stringify({ ...ownerNow(), pid: 2 ** 22 + 1 }));
    using run = RunFolder.create(at('run'), settings);
    expect(run.name).toBe('pretrain');
  });
});

describe('events', () => {
  const step = (n: number): NewEvent => ({ type: 'step', step: n, loss: 1 / n, lr: 1e-3 });
  const steps = (events: RunEvent[]) => events.map((event) => event.step);
  function written(path: string, last: number, resumeAt?: number): void {
    using log = new EventLog(path, resumeAt);
    log.write({ type: 'start', step: resumeAt ?? 0, name: 'x', totalSteps: 9, resumed: resumeAt !== undefined });
    for (let n = (resumeAt ?? 0) + 1; n <= last; n++) log.write(step(n));
  }

  it('are written as they are, with null for what is no number', () => {
    const path = at('events.jsonl');
    const before = Date.now();
    using log = new EventLog(path);
    log.write({ type: 'step', step: 1, loss: Number.NaN, metrics: { 報酬: Number.POSITIVE_INFINITY } });
    log.write({ type: 'sample', step: 1, prompt: '吾輩は', text: '猫\nである' });
    // Readable at once, while the log is open.
    const [first, second] = readEvents(path);
    expect(first).toMatchObject({ type: 'step', step: 1, loss: null, metrics: { 報酬: null } });
    expect(second).toMatchObject({ type: 'sample', text: '猫\nである' });
    expect(first!.time).toBeGreaterThanOrEqual(before);
    expect(readEvents(at('none.jsonl'))).toEqual([]);
  });

  it('of later steps are cut off on resume', () => {
    const path = at('events.jsonl');
    written(path, 6);
    written(path, 5, 3);
    expect(steps(readEvents(path))).toEqual([0, 1, 2, 3, 3, 4, 5]);
    written(path, 1); // anew
    expect(steps(readEvents(path))).toEqual([0, 1]);
    written(path, 2, 9); // nothing to cut
    expect(steps(readEvents(path))).toEqual([0, 1, 9]);
  });

  it('survive a last line cut anywhere', () => {
    const path = at('events.jsonl');
    written(path, 3);
    const whole = readFileSync(path);
    const lastLine = whole.lastIndexOf('\n', whole.length - 2) + 1;
    for (let length = lastLine; length < whole.length; length++) {
      writeFileSync(path, whole.subarray(0, length));
      expect(steps(readEvents(path))).toEqual([0, 1, 2]);
      written(path, 3, 2);
      expect(steps(readEvents(path))).toEqual([0, 1, 2, 2, 3]);
    }
    // A power failure may leave zeros.
    writeFileSync(path, Buffer.concat([whole, Buffer.alloc(20)]));
    expect(steps(readEvents(path))).toEqual([0, 1, 2, 3]);
  });

  it('name a malformed line in the middle', () => {
    const path = at('events.jsonl');
    written(path, 1);
    appendFileSync(path, '{"type":"step"\n');
    appendFileSync(path, '{"type":"step","step":2,"time":1}\n');
    expect(() => readEvents(path)).toThrow(FormatError);
    expect(() => readEvents(path)).toThrow(/events\.jsonl, line 3/);
  });
});
