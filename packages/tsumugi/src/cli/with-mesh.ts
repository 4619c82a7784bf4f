// A training as the command line runs it: by itself, or as one of the ranks of which the environment speaks.
import { Writable } from 'node:stream';
import { tellingOthers } from '../loop/index.ts';
import { type Mesh, openMesh, placeOf, solo } from '../mesh/index.ts';
import type { PlanOptions } from '../train/index.ts';
import type { Io, Output } from './io.ts';
import { endPlan, endTraining } from './training-command.ts';

/**
 * Meets the other ranks, if there are any, and does `body`, which returns the exit code. Ranks other than the first get streams
 * that nobody reads: what they would say, the first one says. Their errors are told as ever.
 */
async function withMesh(io: Io, body: (mesh: Mesh, io: Io) => Promise<number>): Promise<number> {
  const place = placeOf();
  if (!place) return await body(solo, io);
  const mesh = await openMesh(place);
  const own = mesh.rank === 0 ? io : silenced(io);
  const code = await tellingOthers(mesh, () => body(mesh, own));
  // Only now: after an error the others may be gone, and leaving would wait for them.
  mesh[Symbol.dispose]();
  return code;
}

interface Trained {
  readonly interrupted: boolean;
}

/** A training as a command has it. */
export interface TrainingRun<Result extends Trained> {
  /** As it is typed, e.g. "tsumugi sft". */
  command: string;
  options: Parameters<typeof endPlan>[1] & { readonly plan: boolean };
  out: string;
  /** What `--plan` prints. */
  plan(options: PlanOptions): Promise<unknown>;
  train(options: { resume: boolean; stream: Io['stderr']; mesh: Mesh }): Promise<Result>;
  /** What the first rank makes of the result by itself. */
  finish?(result: Result, io: Io): Promise<Result>;
  /** As of `endTraining`. */
  sentence(result: Result): string;
}

/** Trains, alone or over ranks, and says what it came to; or only plans to. Returns the exit code. */
export async function trainOverRanks<Result extends Trained>(
  io: Io,
  { command, options, out, plan, train, finish, sentence }: TrainingRun<Result>,
): Promise<number> {
  if (options.plan) return await planOverRanks(io, options, plan);
  return await withMesh(io, async (mesh, own) => {
    const trained = await train({ resume: options.resume, stream: own.stderr, mesh });
    const result = finish && mesh.rank === 0 ? await finish(trained, own) : trained;
    return await endTraining(own, command, { ...options, out }, result, sentence);
  });
}

/**
 * `--plan` of a training: prints, on the first rank, what one of the ranks would take of which the environment speaks. They need not meet.
 * Returns the exit code.
 */
export async function planOverRanks(
  io: Io,
  values: Parameters<typeof endPlan>[1],
  plan: (options: PlanOptions) => Promise<unknown>,
): Promise<number> {
  const place = placeOf();
  if (!place) return await endPlan(io, values, await plan({ stream: io.stderr }));
  const own = place.rank === 0 ? io : silenced(io);
  const ranks = { world: place.world, onHost: place.localWorld };
  return await endPlan(own, values, await plan({ stream: own.stderr, ranks }));
}

const silenced = ({ stdin }: Io): Io => ({ stdin, stdout: nowhere(), stderr: nowhere() });

const nowhere = (): Output => new Writable({ write: (_chunk, _encoding, done) => done() });
