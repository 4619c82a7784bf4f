// Tells the check about each test file as soon as it is done, so that a suite that runs out of time has said what it knew.
import { relative } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';
import { say } from './say.ts';

export default class DeviceReporter implements Reporter {
  onTestModuleEnd(module: TestModule): void {
    const failed: Record<string, string> = {};
    const firstLine = (errors: readonly { message?: string }[]) => (errors[0]?.message ?? '').split('\n', 1)[0]!;
    let [passed, skipped] = [0, 0];
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === 'passed') passed++;
      else if (result.state === 'failed') failed[test.fullName] = firstLine(result.errors);
      else skipped++;
    }
    const errors = module.errors();
    if (errors.length > 0) failed['the file itself'] = firstLine(errors);
    say({ tests: { file: relative(process.cwd(), module.moduleId), passed, skipped, failed } });
  }
}
