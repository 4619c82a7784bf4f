// The plan of a recipe: the address of every stage, known before anything runs, and what is to be done about it and why.
import { join } from 'node:path';
import { formatInteger, formatTime, readEvents } from '../run/index.ts';
import { latestCheckpoint } from '../store/index.ts';
import { addressOf, hashSource } from './address.ts';
import { describeDifference, lastRecord } from './difference.ts';
import { inputsOf } from './recipe.ts';
import {
  artefactFolder,
  damageOf,
  type RecordedInput,
  type RecordedInputs,
  readRecord,
  type StageRecord,
} from './record.ts';
import { configOf, type RecipeStage, type Uses } from './stage.ts';

/** What is to be done about a stage. */
export type StageState = 'unchanged' | 'goes on' | 'new';

export interface PlannedStage {
  readonly stage: RecipeStage;
  readonly address: string;
  /** Its folder, in `<out>/artefacts`. */
  readonly folder: string;
  /** Where in it the artefact is. */
  readonly place: string;
  readonly inputs: RecordedInputs;
  /** Other code and data that it uses. */
  readonly uses: Uses;
  readonly state: StageState;
  /** The reason for `state`, as a phrase. */
  readonly why: string;
  /** The record of the artefact, or of the attempt that was cut off. */
  readonly record: StageRecord | undefined;
  /** Share of its work that an earlier attempt has done. */
  readonly shareDone: number;
}

/** Plans the stages over what is in `out`. Reads the files from outside, to hash them. Writes nothing. */
export async function planStages(stages: readonly RecipeStage[], out: string): Promise<PlannedStage[]> {
  const plan = new Map<RecipeStage, PlannedStage>();
  for (const stage of stages) {
    const inputs: Record<string, RecordedInput[]> = {};
    for (const [name, given] of inputsOf(stage)) {
      inputs[name] = [];
      for (const input of given)
        inputs[name].push(
          input.from === 'stage'
            ? { stage: input.name, address: plan.get(input)!.address, sha256: null, files: [], settings: {} }
            : await hashSource(input),
        );
    }
    const uses = (await stage.definition.uses?.(configOf(stage))) ?? {};
    const address = addressOf(stage, inputs, uses);
    const folder = artefactFolder(out, stage.name, address);
    const place = join(folder, stage.definition.output);
    const found = readRecord(folder);
    const record = found?.address === address ? found : undefined;
    const known = { stage, address, folder, place, inputs, uses };
    const decision = await decide({ ...known, record }, out, plan);
    const planned = { ...known, ...decision, record: decision.state === 'new' ? undefined : record };
    plan.set(stage, takeInputs(planned, [...plan.values()]));
  }
  return [...plan.values()];
}

/**
 * A planned stage with the hashes of the inputs that are made by now. A stage that was made from other content is made anew: an
 * artefact that was damaged and made again need not be the same (it may depend on the time there was).
 */
export function takeInputs(planned: PlannedStage, plan: readonly PlannedStage[]): PlannedStage {
  const inputs = Object.fromEntries(
    Object.entries(planned.inputs).map(([name, list]) => [
      name,
      list.map((input) => {
        const from = plan.find(({ stage }) => stage.name === input.stage);
        return from ? { ...input, sha256: from.record?.result?.sha256 ?? null } : input;
      }),
    ]),
  );
  const { record } = planned;
  const other = Object.entries(inputs).flatMap(([name, list]) =>
    list.filter(({ sha256: now }, i) => now !== null && now !== record?.inputs[name]?.[i]?.sha256),
  )[0];
  if (!record || !other) return { ...planned, inputs };
  const why = `was made from another ${other.stage}`;
  return { ...planned, inputs, state: 'new', why, shareDone: 0, record: undefined };
}

const notMade = 'not made yet';

/** Why a stage was made, once it is. */
export const whyMade = (why: string): string => (why === notMade ? 'for the first time' : why);

type Decision = Pick<PlannedStage, 'state' | 'why' | 'shareDone'>;

/** What is to be done about a stage, over what earlier runs left in `out`. */
async function decide(
  { stage, address, inputs, uses, folder, place, record }: Omit<PlannedStage, keyof Decision>,
  out: string,
  earlier: ReadonlyMap<RecipeStage, PlannedStage>,
): Promise<Decision> {
  const anew = (why: string): Decision => ({ state: 'new', why, shareDone: 0 });
  if (record?.result) {
    const damage = await damageOf(place, record.result);
    if (damage === undefined)
      return { state: 'unchanged', why: `made ${formatTime(record.result.finished)}`, shareDone: 1 };
    return anew(`made ${formatTime(record.result.finished)}, but ${damage}`);
  }
  if (record) return stage.definition.resumes ? goOn(folder) : anew('was cut off, and begins again');
  const last = lastRecord(stage.name, out, address);
  if (!last) return anew(notMade);
  const isMadeAnew = (name: string) =>
    [...earlier.values()].find((planned) => planned.stage.name === name)?.state !== 'unchanged';
  return anew(describeDifference(stage, { inputs, uses }, last, isMadeAnew));
}

/** Where a stage that was cut off goes on. */
function goOn(folder: string): Decision {
  const at = latestCheckpoint(join(folder, 'checkpoints'), { fallback: true, warn: () => {} })?.step;
  if (at === undefined) return { state: 'goes on', why: 'was cut off before its first checkpoint', shareDone: 0 };
  const total = readEvents(join(folder, 'events.jsonl')).findLast((event) => event.type === 'start')?.totalSteps;
  const share = total ? Math.min(1, at / total) : 0;
  return {
    state: 'goes on',
    why: `was cut off; goes on at step ${formatInteger(at)}${total ? ` of ${formatInteger(total)}` : ''}`,
    shareDone: share,
  };
}
