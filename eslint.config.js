import tseslint from 'typescript-eslint';

/**
 * Imports go one way: a room may import those that stand after it. `health` reads the others; nothing but the role
 * modules imports `health` and `http`.
 */
const ROOMS = ['health', 'http', 'accounts', 'otp', 'mail', 'queue', 'database', 'config', 'core'];

const oneWay = ROOMS.map((room, index) => ({
  files: [`src/${room}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: `^(\\.\\./)+(${[...ROOMS.slice(0, index), ...(room === 'health' ? ['http'] : [])].join('|') || '-'})/`,
            message: `Imports go one way (${ROOMS.join(' → ')}): ${room} may not import this room.`,
          },
          { regex: '/(main|process|announce|(role|web|worker)\\.module)\\.js$', message: 'A room does not import what puts the rooms together.' },
        ],
      },
    ],
  },
}));

/** Pure policy takes time, chance and settings as arguments. */
const pure = {
  files: ['src/**/*-policy.ts', 'src/mail/smtp-reply.ts', 'src/queue/drain.ts', 'src/otp/code.ts'],
  rules: {
    'no-restricted-imports': [
      'error',
      { patterns: [{ regex: '^(@nestjs|@prisma|bullmq|nodemailer|fastify)|generated/prisma', message: 'Pure policy imports no framework.' }] },
    ],
    'no-restricted-syntax': [
      'error',
      { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Take `now` as an argument.' },
      { selector: "MemberExpression[object.name='Date'][property.name='now']", message: 'Take `now` as an argument.' },
      { selector: "MemberExpression[object.name='Math'][property.name='random']", message: 'Take chance as an argument.' },
    ],
  },
};

export default tseslint.config(
  { ignores: ['dist/', 'src/generated/', 'node_modules/', '.data/', 'coverage/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: ["tsconfig.json", "test/tsconfig.json"], tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/require-await': 'off', // an async method may implement an interface
      'no-empty': ['error', { allowEmptyCatch: false }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  { files: ['src/main.ts', 'test/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/config/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'The environment is read in src/config only.' },
      ],
    },
  },
  ...oneWay,
  pure,
);
