// The plan of a recipe: the address of every stage, known before anything runs, and what is to be done about it and why.
//
// An address is the SHA-256 of the definition's name and version, the stage's config, and its inputs: the addresses of other stages,
// or the content of files. Neither names of stages nor paths are part of it, so a folder may be moved and a stage renamed.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { contentHash, DataError, linkTarget, sha256, walkFiles } from '../base/index.ts';
import { describeChanges, formatInteger, formatTime, readEvents } from '../run/index.ts';
import { canonicalJson, type Json, latestCheckpoint } from '../store/index.ts';
import { inputsOf } from './recipe.ts';
import { damageOf, type RecordedInput, readRecord, type StageRecord } from './record.ts';
import { findSource, pathsOf } from './source-paths.ts';
import { configOf, type RecipeStage, type Source, type Uses } from './stage.ts';

/** What is to be done about a stage. */
export type StageState = 'unchanged' | 'goes on' | 'new';

export interface PlannedStage {
  readonly stage: RecipeStage;
  readonly address: string;
  /** Its folder, in `<out>/artefacts`. */
  readonly folder: string;
  /** Where in it the artefact is. */
  readonly place: string;
  readonly inputs: Readonly<Record<string, readonly RecordedInput[]>>;
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

export const artefactsIn = (out: string): string => join(out, 'artefacts');

/** Plans the stages over what is in `out`. Reads the files from outside, to hash them. Writes nothing. */
export async function planStages(stages: readonly RecipeStage[], out: string): Promise<PlannedStage[]> {
  const planned = new Map<RecipeStage, PlannedStage>();
  for (const stage of stages) {
    const inputs: Record<string, RecordedInput[]> = {};
    for (const [name, given] of inputsOf(stage)) {
      inputs[name] = [];
      for (const input of given)
        inputs[name].push(
          input.from === 'stage'
            ? { stage: input.name, address: planned.get(input)!.address, sha256: null, files: [], settings: {} }
            : await hashSource(input),
        );
    }
    const uses = (await stage.definition.uses?.(configOf(stage))) ?? {};
    const address = addressOf(stage, inputs, uses);
    const folder = join(artefactsIn(out), `${stage.name}-${address.slice(0, 12)}`);
    const place = join(folder, stage.definition.output);
    const record = readRecord(folder);
    const own = record?.address === address ? record : undefined;
    const judged = await judge(stage, { address, inputs, uses, folder, place, record: own }, out, planned);
    const kept = judged.state === 'new' ? undefined : own;
    const unsure = { stage, address, folder, place, inputs, uses, record: kept, ...judged };
    planned.set(stage, takeInputs(unsure, [...planned.values()]));
  }
  return [...planned.values()];
}

/**
 * A planned stage with the content of its inputs as far as they are made by now. What was made of other content is made anew: an
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

function addressOf(
  { definition, config }: RecipeStage,
  inputs: PlannedStage['inputs'],
  uses: PlannedStage['uses'],
): string {
  const addresses = Object.fromEntries(
    Object.entries(inputs).map(([name, given]) => [name, given.map(({ address }) => address)]),
  );
  const { name, version } = definition;
  return sha256(canonicalJson({ stage: name, version, uses, config, inputs: addresses }));
}

/**
 * Content of files from outside: of a folder every file with its path inside, of a single file what it holds and the endings
 * of its name (`.jsonl.gz`), which tell its format. Hidden files do not count.
 *
 * @throws DataError when there is none
 */
export async function hashSource(source: Source): Promise<RecordedInput> {
  await findSource(source);
  const { settings } = source;
  const files: { path: string; name: string }[] = pathsOf(source).flatMap((path) => {
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found)
      throw new DataError(
        'missing-path',
        `${path} ${linkTarget(path) !== undefined ? 'is a link to something that is not there' : 'does not exist'}`,
        {
          remedy: 'Check the path in the settings of the recipe.',
          fields: { path },
        },
      );
    return found.isDirectory() ? walkFiles(path).files : [{ path, name: endings(path) }];
  });
  const hashes: { path: string; name: string; sha256: string }[] = [];
  for (const { path, name } of files) hashes.push({ path, name, sha256: await contentHash(path) });
  return {
    stage: null,
    sha256: null,
    address: sha256(canonicalJson([settings, ...hashes.map((file) => [file.sha256, file.name])])),
    files: hashes.map(({ path, sha256: hash }) => ({ path, sha256: hash })),
    settings: settings as RecordedInput['settings'],
  };
}

const endings = (path: string): string => extname(basename(path, extname(path))) + extname(path);

