import tseslint from 'typescript-eslint'
import vue from 'eslint-plugin-vue'
import vueParser from 'vue-eslint-parser'

/** Layout that a machine can keep: no semicolons, single quotes, 2 spaces, 140 columns. */
const layout = {
  semi: ['error', 'never'],
  quotes: ['error', 'single', { avoidEscape: true, allowTemplateLiterals: true }],
  // What `npm run format` cannot break is left alone: texts and comments.
  'max-len': [
    'error',
    { code: 140, ignoreUrls: true, ignoreRegExpLiterals: true, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreComments: true },
  ],
  'no-trailing-spaces': 'error',
  'eol-last': 'error',
  'no-tabs': 'error',
  'no-unexpected-multiline': 'error',
}

const rules = {
  ...layout,
  eqeqeq: ['error', 'smart'],
  'no-var': 'error',
  'prefer-const': 'error',
  'no-console': 'error',
  // A file of this length does too much; see CONTRIBUTING.md.
  'max-lines': ['error', { max: 600 }],
  '@typescript-eslint/consistent-type-imports': ['error', { prefer: 'type-imports', fixStyle: 'separate-type-imports' }],
  '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
  '@typescript-eslint/no-explicit-any': 'error',
  '@typescript-eslint/no-non-null-assertion': 'error',
  // A schema and the type made of it share their name; an empty method or class body can be the point.
  '@typescript-eslint/no-redeclare': 'off',
  '@typescript-eslint/no-empty-function': 'off',
  '@typescript-eslint/no-extraneous-class': 'off',
  '@typescript-eslint/no-invalid-void-type': 'off',
  '@typescript-eslint/no-dynamic-delete': 'off',
}

/** The rules that need types and find real defects: forgotten promises above all. */
const typed = {
  '@typescript-eslint/no-floating-promises': 'error',
  '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false, attributes: false } }],
  '@typescript-eslint/await-thenable': 'error',
  '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
}

export default tseslint.config(
  {
    ignores: ['out/', 'dist/', 'node_modules/', '.framehouse/', '.venv/', 'playwright-report/', 'test-results/', 'resources/', '**/*.d.ts'],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  ...tseslint.configs.strict.map((config) => ({ ...config, files: ['**/*.ts', '**/*.vue'] })),
  { files: ['**/*.ts', '**/*.vue'], rules },
  {
    files: ['src/main/**/*.ts', 'src/shared/**/*.ts', 'test/**/*.ts'],
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './tsconfig.renderer.json', './test/e2e/tsconfig.json', './test/electron/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: typed,
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      'max-lines': 'off',
    },
  },
  // The command line talks to a person; measurements and helpers of tests do, too.
  { files: ['test/bench/**/*.ts', 'test/crash/**/*.ts', 'test/support/**/*.ts', '*.config.ts'], rules: { 'no-console': 'off' } },
  ...vue.configs['flat/essential'].map((config) => ({ ...config, files: ['**/*.vue'] })),
  {
    files: ['**/*.vue'],
    languageOptions: { parser: vueParser, parserOptions: { parser: tseslint.parser, ecmaVersion: 'latest', sourceType: 'module' } },
    rules: { 'vue/multi-word-component-names': 'off' },
  },
  {
    // Buttons look and behave the same everywhere because they come from one place.
    files: ['src/renderer/**/*.vue'],
    ignores: ['src/renderer/ui/**'],
    rules: {
      'vue/no-restricted-html-elements': [
        'error',
        { element: 'button', message: 'Use UiButton, LinkButton, IconButton or PlainButton of src/renderer/ui/controls.' },
      ],
    },
  },
  { files: ['**/*.js', '**/*.mjs', '**/*.cjs'], rules: layout },
)
