/**
 * Prints why tests were skipped, what others did less of (`context.annotate(what, 'reduced')`), and the closing line
 * `N passed, N failed, N skipped`. `npm test`, which adds up several runs, gets the counts in the file MIXERZOO_TEST_COUNTS.
 */
import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const reasons = new Map<string, number>();
    const note = (what: string) => reasons.set(what, (reasons.get(what) ?? 0) + 1);
    for (const module of modules) {
      // A hook that fails: none of its tests does, they are not run.
      const broken = [module, ...module.children.allSuites()].filter((suite) => suite.errors().length > 0);
      count.failed += broken.length;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'passed') count.passed += 1;
        else if (result.state === 'failed') count.failed += 1;
        else {
          count.skipped += 1;
          const reason = broken.length > 0 ? `a hook failed: ${test.fullName}` : `no reason given: ${test.fullName}`;
          note(`skipped: ${(result.state === 'skipped' && result.note) || reason}`);
        }
        for (const { type, message } of test.annotations()) if (type === 'reduced') note(`reduced: ${message}`);
      }
    }
    for (const [reason, tests] of reasons) console.log(reason.replace(':', ` ${tests}:`));
    console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
    const file = process.env['MIXERZOO_TEST_COUNTS'];
    if (file) writeFileSync(file, JSON.stringify(count));
  }
}