const notMade = 'not made yet';

/** Why a stage was made, once it is. */
export const whyMade = (why: string): string => (why === notMade ? 'for the first time' : why);

type Unjudged = Pick<PlannedStage, 'address' | 'inputs' | 'uses' | 'folder' | 'place' | 'record'>;
type Judged = Pick<PlannedStage, 'state' | 'why' | 'shareDone'>;

async function judge(
  stage: RecipeStage,
  { address, inputs, uses, folder, place, record }: Unjudged,
  out: string,
  earlier: ReadonlyMap<RecipeStage, PlannedStage>,
): Promise<Judged> {
  const anew = (why: string): Judged => ({ state: 'new', why, shareDone: 0 });
  if (record?.result) {
    const damage = await damageOf(place, record.result);
    if (damage === undefined)
      return { state: 'unchanged', why: `made ${formatTime(record.result.finished)}`, shareDone: 1 };
    return anew(`made ${formatTime(record.result.finished)}, but ${damage}`);
  }
  if (record) return judgeCutOff(stage, folder);
  const last = lastRecord(stage.name, out, address);
  return anew(last ? describeDifference(stage, { inputs, uses }, last, earlier) : notMade);
}

function judgeCutOff({ definition }: RecipeStage, folder: string): Judged {
  if (!definition.resumes) return { state: 'new', why: 'was cut off, and begins again', shareDone: 0 };
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

/** The records in `out`, whatever folder they are in, with it. */
export function recordsIn(out: string): { folder: string; record: StageRecord }[] {
  const home = artefactsIn(out);
  if (!existsSync(home)) return [];
  return readdirSync(home).flatMap((name) => {
    const record = readRecord(join(home, name));
    return record ? [{ folder: join(home, name), record }] : [];
  });
}

/** The record of the artefact a stage had last: the one that its link points to, otherwise the one that was begun last. */
function lastRecord(name: string, out: string, except: string): StageRecord | undefined {
  const linked = readRecord(join(out, name));
  if (linked && linked.address !== except) return linked;
  return recordsIn(out)
    .map(({ record }) => record)
    .filter((record) => record.name === name && record.address !== except)
    .sort((a, b) => (a.begun < b.begun ? -1 : 1))
    .at(-1);
}

/** In words, what makes a stage differ from its last record; the first few things. */
function describeDifference(
  { definition, config }: RecipeStage,
  { inputs, uses }: Pick<PlannedStage, 'inputs' | 'uses'>,
  last: StageRecord,
  earlier: ReadonlyMap<RecipeStage, PlannedStage>,
): string {
  if (last.definition !== definition.name) return `it is now made by ${definition.name}, not by ${last.definition}`;
  const reasons: string[] = [];
  if (last.definitionVersion !== definition.version)
    reasons.push(`the code of ${definition.name} changed (version ${last.definitionVersion} → ${definition.version})`);
  for (const change of describeChanges(last.uses, uses)) reasons.push(`it uses another ${change}`);
  const changes = describeChanges(last.config as Json, config);
  if (changes.length > 0)
    reasons.push(`config changed: ${changes.slice(0, 3).join(', ')}${changes.length > 3 ? ', …' : ''}`);
  for (const name of new Set([...Object.keys(inputs), ...Object.keys(last.inputs)])) {
    const change = describeInputChange(name, last.inputs[name] ?? [], inputs[name] ?? [], earlier);
    if (change !== undefined) reasons.push(change);
  }
  return reasons.join('; ');
}

function describeInputChange(
  name: string,
  before: readonly RecordedInput[],
  after: readonly RecordedInput[],
  earlier: ReadonlyMap<RecipeStage, PlannedStage>,
): string | undefined {
  if (before.map(({ address }) => address).join() === after.map(({ address }) => address).join()) return undefined;
  const changed = after.find(({ address }, i) => address !== before[i]?.address);
  if (!changed) return `${name}: fewer are taken than before`;
  if (changed.stage !== null) {
    const state = [...earlier.values()].find(({ stage }) => stage.name === changed.stage)?.state;
    return state === 'unchanged' ? `takes another ${changed.stage}` : `${changed.stage} is made anew`;
  }
  const [setting] = describeChanges((before[0]?.settings ?? {}) as Json, changed.settings as Json);
  if (setting !== undefined) return `${name} is read differently: ${setting}`;
  const known = new Set(before.flatMap(({ files }) => files.map((file) => file.sha256)));
  const file = changed.files.find((each) => !known.has(each.sha256));
  return file ? `${name}: ${basename(file.path)} changed` : `${name}: files were added, removed or reordered`;
}
