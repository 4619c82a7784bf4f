// Whether an environment keeps the contract: for those who write one.
import { checkCount, checkOptions, deriveSeed, isObject, kindOf, RandomStream, UserError } from '../../base/index.ts';
import type { Action, Environment } from '../environment.ts';
import { observationFault, resultFaults, shown } from './faults.ts';

export interface CheckOptions {
  /** Steps of random actions. */
  steps?: number;
  seed?: number;
}

/** A text that two things share exactly when they are alike, bit for bit. */
function exact(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} ${Array.from(value as never, exact).join(' ')}`;
  return String(value);
}

/** Every sentence that was said once. */
class Faults {
  readonly all: string[] = [];

  say(fault: string | undefined): void {
    // The same fault in another step says nothing new.
    const kind = (text: string) => text.replace(/\d[\d.e+-]*/g, '#');
    if (fault !== undefined && !this.all.some((said) => kind(said) === kind(fault))) this.all.push(fault);
  }
}

/** What an environment of this kind cannot do without. */
function isWhole(environment: Environment, faults: Faults): boolean {
  for (const method of ['reset', 'step', Symbol.dispose] as const)
    if (typeof environment[method] !== 'function')
      faults.say(`there is no method ${String(method)}: write it, as the interface Environment has it`);
  for (const space of ['observationSpace', 'actionSpace'] as const)
    if (typeof environment[space]?.contains !== 'function')
      faults.say(`${space} is ${kindOf(environment[space])}: make it a Box, a Discrete or a MultiDiscrete`);
  if (typeof environment.id !== 'string') faults.say('there is no id: give it a name, e.g. "Corridor-v0"');
  return faults.all.length === 0;
}

/** Plays the actions; tells what was seen, as texts. */
function play(
  environment: Environment,
  seed: number | undefined,
  actions: readonly Action[],
  faults: Faults,
): string[] {
  const seen: string[] = [];
  const begin = (from: string, options?: { seed: number }) => {
    const result: unknown = environment.reset(options);
    if (!isObject(result) || !isObject(result['info'])) {
      faults.say(`${from} gave ${shown(result)}: give out { observation, info }`);
      if (!isObject(result)) return;
    }
    faults.say(observationFault(from, environment.observationSpace, result['observation']));
    seen.push(`begin ${exact(result['observation'])}`);
  };
  if (seed !== undefined) begin('reset', { seed });
  let held: { observation: unknown; text: string } | undefined;
  for (const [i, drawn] of actions.entries()) {
    const action = typeof drawn === 'number' ? drawn : drawn.slice();
    const from = `step ${i + 1}`;
    const given = exact(action);
    const result = environment.step(action);
    if (exact(action) !== given) faults.say(`${from} wrote into the action that it got: copy it first`);
    if (held && exact(held.observation) !== held.text)
      faults.say(`${from} wrote into an observation given out before: make a new array for each observation`);
    for (const fault of resultFaults(from, result)) faults.say(fault);
    if (!isObject(result)) return seen;
    const { observation, reward, terminated, truncated } = result;
    faults.say(observationFault(from, environment.observationSpace, observation));
    held = { observation, text: exact(observation) };
    seen.push([held.text, reward, terminated, truncated].map(exact).join(' '));
    if (terminated || truncated) begin(`reset after the end in ${from}`);
  }
  return seen;
}

const firstDifference = (a: readonly string[], b: readonly string[]): number => a.findIndex((text, i) => text !== b[i]);

function checkSnapshot(environment: Environment, actions: readonly Action[], faults: Faults): void {
  if (!environment.snapshot !== !environment.restore) {
    faults.say('there is only one of snapshot and restore: write both, or none');
    return;
  }
  if (!environment.snapshot || !environment.restore) return;
  const text = JSON.stringify(environment.snapshot());
  const wanted = play(environment, undefined, actions, faults);
  // The text has to hold everything: a reference into the environment would have moved on.
  environment.restore(JSON.parse(text ?? 'null') as unknown);
  const i = firstDifference(wanted, play(environment, undefined, actions, faults));
  if (i >= 0)
    faults.say(
      `after restore the run goes on differently (at ${i + 1}: ${wanted[i]}): put everything that the future depends on into the snapshot, as JSON – state, random stream, counts`,
    );
}

function checkPicture(environment: Environment, faults: Faults): void {
  const frame: unknown = environment.render?.();
  if (frame === undefined) return;
  const { width, height, data } = (isObject(frame) ? frame : {}) as {
    width?: number;
    height?: number;
    data?: Uint8Array;
  };
  if (!(data instanceof Uint8Array) || data.length !== Number(width) * Number(height) * 3)
    faults.say(
      'render gave no { width, height, data } with 3 bytes for each pixel: give out RGB, row by row, as Uint8Array',
    );
}

/** The sentences that `checkEnvironment` would say; none for an environment that keeps the contract. */
export function environmentFaults(environment: Environment, options: CheckOptions = {}): string[] {
  checkOptions<CheckOptions>('checkEnvironment', options, { steps: true, seed: true });
  const { steps = 200, seed = 0 } = options;
  checkCount('checkEnvironment: steps', steps, 1);
  const faults = new Faults();
  if (!isWhole(environment, faults)) return faults.all;
  const rng = new RandomStream(deriveSeed(seed, 'check-environment'));
  const actions = Array.from({ length: steps }, () => environment.actionSpace.sample(rng));
  const first = play(environment, seed, actions, faults);
  const i = firstDifference(first, play(environment, seed, actions, faults));
  if (i >= 0)
    faults.say(
      `the same seed gave other numbers the second time (at ${i + 1}: ${first[i]}): draw from one stream that reset({ seed }) makes anew, and leave nothing of the episode before`,
    );
  checkSnapshot(environment, actions, faults);
  checkPicture(environment, faults);
  return faults.all;
}

/**
 * Plays random actions and looks whether the environment keeps the contract: spaces and types, rewards, NaN, the same numbers for
 * the same seed, arrays of its own for each observation, snapshots that hold everything.
 *
 * @throws UserError `bad-environment` with a sentence for each fault, which says what to do
 */
export function checkEnvironment(environment: Environment, options: CheckOptions = {}): void {
  const faults = environmentFaults(environment, options);
  if (faults.length === 0) return;
  const several = faults.length > 1 ? faults.map((fault) => `\n  ${fault}`).join('') : ` ${faults[0]}`;
  throw new UserError('bad-environment', `${environment.id}:${several}`, { fields: { faults } });
}
