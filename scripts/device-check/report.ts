// What the check leaves behind: report.json, rewritten after each part, and the table at the end.
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A metric that a bench measured. */
export interface Metric {
  name: string;
  value: number;
  unit: string;
}

/** A test file that was run: of its tests so many passed; `failed` has the first line of each failure by the test's name. */
export interface TestFile {
  file: string;
  passed: number;
  skipped: number;
  failed: Record<string, string>;
}

export interface PartReport {
  name: string;
  /** `failed`: it ended with an error, or tests failed. `not run`: what it needs has failed. */
  status: 'ok' | 'failed' | 'out of time' | 'not run';
  seconds: number;
  limit: number;
  facts: Record<string, string>;
  metrics: Metric[];
  tests: TestFile[];
}

export interface Report {
  date: string;
  device: string;
  quick: boolean;
  parts: PartReport[];
}

export function writeReport(folder: string, report: Report): void {
  const path = join(folder, 'report.json');
  writeFileSync(`${path}.partial`, `${JSON.stringify(report, null, 2)}\n`);
  renameSync(`${path}.partial`, path);
}

const shown = (value: number) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));

function resultOf({ tests, limit, status }: PartReport): string {
  if (status === 'out of time') return `stopped after ${limit} s`;
  if (tests.length === 0) return '';
  const passed = tests.reduce((sum, file) => sum + file.passed, 0);
  const failed = tests.reduce((sum, file) => sum + Object.keys(file.failed).length, 0);
  return `${passed} passed, ${failed} failed, ${tests.length} files`;
}

/** One line for each part, below it its metrics and the tests that failed. */
export function table(report: Report): string {
  const width = Math.max(...report.parts.map(({ name }) => name.length));
  return report.parts
    .flatMap((part) => [
      `${part.name.padEnd(width)}  ${part.status.padEnd(11)} ${part.seconds.toFixed(0).padStart(4)} s  ${resultOf(part)}`.trimEnd(),
      ...Object.entries(part.facts).map(([name, fact]) => `    ${name}: ${fact}`),
      ...part.metrics.map(({ name, value, unit }) => `    ${name.padEnd(44)} ${shown(value).padStart(9)} ${unit}`),
      ...part.tests.flatMap(({ file, failed }) => Object.keys(failed).map((name) => `    FAILED ${file}: ${name}`)),
    ])
    .join('\n');
}
