/**
 * A process of its own around one function of src/database, for tests in which processes race or are killed.
 * Reports `{event, …}` as lines of JSON: `ready`, `done` or `refused`.
 */
const [action, ...args] = process.argv.slice(2);

const ACTIONS = {
  /** Holds the embedded PostgreSQL of a folder until SIGTERM. */
  async hold(dataDir) {
    const { startEmbeddedPostgres } = await import('../../../dist/development/embedded-postgres.js');
    // Ctrl-C is sent to the whole process group; this process wants to live on, as one that drains does.
    process.on('SIGINT', () => undefined);
    const server = await startEmbeddedPostgres(dataDir);
    process.once('SIGTERM', () => void server.stop().then(() => process.exit(0)));
    report('ready', { url: server.url });
  },
  async migrate(url, folder) {
    const { migrate } = await import('../../../dist/database/migrate.js');
    const log = [];
    const { applied } = await migrate(url, { log: (level, message) => log.push(`${level}: ${message}`), folder });
    report('done', { applied, log });
  },
};

function report(event, details) {
  process.stdout.write(`${JSON.stringify({ event, ...details })}\n`);
}

try {
  await ACTIONS[action](...args);
} catch (error) {
  report('refused', { name: error.name, message: error.message, remedy: error.remedy });
  process.exitCode = 1;
}
