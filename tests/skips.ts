// A reporter of vitest: what was skipped, by what was missing. With TSUMUGI_NO_SKIPS=1 a skipped test fails the run.
import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node';
import type {} from './requires.testing.ts';

/** What a skipped test missed; undefined when -t left it out. */
function missing(test: TestCase, filtered: boolean): string | undefined {
  const result = test.result();
  const note = result.state === 'skipped' ? result.note : undefined;
  return test.meta().missing ?? note ?? (filtered ? undefined : 'no reason given');
}

export default class Skips implements Reporter {
  #filtered = false;

  onInit({ config }: Vitest): void {
    this.#filtered = config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) =>
      [...module.children.allTests('skipped')].map((test) => ({
        name: `${module.relativeModuleId} > ${test.fullName}`,
        missing: missing(test, this.#filtered),
      })),
    );
    const groups = Object.entries(Object.groupBy(skipped, (test) => test.missing ?? ''));
    const lines = groups
      .filter(([reason]) => reason !== '')
      .flatMap(([reason, tests = []]) => [
        `  ${tests.length} skipped: ${reason}`,
        ...tests.map(({ name }) => `    ${name}`),
      ]);
    if (lines.length === 0) return;
    console.log(`${lines.join('\n')}\n`);
    if (process.env['TSUMUGI_NO_SKIPS'] !== '1') return;
    console.log('TSUMUGI_NO_SKIPS=1: a skipped test is a failure\n');
    process.exitCode = 1;
  }
}
