import mocha from 'mocha';

/** The spec reporter, which then names each skipped and each failed test in a line with its reason, and ends with `N passed, N failed, N skipped`. */
export default class Closing extends mocha.reporters.Spec {
  #skipped = [];
  #failed = [];

  constructor(runner, options) {
    super(runner, options);
    runner.on('pending', (test) => this.#skipped.push(test));
    runner.on('fail', (test, { message }) => this.#failed.push(`${test.fullTitle()}: ${inOneLine(message)}`));
  }

  epilogue() {
    super.epilogue();
    for (const test of this.#skipped)
      console.log(`skipped: ${test.fullTitle()}: ${test.skipReason ?? 'no reason given'}`);
    for (const failed of this.#failed) console.log(`failed: ${failed}`);
    const { passes, failures, pending } = this.stats;
    console.log(`${passes} passed, ${failures} failed, ${pending} skipped`);
  }
}

/** A failed run says in its last lines why. */
const inOneLine = (text, most = 1500) => {
  const line = `${text}`.replace(/\s*\n\s*/g, ' / ');
  return line.length <= most ? line : `${line.slice(0, most / 2)} … ${line.slice(-most / 2)}`;
};
