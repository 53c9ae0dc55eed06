import type { Calls } from './calls.js';
import type { CallOptions, Schema, SendOptions } from './types.js';

/** What mails say. */
export class Templates {
  constructor(private readonly calls: Calls) {}

  /**
   * Scope `emails:read`.
   *
   * @example
   * for (const { name, locales } of await otpost.templates.list()) console.log(name, locales.join(' '));
   */
  async list(options?: CallOptions): Promise<Schema<'TemplateView'>[]> {
    return (await this.calls.call('get', '/v1/templates', {}, options)).items;
  }

  /**
   * With its sources in Liquid.
   *
   * @example
   * console.log((await otpost.templates.get('welcome')).variables);
   */
  get(name: string, options?: CallOptions): Promise<Schema<'TemplateDetails'>> {
    return this.calls.call('get', '/v1/templates/{name}', { path: { name } }, options);
  }

  /**
   * What a mail of it would say; nothing is sent.
   *
   * @example
   * const { subject } = await otpost.templates.preview('login-code', { locale: 'de-AT' });
   * console.log(subject);
   */
  preview(name: string, body: Schema<'PreviewRequest'> = {}, options?: CallOptions): Promise<Schema<'PreviewView'>> {
    return this.calls.call('post', '/v1/templates/{name}/preview', { path: { name }, body }, options);
  }

  /**
   * Sends a mail of it that is marked as a test. Scope `emails:send`.
   *
   * @example
   * await otpost.templates.test('welcome', { to: 'ada@example.com' });
   */
  test(name: string, body: Schema<'TestRequest'>, options?: SendOptions): Promise<Schema<'EmailStatusView'>> {
    return this.calls.call('post', '/v1/templates/{name}/test', { path: { name }, body, keyed: true }, options);
  }
}
