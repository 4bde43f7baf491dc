const base = {
  testEnvironment: '<rootDir>/test/support/environment.js',
  extensionsToTreatAsEsm: ['.ts'],
  moduleFileExtensions: ['ts', 'js', 'mjs', 'cjs', 'json', 'node'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022', keepClassNames: true },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  transformIgnorePatterns: ['/node_modules/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.handoff', '<rootDir>/.build-'],
};

const leakGuard = '<rootDir>/test/support/leak-guard.ts';
const quietTemporal = '<rootDir>/test/support/quiet-temporal.ts';

/** @type {import('jest').Config} */
export default {
  projects: [
    { ...base, displayName: 'unit', testMatch: ['<rootDir>/test/unit/**/*.test.ts'], setupFilesAfterEnv: [leakGuard] },
    { ...base, displayName: 'replay', testMatch: ['<rootDir>/test/replay/**/*.test.ts'], setupFilesAfterEnv: [leakGuard, quietTemporal] },
    {
      ...base,
      displayName: 'integration',
      testMatch: ['<rootDir>/test/integration/**/*.test.ts'],
      setupFilesAfterEnv: [leakGuard, quietTemporal],
      globalSetup: '<rootDir>/test/support/temporal-server.ts',
      globalTeardown: '<rootDir>/test/support/temporal-server-stop.ts',
    },
    // Pages in the system's Chromium; their tests say why where there is none.
    { ...base, displayName: 'browser', testMatch: ['<rootDir>/test/browser/**/*.test.ts'], setupFilesAfterEnv: [leakGuard] },
    // No server: these tests start the product, which brings its own.
    { ...base, displayName: 'e2e', testMatch: ['<rootDir>/test/e2e/**/*.test.ts'], setupFilesAfterEnv: [leakGuard] },
  ],
  reporters: ['default', '<rootDir>/test/support/closing-line.js'],
  // Longer than the 90 s of `eventually`, so that a test ends with its reason and not with "exceeded timeout".
  testTimeout: 120_000,
  maxWorkers: 2,
  workerIdleMemoryLimit: '1GB',
  collectCoverageFrom: ['{workflows,activities,src}/**/*.ts'],
  coverageProvider: 'v8',
  coverageReporters: ['text', 'lcovonly'],
};
