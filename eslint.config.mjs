// TypeScript is linted with its types. The scripts and the programs that tests start are JavaScript: they get the rules
// that need no types; tsconfig.json says which of them are type-checked.
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** What Node has on globalThis and these programs use. */
const NODE = [
  'AbortController', 'Buffer', 'URL', 'clearInterval', 'clearTimeout', 'console', 'performance',
  'process', 'queueMicrotask', 'setImmediate', 'setInterval', 'setTimeout', 'structuredClone',
];

/** What a browser and the plotting library have, for the script of a report's page. */
const BROWSER = ['ResizeObserver', 'devicePixelRatio', 'document', 'getComputedStyle', 'matchMedia', 'uPlot'];

const RULES = {
  eqeqeq: 'error',
  'no-var': 'error',
  'prefer-const': 'error',
  'no-unused-vars': ['error', { varsIgnorePattern: '^_', argsIgnorePattern: '^_' }],
};

export default tseslint.config(
  { ignores: ['dist/', 'build/', 'docs-out/', 'node_modules/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: { '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }] },
  },
  {
    files: ['**/*.mjs'],
    extends: [js.configs.recommended],
    languageOptions: { globals: Object.fromEntries(NODE.map((name) => [name, 'readonly'])) },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: RULES,
  },
  {
    files: ['lib/report/assets/*.js'],
    extends: [js.configs.recommended],
    languageOptions: { sourceType: 'script', globals: Object.fromEntries(BROWSER.map((name) => [name, 'readonly'])) },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: RULES,
  },
);
