// The folder of a run: `run.json` (what it is), `plan.json` (what it set out to do), `events.jsonl` (what happened),
// `checkpoints/` (where to go on).
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { ConfigError, finishedName, makeFolder, removeUnfinished, UserError } from '../base/index.ts';
import { cleanCheckpoints, type JsonObject, readJson, writeJson } from '../store/index.ts';
import { EventLog } from './event-log.ts';
import { type RunEvent, readEvents } from './events.ts';
import { inputSchema, type RunInputs } from './inputs.ts';
import { Lock } from './lock.ts';

/** A recipe's record of a stage. It is written before the stage's own run makes the folder its own. */
export const RECORD_FILE = 'stage.json';
const RUN_FILE = 'run.json';
const PLAN_FILE = 'plan.json';
const LOCK_FILE = 'run.lock';

const format = { format: 'tsumugi-run', version: 1 } as const;

const runSchema = z.strictObject({
  format: z.literal(format.format),
  version: z.literal(format.version),
  name: z.string(),
  /** ISO 8601. */
  created: z.iso.datetime(),
  config: z.record(z.string(), z.json()),
  inputs: z.record(z.string(), inputSchema),
  /** What the settings were taken from. */
  recipe: z.string().nullable().default(null),
});

const refuse = (code: string, path: string, problem: string, remedy: string): UserError =>
  new UserError(code, `${path} ${problem}`, { remedy, fields: { path } });

export class RunFolder implements Disposable {
  readonly path: string;
  /** What runs, e.g. "pretrain". */
  readonly name: string;
  /** The run's settings. */
  readonly config: JsonObject;
  /** What it is made from. */
  readonly inputs: RunInputs;
  readonly created: string;
  /** The recipe that the settings were taken from. */
  readonly recipe: string | null;
  #lock: Lock | undefined;
  /** Made by this process, and nothing has happened in it yet. */
  #isUntouched = false;
  #changed: { config: JsonObject; inputs: RunInputs } | undefined;

  private constructor(path: string, lock?: Lock) {
    this.path = path;
    try {
      const { name, config, inputs, created, recipe } = readJson(join(path, RUN_FILE), runSchema);
      this.name = name;
      this.config = config;
      this.inputs = inputs;
      this.created = created;
      this.recipe = recipe;
    } catch (error) {
      lock?.[Symbol.dispose]();
      throw error;
    }
    this.#lock = lock;
  }

  /**
   * Makes the folder of a new run, for writing.
   *
   * @throws UserError when there is a run already, or anything else
   */
  static create(
    path: string,
    about: { name: string; config: JsonObject; inputs?: RunInputs; recipe?: string | null },
  ): RunFolder {
    const place = resolve(path);
    const found = statSync(place, { throwIfNoEntry: false });
    if (found && !found.isDirectory())
      throw refuse('not-a-folder', path, 'is a file', 'Choose the name of a new folder.');
    if (existsSync(join(place, RUN_FILE)))
      throw refuse('run-exists', path, 'already holds a run', 'Resume it (--resume), or choose another folder.');
    // A process killed while it made the folder leaves its lock or an unfinished run.json: both count as nothing.
    const isOurs = (file: string) => file.startsWith(LOCK_FILE) || [RECORD_FILE, RUN_FILE].includes(finishedName(file));
    const other = found && readdirSync(place).find((file) => !isOurs(file));
    if (other)
      throw refuse('not-a-run', path, `holds something else (${other})`, 'Choose an empty folder or a new name.');
    makeFolder(place);
    const lock = new Lock(join(place, LOCK_FILE), path);
    const created = new Date().toISOString();
    writeJson(join(place, RUN_FILE), { ...format, created, inputs: {}, ...about });
    const run = new RunFolder(place, lock);
    run.#isUntouched = true;
    return run;
  }

  /** Opens a run for reading. @throws UserError when the folder holds none. */
  static open(path: string): RunFolder {
    RunFolder.#requireRun(path);
    return new RunFolder(resolve(path));
  }

  /**
   * Opens a run to go on with it, and removes what a killed writer left of a checkpoint.
   *
   * @throws UserError when the folder holds no run, or a running process writes to it
   */
  static resume(path: string): RunFolder {
    RunFolder.#requireRun(path);
    const run = new RunFolder(resolve(path), new Lock(join(path, LOCK_FILE), path));
    removeUnfinished(run.path);
    cleanCheckpoints(run.checkpoints);
    return run;
  }

  static #requireRun(path: string): void {
    if (existsSync(join(path, RUN_FILE))) return;
    throw refuse(
      'no-run',
      path,
      existsSync(path) ? `is not the folder of a run: it has no ${RUN_FILE}` : 'does not exist',
      'Name the folder of a run, or start a new one (without --resume).',
    );
  }

  /** Replaces settings and inputs in run.json: some were changed, or the run was moved. Written when the log is opened. */
  change(config: JsonObject, inputs: RunInputs): void {
    this.#changed = { config, inputs };
  }

  /** @throws ConfigError when this is a run of something else */
  requireName(name: string): void {
    if (this.name === name) return;
    throw new ConfigError('other-run', `${this.path} holds a run of "${this.name}", not of "${name}"`, {
      remedy: 'Choose another --out.',
      fields: { expected: name, found: this.name },
    });
  }

  get eventsPath(): string {
    return join(this.path, 'events.jsonl');
  }

  /** The folder of the checkpoints. */
  get checkpoints(): string {
    return join(this.path, 'checkpoints');
  }

  events(): RunEvent[] {
    return readEvents(this.eventsPath);
  }

  /** The log for writing; `resumeAt` is the step of the checkpoint the run goes on from. */
  openEvents(resumeAt?: number): EventLog {
    if (!this.#lock) throw new TypeError('this run was opened for reading; use RunFolder.create or RunFolder.resume');
    this.#isUntouched = false;
    if (this.#changed) {
      const { name, created, recipe } = this;
      writeJson(join(this.path, RUN_FILE), { ...format, created, recipe, ...this.#changed, name });
      this.#changed = undefined;
    }
    return new EventLog(this.eventsPath, resumeAt);
  }

  /**
   * A plan that follows from more than the settings (from the clock, say). It is made once, before the first step, and written
   * down; a run that goes on keeps to it, unless `holds` says that it no longer fits.
   */
  plan<Plan extends JsonObject>(schema: z.ZodType<Plan>, make: () => Plan, holds = (_: Plan) => true): Plan {
    const path = join(this.path, PLAN_FILE);
    const known = existsSync(path) ? readJson(path, schema) : undefined;
    if (known && holds(known)) return known;
    const plan = make();
    writeJson(path, plan);
    return plan;
  }

  /** Releases the folder. One in which nothing has happened yet is no run: it is emptied, so that the next run can have it. */
  [Symbol.dispose](): void {
    if (this.#isUntouched) {
      for (const file of [RUN_FILE, PLAN_FILE]) rmSync(join(this.path, file), { force: true });
      this.#isUntouched = false;
    }
    this.#lock?.[Symbol.dispose]();
    this.#lock = undefined;
  }
}
