// Why a stage is made anew: what differs from the artefact that it had last.
import { basename, join } from 'node:path';
import { describeChanges } from '../run/index.ts';
import type { Json } from '../store/index.ts';
import { type RecordedInput, type RecordedInputs, readRecord, recordsIn, type StageRecord } from './record.ts';
import type { RecipeStage, Uses } from './stage.ts';

/** The record of the artefact a stage had last: the one that its link points to, otherwise the one that was begun last. */
export function lastRecord(name: string, out: string, except: string): StageRecord | undefined {
  const linked = readRecord(join(out, name));
  if (linked && linked.address !== except) return linked;
  return recordsIn(out)
    .map(({ record }) => record)
    .filter((record) => record.name === name && record.address !== except)
    .sort((a, b) => (a.begun < b.begun ? -1 : 1))
    .at(-1);
}

/** What differs between a stage and its last record, in words. Of the settings, only the first few. */
export function describeDifference(
  { definition, config }: RecipeStage,
  { inputs, uses }: { inputs: RecordedInputs; uses: Uses },
  last: StageRecord,
  isMadeAnew: (stage: string) => boolean,
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
    const change = describeInputChange(name, last.inputs[name] ?? [], inputs[name] ?? [], isMadeAnew);
    if (change !== undefined) reasons.push(change);
  }
  return reasons.join('; ');
}

function describeInputChange(
  name: string,
  before: readonly RecordedInput[],
  after: readonly RecordedInput[],
  isMadeAnew: (stage: string) => boolean,
): string | undefined {
  if (before.map(({ address }) => address).join() === after.map(({ address }) => address).join()) return undefined;
  const changed = after.find(({ address }, i) => address !== before[i]?.address);
  if (!changed) return `${name}: fewer are taken than before`;
  if (changed.stage !== null)
    return isMadeAnew(changed.stage) ? `${changed.stage} is made anew` : `takes another ${changed.stage}`;
  const [setting] = describeChanges((before[0]?.settings ?? {}) as Json, changed.settings as Json);
  if (setting !== undefined) return `${name} is read differently: ${setting}`;
  const known = new Set(before.flatMap(({ files }) => files.map((file) => file.sha256)));
  const file = changed.files.find((each) => !known.has(each.sha256));
  return file ? `${name}: ${basename(file.path)} changed` : `${name}: files were added, removed or reordered`;
}
