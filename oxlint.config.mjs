/**
 * Imports go one way: a room may import those that stand after it. `operations`, `health` and `doctor` read the others;
 * nothing but the role modules, the commands and a room before them imports these, `http` and `tracing`. The pages of
 * every room stand in the frame of `http/pages`.
 */
import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';

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

/** Of `http`, what a room may not import: all but the frame of its pages. The linter's expressions know no lookahead. */
const CLOSED_OF_HTTP = readdirSync(new URL('src/http', import.meta.url))
  .filter((entry) => entry !== 'pages')
  .map((entry) => `http/${entry.replace(/\.ts$/, '\\.js')}`)
  .join('|');

const PUT_TOGETHER = {
  regex: '/(main|process|web-process|probes-process|application|announce|(role|web)\\.module)\\.js$',
  message: 'A room does not import what puts the rooms together.',
};

/** What a room may not import of other rooms. */
const others = (room, index) => {
  const open = [room, ...(MAY_READ[room] ?? [])];
  const closed = new Set([...ROOMS.slice(0, index), ...READ_BY_NONE].filter((other) => !open.includes(other)));
  const message = `Imports go one way (${ROOMS.join(' → ')}): ${room} may not import this room.`;
  const paths = [...closed].map((other) => (other === 'http' ? CLOSED_OF_HTTP : `${other}/`));
  return [{ regex: `^(\\.\\./)+(${paths.join('|')})`, message }, PUT_TOGETHER];
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

/** Pure policy takes time, chance and settings as arguments, on top of what its room may import. */
const PURE =
  /(-policy|^src\/doctor\/.*-verdict|^src\/mail\/transport\/smtp-reply[\w-]*)\.ts$|^src\/(mail\/providers\/replies|queue\/drain|otp\/code)\.ts$/;
const FRAMEWORKS = {
  regex: '^(@nestjs|@prisma|bullmq|nodemailer|fastify)|generated/prisma',
  message: 'Pure policy imports no framework.',
};
const PROCESS_ENV = { object: 'process', property: 'env', message: 'The environment is read in src/config only.' };
const CLOCK_AND_CHANCE = [
  { object: 'Date', property: 'now', message: 'Take `now` as an argument.' },
  { object: 'Math', property: 'random', message: 'Take chance as an argument.' },
];

const OPTIONAL = {
  name: 'class-validator',
  importNames: ['IsOptional'],
  message: 'It lets null through: MayBeLeftOut or MayBeNull of core/input.ts.',
};
const closedTo = (patterns) => ({ 'no-restricted-imports': ['error', { paths: [OPTIONAL], patterns }] });

/** @type {{ files: string, patterns: object[], free?: string[] }[]} the narrower behind the wider */
const scopes = ROOMS.flatMap((room, index) => [
  { files: `src/${room}/**/*.ts`, patterns: others(room, index) },
  ...(SUB_ROOMS[room] ?? []).map((sub) => ({
    files: sub === '*' ? `src/${room}/*.ts` : `src/${room}/${sub}/*.ts`,
    ...(sub === '*' ? { free: [`src/${room}/*.module.ts`] } : {}),
    patterns: [...others(room, index), ...siblings(room, sub)],
  })),
]);
const oneWay = scopes.map(({ files, free = [], patterns }) => ({
  files: [files],
  excludeFiles: free,
  rules: closedTo(patterns),
}));

/** Files of pure policy, which architecture.spec.ts holds to take the time that it is, too. */
export const pureFiles = readdirSync(new URL('src', import.meta.url), { recursive: true })
  .map((file) => `src/${file}`)
  .filter((file) => PURE.test(file));
const pure = scopes.flatMap(({ files: scope, patterns }) => {
  const [folder, everyLevel] = [scope.slice(0, scope.indexOf('*')), scope.includes('**')];
  const files = pureFiles.filter((file) => (everyLevel ? file.startsWith(folder) : `${dirname(file)}/` === folder));
  const rules = {
    ...closedTo([...patterns, FRAMEWORKS]),
    'no-restricted-properties': ['error', PROCESS_ENV, ...CLOCK_AND_CHANCE],
  };
  return files.length === 0 ? [] : [{ files, rules }];
});

export default {
  plugins: ['typescript', 'oxc', 'import'],
  categories: { correctness: 'error' },
  options: { typeAware: true, denyWarnings: true, reportUnusedDisableDirectives: 'error' },
  rules: {
    'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    'typescript/require-array-sort-compare': 'off',
    'typescript/no-misused-spread': 'off',
    'typescript/no-useless-default-assignment': 'off', // knows nothing of noUncheckedIndexedAccess
    // Types too: whoever reads one file ought to come to an end.
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'no-control-regex': 'off', // what is searched for is just these
    'no-misleading-character-class': 'off',
  },
  ignorePatterns: [
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
  overrides: [
    {
      files: ['**/*.ts', 'web/**/*.tsx'],
      rules: {
        eqeqeq: 'error',
        'no-console': 'error',
        'no-empty': ['error', { allowEmptyCatch: false }],
        'no-var': 'error',
        'prefer-const': 'error',
        'prefer-rest-params': 'error',
        'prefer-spread': 'error',
        'no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
        'typescript/ban-ts-comment': 'error',
        'typescript/no-empty-object-type': 'error',
        'typescript/no-explicit-any': 'error',
        'typescript/no-misused-promises': 'error',
        'typescript/no-namespace': 'error',
        'typescript/no-require-imports': 'error',
        'typescript/no-unnecessary-type-assertion': 'error',
        'typescript/no-unnecessary-type-constraint': 'error',
        'typescript/no-unsafe-argument': 'error',
        'typescript/no-unsafe-assignment': 'error',
        'typescript/no-unsafe-call': 'error',
        'typescript/no-unsafe-enum-comparison': 'error',
        'typescript/no-unsafe-function-type': 'error',
        'typescript/no-unsafe-member-access': 'error',
        'typescript/no-unsafe-return': 'error',
        'typescript/only-throw-error': 'error',
        'typescript/prefer-promise-reject-errors': 'error',
        'typescript/restrict-plus-operands': 'error',
        ...closedTo([]),
      },
    },
    // The rules of React's hooks come with a compiler; they are left out.
    {
      files: ['web/src/**/*.ts', 'web/src/**/*.tsx'],
      rules: {
        'typescript/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
        'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
        'max-lines': ['error', 320],
      },
    },
    // Scripts have no types but what their comments say.
    {
      files: ['**/*.mjs', '**/*.cjs', '**/*.js'],
      rules: { 'typescript/unbound-method': 'off', 'typescript/restrict-template-expressions': 'off' },
    },
    { files: ['src/main.ts', 'test/**/*.ts', 'examples/**/*.ts'], rules: { 'no-console': 'off' } },
    {
      files: ['src/**/*.ts'],
      excludeFiles: ['src/config/**'],
      rules: { 'no-restricted-properties': ['error', PROCESS_ENV] },
    },
    {
      files: ['src/**/*.ts'],
      excludeFiles: ['src/http/pages/words/**'], // a table
      rules: { 'max-lines': ['error', 320] },
    },
    ...oneWay,
    ...pure,
  ],
};
