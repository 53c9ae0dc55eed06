import tseslint from 'typescript-eslint';

/**
 * Imports go one way: a room may import those that stand after it. `operations`, `health` and `doctor` read the others;
 * nothing but the role modules, the commands and a room before them imports these, `http` and `tracing`. The pages of
 * every room stand in the frame of `http/pages`.
 */
const ROOMS =
  'doctor operations health http tracing accounts broadcasts audiences otp mail access limits audit queue database development config core'.split(
    ' ',
  );
/** `development` is a tool: who has no DATABASE_URL loads it late, and production never does. */
const READ_BY_NONE = ['operations', 'health', 'http', 'tracing', 'development'];
/** They examine, or show, what health makes of the record. */
const MAY_READ = { doctor: ['health'], operations: ['health', 'doctor'] };
/** Inside a room, one way too. `*` is the files of the room itself; its modules put all of it together. */
const SUB_ROOMS = {
  accounts: '* pages api codes me administration passwords sessions tokens notices'.split(' '),
  otp: 'verifications delivery * sms'.split(' '),
  mail: 'hooks-in hooks smtp-submission resend-door api unsubscribe stand-in worker submission * events webhooks inbox content routing sms providers transport outbox files subscribers suppressions'.split(
    ' ',
  ),
};

const PUT_TOGETHER = {
  regex: '/(main|process|announce|(role|web|worker)\\.module)\\.js$',
  message: 'A room does not import what puts the rooms together.',
};

/** What a room may not import of other rooms. */
const others = (room, index) => {
  const open = [room, ...(MAY_READ[room] ?? [])];
  const closed = new Set([...ROOMS.slice(0, index), ...READ_BY_NONE].filter((other) => !open.includes(other)));
  const message = `Imports go one way (${ROOMS.join(' → ')}): ${room} may not import this room.`;
  return [
    {
      regex: `^(\\.\\./)+(${[...closed].map((other) => (other === 'http' ? 'http(?!/pages)' : other)).join('|')})/`,
      message,
    },
    PUT_TOGETHER,
  ];
};

/** What a sub-room may not import of its own room. */
const siblings = (room, sub) => {
  const order = SUB_ROOMS[room];
  const before = order.slice(0, order.indexOf(sub));
  const message = `Imports go one way (${order.join(' → ')}): ${room}/${sub} may not import this.`;
  const folders = before.filter((name) => name !== '*').join('|');
  const inner = folders === '' ? [] : [{ regex: `^(\\.|(\\.\\./)*\\.\\.)/(${folders})/`, message }];
  const root = before.includes('*') ? [{ regex: '^\\.\\./[\\w.-]+\\.js$', message }] : [];
  return [...inner, ...root];
};

/** @type {{ files: string, ignores?: string[], patterns: object[] }[]} */
const scopes = ROOMS.flatMap((room, index) => [
  { files: `src/${room}/**/*.ts`, patterns: others(room, index) },
  ...(SUB_ROOMS[room] ?? []).map((sub) => ({
    files: sub === '*' ? `src/${room}/*.ts` : `src/${room}/${sub}/*.ts`,
    ...(sub === '*' ? { ignores: ['**/*.module.ts'] } : {}),
    patterns: [...others(room, index), ...siblings(room, sub)],
  })),
]);
const oneWay = scopes.map(({ files, ignores = [], patterns }) => ({
  files: [files],
  ignores,
  rules: { 'no-restricted-imports': ['error', { patterns }] },
}));

/** Pure policy takes time, chance and settings as arguments, on top of what its room may import. */
const PURE = [
  '**/*-policy.ts',
  'src/doctor/*-verdict.ts',
  'src/mail/transport/smtp-reply*.ts',
  'src/mail/providers/replies.ts',
  'src/queue/drain.ts',
  'src/otp/code.ts',
];
const FRAMEWORKS = {
  regex: '^(@nestjs|@prisma|bullmq|nodemailer|fastify)|generated/prisma',
  message: 'Pure policy imports no framework.',
};
const taken = (selector, what) => ({ selector, message: `Take ${what} as an argument.` });
const pure = scopes.map(({ files, ignores = [], patterns }) => ({
  files: PURE.map((pattern) => [files, pattern]),
  ignores,
  rules: {
    'no-restricted-imports': ['error', { patterns: [...patterns, FRAMEWORKS] }],
    'no-restricted-syntax': [
      'error',
      taken("NewExpression[callee.name='Date'][arguments.length=0]", '`now`'),
      taken("MemberExpression[object.name='Date'][property.name='now']", '`now`'),
      taken("MemberExpression[object.name='Math'][property.name='random']", 'chance'),
    ],
  },
}));

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'src/generated/',
      'node_modules/',
      '.data/',
      'coverage/',
      '.tests/',
      '.tests-watch/',
      '.railway/',
      'web/vite.config.mjs',
      'clients/typescript/dist/',
      'clients/typescript/src/schema.ts', // made of the API description
    ],
  },
  {
    files: ['**/*.ts', 'web/**/*.tsx'],
    extends: [tseslint.configs.recommendedTypeChecked],
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
        {
          paths: [
            {
              name: 'class-validator',
              importNames: ['IsOptional'],
              message: 'It lets null through: MayBeLeftOut or MayBeNull of core/input.ts.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.ts'],
    ignores: ['web/**'],
    languageOptions: {
      parserOptions: { project: ['test/tsconfig.json'], tsconfigRootDir: import.meta.dirname },
    },
  },
  // The page is another program, with types of its own. The rules of React's hooks come with a compiler; they are left out.
  {
    files: ['web/src/**/*.ts', 'web/src/**/*.tsx'],
    languageOptions: {
      parserOptions: { project: ['web/tsconfig.json'], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'max-lines': ['error', 320],
    },
  },
  { files: ['src/main.ts', 'test/**/*.ts', 'examples/**/*.ts'], rules: { 'no-console': 'off' } },
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
