// What a pipeline leaves behind: examples, and a report of what became of the rows. Both folders appear whole or not at all.
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StagedFolder, sha256File, writingAt } from '../../base/index.ts';
import type { Backend } from '../../eval/index.ts';
import { codeCommit, toJson } from '../../run/index.ts';
import { lineageOf } from '../../store/index.ts';
import type { Verdict } from '../filters/filter.ts';
import type { AskedRows } from './ask-rows.ts';
import { Lines } from './lines.ts';
import type { RowOutput } from './output.ts';
import type { PipelineConfig } from './pipeline-config.ts';
import type { SynthRow } from './row.ts';
import type { FilterStep, Step } from './steps.ts';
import type { StepReport, SynthReport } from './synth-report.ts';

interface Ending {
  readonly config: PipelineConfig;
  readonly backend: Backend;
  readonly recipe: string | undefined;
  readonly inputs: readonly { name: string; sha256: string }[];
  readonly rows: number;
  readonly tokens: { read: number; write: number };
  readonly counts: { asked: number; known: number; failed: number };
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
