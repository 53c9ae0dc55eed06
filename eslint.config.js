import tseslint from 'typescript-eslint';

/**
 * Imports go one way: a room may import those that stand after it. `operations`, `health` and `doctor` read the others;
 * nothing but the role modules, the commands and a room before them imports these, `http` and `tracing`.
 */
const ROOMS = ['doctor', 'operations', 'health', 'http', 'tracing', 'accounts', 'otp', 'mail', 'access', 'limits', 'audit', 'queue', 'database', 'config', 'core'];
const READ_BY_NONE = ['operations', 'health', 'http', 'tracing'];
/** Examines what the others are made of, what health makes of the record included. */
const MAY_READ = { doctor: ['health'] };

const oneWay = ROOMS.map((room, index) => ({
  files: [`src/${room}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: `^(\\.\\./)+(${[...new Set([...ROOMS.slice(0, index), ...READ_BY_NONE])].filter((other) => other !== room && !MAY_READ[room]?.includes(other)).join('|')})/`,
            message: `Imports go one way (${ROOMS.join(' → ')}): ${room} may not import this room.`,
          },
          { regex: '/(main|process|announce|(role|web|worker)\\.module)\\.js$', message: 'A room does not import what puts the rooms together.' },
        ],
      },
    ],
  },
}));

/** Pure policy takes time, chance and settings as arguments, on top of what its room may import. */
const PURE = ['**/*-policy.ts', 'doctor/*-verdict.ts', 'mail/smtp-reply*.ts', 'mail/transport/http/provider-reply.ts', 'mail/transport/http/http-failure.ts', 'queue/drain.ts', 'otp/code.ts'];
const FRAMEWORKS = { regex: '^(@nestjs|@prisma|bullmq|nodemailer|fastify)|generated/prisma', message: 'Pure policy imports no framework.' };
const pure = oneWay.map(({ files: [room], rules }) => {
  const [severity, { patterns }] = rules['no-restricted-imports'];
  const folder = room.replace('/**/*.ts', '');
  return {
    files: PURE.map((pattern) => (pattern.startsWith('**') ? `${folder}/${pattern}` : `src/${pattern}`)).filter((file) => file.startsWith(`${folder}/`)),
    rules: {
      'no-restricted-imports': [severity, { patterns: [...patterns, FRAMEWORKS] }],
      'no-restricted-syntax': [
        'error',
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Take `now` as an argument.' },
        { selector: "MemberExpression[object.name='Date'][property.name='now']", message: 'Take `now` as an argument.' },
        { selector: "MemberExpression[object.name='Math'][property.name='random']", message: 'Take chance as an argument.' },
      ],
    },
  };
});

export default tseslint.config(
  { ignores: ['dist/', 'src/generated/', 'node_modules/', '.data/', 'coverage/', '.tests/', '.railway/'] },
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
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { paths: [{ name: 'class-validator', importNames: ['IsOptional'], message: 'It lets null through: MayBeLeftOut or MayBeNull of core/left-out.ts.' }] },
      ],
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
  ...pure,
);
