// Where a GGUF file comes from: `FILE.lineage.json` beside it says what a model folder's lineage.json says.
import { basename } from 'node:path';
import { type Json, type Lineage, type WrittenFile, writeJson } from '../../../store/index.ts';
import type { GateReport } from '../../gate/index.ts';
import type { ExportGgufConfig } from './config.ts';

export const lineageOf = (file: string): string => `${file}.lineage.json`;

export interface GgufOrigin {
  written: WrittenFile;
  /** Hash of the model folder. */
  parent: string;
  gate: GateReport | null;
  commit: string | null;
}

export function writeGgufLineage(config: ExportGgufConfig, { written, parent, gate, commit }: GgufOrigin): void {
  const { model, out, type, context, imatrix, text, calibrationTokens } = config;
  const { meanKl, maxKl, top1Agreement, positions, loadedBy } = gate ?? {};
  const lineage: Lineage = {
    format: 'tsumugi-lineage',
    version: 1,
    stage: 'export',
    recipe: null,
    config: {
      format: 'gguf',
      type,
      ...(context !== undefined && { context }),
      ...(imatrix !== undefined && { imatrix }),
      ...(text.length > 0 && { text, calibrationTokens }),
      gate: gate ? { meanKl, maxKl, top1Agreement, positions, loadedBy } : 'skipped',
    } as Lineage['config'],
    seed: null,
    commit,
    created: new Date().toISOString(),
    parents: [{ name: model, sha256: parent }],
    data: [],
    files: { [basename(out)]: { bytes: written.bytes, sha256: written.sha256 } },
  };
  writeJson(lineageOf(out), lineage as unknown as Json);
}
