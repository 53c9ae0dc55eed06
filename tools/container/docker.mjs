import { spawn } from 'node:child_process';
import { command, must } from './command.mjs';

const IMAGE = 'otpost-container-test';
const BUILD_MS = 20 * 60_000;

/** Whether a daemon answers; the client alone is no use. */
export async function dockerAnswers() {
  return (await command('docker', ['info', '--format', '{{.ServerVersion}}'], { timeoutMs: 10_000 })).code === 0;
}

/** @type {import('./test.mjs').Engine} */
export const docker = {
  name: 'docker',

  async build(root) {
    await must('docker', ['build', '-t', IMAGE, root], { show: true, timeoutMs: BUILD_MS });
    return {
      base: 'as the Dockerfile names it',
      bytes: Number(await must('docker', ['image', 'inspect', '-f', '{{.Size}}', IMAGE])),
    };
  },

  async shell(script) {
    return must('docker', ['run', '--rm', '--user', '0', '--entrypoint', '/bin/sh', IMAGE, '-c', script]);
  },

  async healthcheck() {
    const test = /** @type {string[]} */ (
      JSON.parse(await must('docker', ['image', 'inspect', '-f', '{{json .Config.Healthcheck.Test}}', IMAGE]))
    );
    return test.slice(1);
  },

  async run(env, { uid }) {
    const name = `${IMAGE}-${process.pid}-${Date.now()}`;
    const variables = Object.entries(env).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
    const process_ = spawn('docker', [
      'run',
      '--rm',
      '--name',
      name,
      '--network',
      'host',
      '--read-only',
      '--tmpfs',
      '/tmp',
      '--user',
      `${uid}:${uid}`,
      '--cap-drop',
      'ALL',
      ...variables,
      IMAGE,
    ]);
    return {
      process: process_,
      exec: (args) => command('docker', ['exec', name, ...args]),
      kill: async (signal) => void (await command('docker', ['kill', '-s', signal, name])),
    };
  },

  async close() {
    await command('docker', ['image', 'rm', IMAGE]);
  },
};
