import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { runCli } from './cli.js';

const CLI = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));

/**
 * An executable `otpost` for shells: it hands its arguments and its environment to this process, which runs the command
 * and answers with what the shell has to print. A command that reads its standard input is the real `node dist/cli.js`.
 */
export class OtpostCommand {
  private constructor(private readonly server: Server) {}

  /** @param file of the executable; the socket lies beside it */
  static async at(file: string): Promise<OtpostCommand> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        answerTo(Buffer.concat(chunks).toString()).then(
          (script) => response.end(script),
          (error: unknown) => response.writeHead(500).end(String(error)),
        );
      });
    });
    server.listen(`${file}.socket`);
    await once(server, 'listening');
    await writeFile(file, script(`${file}.socket`), { mode: 0o755 });
    return new OtpostCommand(server);
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

const script = (socket: string): string => `#!/bin/bash
case " $* " in *-stdin\\ *) exec "${process.execPath}" "${CLI}" "$@" ;; esac
said=$({ env -0; printf '\\0'; printf '%s\\0' "$@"; } | curl -sSf --unix-socket "${socket}" --data-binary @- http://otpost/) || exit 99
eval "$said"
`;

/** Variables, each with a NUL behind it; one NUL more; then the arguments in the same way. */
async function answerTo(request: string): Promise<string> {
  const end = request.indexOf('\0\0');
  const pairs = request.slice(0, end).split('\0');
  const args = request
    .slice(end + 2)
    .split('\0')
    .slice(0, -1);
  const env = Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
  const { out, err, code } = await runCli(args, env);
  return `printf %s ${quoted(out)}\nprintf %s ${quoted(err)} >&2\nexit ${code}\n`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
