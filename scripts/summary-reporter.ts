/**
 * Prints why tests were skipped, what others did less of (`context.annotate(what, 'reduced')`), which failed, and the closing line
 * `N passed, N failed, N skipped`. `npm test`, which adds up several runs, gets both in the file MIXERZOO_TEST_COUNTS.
 */
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Reporter, SerializedError, TestCase, TestModule, TestSuite } from 'vitest/node';

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: 0, skipped: 0 };
    const failures = unhandledErrors.map((error) => describeFailure(['outside of tests'], error));
    const reasons = new Map<string, number>();
    const note = (what: string) => reasons.set(what, (reasons.get(what) ?? 0) + 1);
    for (const module of modules) {
      // A hook that fails: none of its tests does, they are not run.
      const broken = [module, ...module.children.allSuites()].filter((suite) => suite.errors().length > 0);
      for (const suite of broken) failures.push(describeFailure(namesOf(module, suite), suite.errors()[0]));
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'passed') count.passed += 1;
        else if (result.state === 'failed') failures.push(describeFailure(namesOf(module, test), result.errors[0]));
        else {
          count.skipped += 1;
          const reason = broken.length > 0 ? `a hook failed: ${test.fullName}` : `no reason given: ${test.fullName}`;
          note(`skipped: ${(result.state === 'skipped' && result.note) || reason}`);
        }
        for (const { type, message } of test.annotations()) if (type === 'reduced') note(`reduced: ${message}`);
      }
    }
    for (const [reason, tests] of reasons) console.log(reason.replace(':', ` ${tests}:`));
    for (const failure of failures) console.log(failure);
    count.failed = failures.length;
    console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
    const file = process.env['MIXERZOO_TEST_COUNTS'];
    if (file) writeFileSync(file, JSON.stringify({ count, failures }));
  }
}

function namesOf(module: TestModule, part: TestModule | TestSuite | TestCase): string[] {
  const file = relative(process.cwd(), module.moduleId);
  return part.type === 'module' ? [file] : [file, part.fullName];
}

/** `failed: <file> > <test>: <first line of the error>`. */
function describeFailure(names: readonly string[], error: unknown): string {
  const { message } = error as SerializedError;
  return `failed: ${names.join(' > ')}: ${message.split('\n', 1)[0]}`;
}
