import { defineConfig } from 'eslint/config';
import jest from 'eslint-plugin-jest';
import tseslint from 'typescript-eslint';

const noDefaultExport = { restrictDefaultExports: { direct: true, named: true, defaultFrom: true, namedFrom: true, namespaceFrom: true } };
const environmentMessage = 'Only src/config.ts reads the environment: take the setting as an argument.';

export default defineConfig(
  { ignores: ['**/dist/', 'coverage/', '.handoff*/', '.build-*/', 'client/schema.ts'] },
  {
    files: ['**/*.{ts,mts}'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      // Also not behind `void`: an activity that nobody awaits is the worst bug we can write.
      '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: false }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-restricted-exports': ['error', noDefaultExport],
      'no-control-regex': 'error',
      'max-lines': ['error', 300],
    },
  },
  {
    // Scripts and set-up files: no types to lint with.
    files: ['**/*.{js,mjs,cjs}'],
    extends: [tseslint.configs.recommended],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: { 'max-lines': ['error', 300] },
  },
  { files: ['**/*.cjs'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
  {
    files: ['{src,activities,workflows}/**/*.ts'],
    // The command line hands its environment over to src/config.ts.
    ignores: ['src/config.ts', 'src/cli.ts'],
    rules: {
      'no-restricted-properties': ['error', { object: 'process', property: 'env', message: environmentMessage }],
      'no-restricted-imports': [
        'error',
        { paths: ['process', 'node:process'].map((name) => ({ name, importNames: ['env', 'default'], message: environmentMessage })) },
      ],
    },
  },
  {
    files: ['workflows/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'ThrowStatement > NewExpression[callee.name=/^(Error|TypeError|RangeError)$/]',
          message: 'A plain Error retries the workflow task for ever: throw ApplicationFailure.',
        },
      ],
    },
  },
  {
    files: ['test/**/*.test.ts'],
    extends: [jest.configs['flat/recommended']],
    settings: { jest: { version: 30 } },
    rules: {
      'jest/expect-expect': ['error', { assertFunctionNames: ['expect', 'expect*', 'eventually', 'fc.assert', 'Worker.runReplayHistory'] }],
      // A test that can't run here says why in its title; .ci/run checks that.
      'jest/no-disabled-tests': 'off',
    },
  },
  {
    // What the product answers is JSON: these tests check its shape by looking into it.
    files: ['test/{e2e,production}/**/*.ts', 'test/support/product.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
    },
  },
  // Jest wants default exports there.
  { files: ['test/support/temporal-server*.ts', 'types/*.d.ts'], rules: { 'no-restricted-exports': 'off' } },
);
