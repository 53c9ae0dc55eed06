/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  // Swagger's pages need @fastify/static, a CommonJS package that requires an ESM one: Node can, Jest 30 cannot before Node 24.
  transformIgnorePatterns: ['/node_modules/(?!.*content-disposition/)'],
  transform: {
    'content-disposition/.*\\.js$': ['@swc/jest', { jsc: { target: 'es2022' }, module: { type: 'commonjs' } }],
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        module: { type: 'es6' },
      },
    ],
  },
  testTimeout: 30_000,
  // A test that failed half-way may leave a server open; the gate must end all the same.
  forceExit: true,
  maxWorkers: 2,
};
