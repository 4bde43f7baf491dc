import { TestEnvironment } from 'jest-environment-node';

/**
 * Jest runs the `afterAll` of set-up files before those of the test file: a guard there would see everything that the file
 * is about to close. Hooks whose function is called `lastOfAll` are moved behind all others.
 */
export default class GuardedEnvironment extends TestEnvironment {
  handleTestEvent(event, state) {
    if (event.name !== 'run_start') return;
    const root = state.rootDescribeBlock;
    const isLast = (hook) => hook.fn.name === 'lastOfAll';
    root.hooks = [...root.hooks.filter((hook) => !isLast(hook)), ...root.hooks.filter(isLast)];
  }
}
