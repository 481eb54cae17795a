import mocha from 'mocha';

/** The spec reporter, which then names each skipped test with its reason and ends with `N passed, N failed, N skipped`. */
export default class Closing extends mocha.reporters.Spec {
  #skipped = [];

  constructor(runner, options) {
    super(runner, options);
    runner.on('pending', (test) => this.#skipped.push(test));
  }

  epilogue() {
    super.epilogue();
    for (const test of this.#skipped)
      console.log(`skipped: ${test.fullTitle()}: ${test.skipReason ?? 'no reason given'}`);
    const { passes, failures, pending } = this.stats;
    console.log(`${passes} passed, ${failures} failed, ${pending} skipped`);
  }
}
