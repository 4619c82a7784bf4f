// What the commands that train have in common: options, the forecast of --plan, how they end.
import { signalExitCode } from '../base/index.ts';
import { commandLine, resumeCommand } from './command-line.ts';
import { type Io, write } from './io.ts';
import { withoutEffect } from './without-effect.ts';

export const dataOption = { type: 'string', value: 'DIR', help: 'token shards ("tsumugi data prepare")' } as const;

export const trainingOptions = {
  out: { type: 'string', value: 'DIR', help: 'run folder' },
  resume: { type: 'boolean', help: 'go on with the run in --out, or begin it when there is none' },
  plan: { type: 'boolean', help: 'print what would be trained and what it would take, and stop' },
  json: { type: 'boolean', help: 'print the result as JSON' },
} as const;

interface TrainingValues {
  readonly resume: boolean;
  readonly plan: boolean;
  readonly json: boolean;
}

/** @throws ConfigError for --resume beside --plan */
export function checkPlan({ plan, resume }: TrainingValues): void {
  if (plan) withoutEffect('--plan prints and ends', { resume });
}

/** Ends --plan, whose forecast has been printed for a person. Returns the exit code. */
export async function endPlan(io: Io, { json }: TrainingValues, forecast: unknown): Promise<number> {
  if (json) await write(io.stdout, `${JSON.stringify(forecast)}\n`);
  return 0;
}

/**
 * Says what a training came to, or how to go on with it. Returns the exit code.
 *
 * @param sentence what a person is told of a run that is done, without its line end
 */
export async function endTraining<Result extends { readonly interrupted: boolean }>(
  io: Io,
  command: string,
  { json, out }: TrainingValues & { readonly out: string },
  result: Result,
  sentence: (result: Result) => string,
): Promise<number> {
  if (json) await write(io.stdout, `${JSON.stringify(result)}\n`);
  else if (!result.interrupted) await write(io.stdout, `${sentence(result)}\n`);
  if (!result.interrupted) return 0;
  io.stderr.write(`saved; go on with: ${resumeCommand(command, out, json)}\n`);
  return signalExitCode();
}

/** The end of a sentence about a training: its model, or, since a range test makes none, the command that shows the rates. */
export const madeModel = (folder: string | undefined, out: string): string =>
  folder === undefined ? `; its rates: ${commandLine('tsumugi report', [out])}` : ` → ${folder}`;

/** Bits per character as a sentence has them; "–" where nothing was measured. */
export const bitsText = (evaluation: { readonly bitsPerCharacter: number } | undefined): string =>
  evaluation?.bitsPerCharacter.toFixed(3) ?? '–';
