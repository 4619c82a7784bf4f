// What a pipeline leaves behind: examples, and a report of what became of the rows. Both folders appear whole or not at all.
import { appendFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DataError, StagedFolder, sha256File, writingAt } from '../../base/index.ts';
import type { Backend } from '../../eval/index.ts';
import { codeCommit, toJson } from '../../run/index.ts';
import { lineageOf } from '../../store/index.ts';
import type { Verdict } from '../filters/filter.ts';
import type { AskedRows } from './ask-rows.ts';
import type { RowOutput } from './output.ts';
import type { PipelineConfig } from './pipeline-config.ts';
import type { SynthRow } from './row.ts';
import type { FilterStep, Step } from './steps.ts';

export interface StepReport {
  readonly step: string;
  /** Rows that came to it, and that it passed on. */
  rows: number;
  passed: number;
  /** Rows that a filter dropped, replies that failed, replies that wait for a greater budget. */
  dropped: number;
  failed: number;
  waiting: number;
}

export interface SynthReport {
  /** Rows that it began with, and examples that it made. */
  readonly rows: number;
  readonly examples: number;
  readonly steps: readonly StepReport[];
  /** Answers that were asked for now, and known from before; failures now. */
  readonly asked: number;
  readonly known: number;
  readonly failedNow: number;
  readonly tokens: { readonly read: number; readonly write: number };
  /** Whether the budget was spent before all rows were through. */
  readonly stopped: boolean;
  readonly path: string;
}

/** @throws DataError where rows went in, nothing waits, and no example came out */
export function requireExamples({ examples, rows, steps, stopped, path }: SynthReport): void {
  if (examples > 0 || stopped) return;
  const lost = steps.map(({ step, dropped, failed }) => ({ step, dropped, failed }));
  const most = lost.reduce((a, b) => (b.dropped + b.failed > a.dropped + a.failed ? b : a));
  const what = most.failed > most.dropped ? `${most.failed} replies failed` : `${most.dropped} rows were dropped`;
  const file = join(dirname(dirname(path)), 'report', most.failed > most.dropped ? 'failed.jsonl' : 'dropped.jsonl');
  throw new DataError('no-examples', `no example was made of ${rows} rows: in ${most.step} ${what}`, {
    remedy: `${file} says why.`,
    fields: { steps: lost },
  });
}

interface Ending {
  readonly config: PipelineConfig;
  readonly backend: Backend;
  readonly recipe: string | undefined;
  readonly inputs: readonly { name: string; sha256: string }[];
  readonly rows: number;
  readonly tokens: { read: number; write: number };
  readonly counts: { asked: number; known: number; failed: number };
}

/** Lines are written some at a time. */
const LINES = 1000;

class Lines {
  readonly path: string;
  #lines: string[] = [];
  count = 0;

  constructor(path: string) {
    this.path = path;
    writingAt(path, () => writeFileSync(path, ''));
  }

  add(value: object): void {
    this.count++;
    this.#lines.push(`${JSON.stringify(value)}\n`);
    if (this.#lines.length >= LINES) this.flush();
  }

  flush(): void {
    writingAt(this.path, () => appendFileSync(this.path, this.#lines.splice(0).join('')));
  }
}

const mayReplace = () => true;

export class Results implements Disposable {
  readonly #out: string;
  readonly #examples: StagedFolder;
  readonly #report: StagedFolder;
  readonly #rows: Lines;
  readonly #dropped: Lines;
  readonly #failed: Lines;
  readonly #steps: Map<Step, StepReport>;
  #same = 0;

  constructor(out: string, steps: readonly Step[]) {
    this.#out = out;
    this.#examples = new StagedFolder(join(out, 'examples'), mayReplace);
    this.#report = new StagedFolder(join(out, 'report'), mayReplace);
    this.#rows = new Lines(join(this.#examples.path, 'rows.jsonl'));
    this.#dropped = new Lines(join(this.#report.path, 'dropped.jsonl'));
    this.#failed = new Lines(join(this.#report.path, 'failed.jsonl'));
    const none = { rows: 0, passed: 0, dropped: 0, failed: 0, waiting: 0 };
    this.#steps = new Map(steps.map((step) => [step, { step: step.label, ...none }]));
  }

  /** The rows that are passed on. */
  asked(step: Step, rows: number, { rows: made, failures, waiting }: AskedRows): readonly SynthRow[] {
    const report = this.#steps.get(step)!;
    report.rows += rows;
    report.passed += made.length;
    report.failed += failures.length;
    report.waiting += waiting;
    for (const { id: _, ...failure } of failures) this.#failed.add(failure);
    return made;
  }

  /** Whether the row is passed on. */
  judged(step: FilterStep, row: SynthRow, verdict: Verdict | undefined): boolean {
    const report = this.#steps.get(step)!;
    report.rows++;
    if (verdict === undefined) report.waiting++;
    else if (verdict.keep) report.passed++;
    else {
      report.dropped++;
      const { source, fields } = row;
      this.#dropped.add({
        step: step.label,
        source,
        reason: verdict.reason,
        [step.config.field]: fields[step.config.field],
      });
    }
    return verdict?.keep ?? false;
  }

  row(row: SynthRow, output: RowOutput): void {
    const made = output.of(row);
    const { source, asked } = row;
    if ('chosen' in made && 'rejected' in made && JSON.stringify(made.chosen) === JSON.stringify(made.rejected)) {
      this.#dropped.add({ step: 'output', source, reason: 'the chosen and the rejected answer are the same' });
      this.#same++;
      return;
    }
    this.#rows.add({ ...made, provenance: { source, asked } });
  }

  commit({ config, backend, recipe, inputs, rows, tokens, counts }: Ending): SynthReport {
    for (const lines of [this.#rows, this.#dropped, this.#failed]) lines.flush();
    const steps = [...this.#steps.values()];
    const path = join(this.#out, 'examples', 'rows.jsonl');
    const output = {
      step: 'output',
      rows: this.#rows.count + this.#same,
      passed: this.#rows.count,
      dropped: this.#same,
    };
    const report: SynthReport = {
      rows,
      examples: this.#rows.count,
      steps: [...steps, { ...output, failed: 0, waiting: 0 }],
      asked: counts.asked,
      known: counts.known,
      failedNow: counts.failed,
      tokens: { ...tokens },
      stopped: steps.some(({ waiting }) => waiting > 0),
      path,
    };
    const { apiKeyEnv: _, ...settings } = config;
    const file = join(this.#examples.path, 'rows.jsonl');
    const lineage = lineageOf(
      {
        stage: 'synth',
        recipe: recipe ?? null,
        config: toJson(settings, 'synth') as never,
        seed: config.seed,
        commit: codeCommit(),
        parents: [{ name: backend.model, sha256: backend.fingerprint }],
        data: [...inputs],
      },
      { 'rows.jsonl': { bytes: statSync(file).size, sha256: sha256File(file) } },
    );
    for (const [name, value] of Object.entries({ report, lineage })) {
      const place = join(this.#report.path, `${name}.json`);
      writingAt(place, () => writeFileSync(place, `${JSON.stringify(value, null, 2)}\n`));
    }
    this.#report.commit();
    this.#examples.commit();
    return report;
  }

  [Symbol.dispose](): void {
    this.#report[Symbol.dispose]();
    this.#examples[Symbol.dispose]();
  }
}
