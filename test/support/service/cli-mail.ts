import { createApiKey } from './api-key.js';
import { runCli } from './cli.js';
import type { Otpost } from './otpost.js';

/** A service with an API key, and the commands of its operator. */
export class OperatedService {
  private constructor(
    readonly otpost: Otpost,
    readonly env: Record<string, string>,
    private readonly key: string,
  ) {}

  static async of(otpost: Otpost, env: Record<string, string>): Promise<OperatedService> {
    const commands = { DATABASE_URL: otpost.database.url, ...env };
    return new OperatedService(otpost, commands, await createApiKey(commands.DATABASE_URL));
  }

  /** The same service, for an operator whose environment says more. */
  with(env: Record<string, string>): OperatedService {
    return new OperatedService(this.otpost, { ...this.env, ...env }, this.key);
  }

  /** As if no mail had ever been accepted, for the next test on the same service. */
  async reset(): Promise<void> {
    await this.otpost.database.query('TRUNCATE outbound_emails, ledger, ledger_deltas, lane_pauses CASCADE');
  }

  cli(...args: string[]): ReturnType<typeof runCli> {
    return runCli(args, this.env);
  }

  /** What the command prints as JSON. */
  async json<T>(...args: string[]): Promise<T> {
    const { out, err } = await this.cli(...args, '--json');
    if (out === '') throw new Error(`otpost ${args.join(' ')} printed nothing: ${err}`);
    return JSON.parse(out) as T;
  }

  /** Accepts a message by the API and gives its id. */
  async accept(to: string, more: object = {}): Promise<string> {
    const { status, body } = await this.otpost.api.post<{ id: string }>(
      '/v1/emails',
      { to, subject: 'Hello', text: 'Hello.', ...more },
      { authorization: `Bearer ${this.key}` },
    );
    if (status !== 202) throw new Error(`the message was answered ${status}`);
    return body.id;
  }

  async statusOf(id: string): Promise<string | undefined> {
    const [row] = await this.otpost.database.query<{ status: string }>(
      'SELECT status FROM outbound_emails WHERE id = $1',
      [id],
    );
    return row?.status;
  }
}
