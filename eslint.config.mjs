// SPDX-License-Identifier: MIT
// TypeScript is linted with its types. The scripts and the programs that tests start are JavaScript
// with types in comments: the compiler checks those, and here they get the rules that need no
// types.
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** What Node has on globalThis and these programs use. */
const NODE = [
  'AbortController',
  'Buffer',
  'TextDecoder',
  'TextEncoder',
  'URL',
  'clearInterval',
  'clearTimeout',
  'console',
  'fetch',
  'performance',
  'process',
  'queueMicrotask',
  'setImmediate',
  'setInterval',
  'setTimeout',
  'structuredClone',
];

/** What a browser and the plotting library have, for the script of a report's page. */
const BROWSER = [
  'ResizeObserver',
  'devicePixelRatio',
  'document',
  'getComputedStyle',
  'matchMedia',
  'uPlot',
];

const RULES = {
  eqeqeq: 'error',
  'no-var': 'error',
  'prefer-const': 'error',
  'no-unused-vars': ['error', { varsIgnorePattern: '^_', argsIgnorePattern: '^_' }],
};

/**
 * A test, a table of tests, a group or a hook of vitest: `it`, `it.x`, `it.x()`, `it.x.y()`,
 * `it.x().y()`.
 */
const PATHS = [
  'name',
  'object.name',
  'callee.object.name',
  'callee.object.object.name',
  'callee.object.callee.object.name',
];
const FROM_VITEST = PATHS.map(
  (path) => `[callee.${path}=/^(it|test|describe|(before|after)(All|Each))$/]`,
).join(', ');
const IS_LONG =
  'What needs a timeout of its own is long: it belongs in a *.long.test.ts, as CONTRIBUTING.md says.';

/** The ways to give a test a timeout of its own. */
const TIMEOUTS = [
  `CallExpression:matches(${FROM_VITEST}) > ObjectExpression.arguments > Property[key.name='timeout']`,
  `CallExpression:matches(${FROM_VITEST}) > ArrowFunctionExpression + *`,
  `CallExpression[callee.object.name='vi'][callee.property.name='setConfig']`,
];

export default tseslint.config(
  { ignores: ['**/dist/', 'build/', 'docs-out/', 'node_modules/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: { '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }] },
  },
  {
    files: ['test/**/*.test.ts'],
    ignores: ['test/**/*.long.test.ts', 'test/kernel/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...TIMEOUTS.map((selector) => ({ selector, message: IS_LONG })),
      ],
    },
  },
  {
    files: ['**/*.mjs'],
    extends: [js.configs.recommended],
    languageOptions: { globals: Object.fromEntries(NODE.map((name) => [name, 'readonly'])) },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: RULES,
  },
  {
    files: ['packages/tools/lib/report/assets/*.js'],
    extends: [js.configs.recommended],
    languageOptions: {
      sourceType: 'script',
      globals: Object.fromEntries(BROWSER.map((name) => [name, 'readonly'])),
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: RULES,
  },
);
