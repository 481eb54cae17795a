import { relative } from 'node:path';
import mocha from 'mocha';

/**
 * The spec reporter, which then tells the slowest files, names each skipped, each repeated and each failed test in a line with its
 * reason, and ends with `N passed, N failed, N skipped`.
 */
export default class Closing extends mocha.reporters.Spec {
  #skipped = [];
  #failed = [];
  #again = [];
  #began = new Map();
  #took = new Map();

  constructor(runner, options) {
    super(runner, options);
    runner.on('pending', (test) => this.#skipped.push(test));
    runner.on('retry', (test, { message }) => this.#again.push(`${test.fullTitle()}: ${inOneLine(message, 400)}`));
    runner.on('fail', (test, { message }) => this.#failed.push(`${test.fullTitle()}: ${inOneLine(message)}`));
    runner.on('suite', ({ file, parent }) => parent?.root && this.#began.set(file, performance.now()));
    runner.on('suite end', ({ file, parent }) => parent?.root && this.#ended(file));
  }

  /** With its hooks; a file may hold several suites. */
  #ended(file) {
    const seconds = (performance.now() - this.#began.get(file)) / 1000;
    this.#took.set(file, (this.#took.get(file) ?? 0) + seconds);
  }

  epilogue() {
    super.epilogue();
    const slowest = [...this.#took].filter(([, took]) => took >= 5).sort(([, a], [, b]) => b - a);
    for (const [file, took] of slowest.slice(0, 20)) console.log(`${took.toFixed(0)} s ${relative('', file)}`);
    for (const test of this.#skipped)
      console.log(`skipped: ${test.fullTitle()}: ${test.skipReason ?? 'no reason given'}`);
    for (const again of this.#again) console.log(`again: ${again}`);
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
