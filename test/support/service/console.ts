import type { BrowserContext, Page } from 'playwright-core';
import type { AccountRole } from '../../../src/access/access-policy.js';
import { uuidv7 } from '../../../src/core/ids.js';
import { axeFaults } from '../http/axe.js';
import { watchPage } from '../http/chromium.js';
import type { TestDatabase } from '../database/postgres.js';
import { codeIn, type SmtpSink } from '../smtp/smtp-sink.js';
import { eventually } from '../signals/wait.js';

/**
 * Chromium writes one for each call that is refused and for each script of a mail that is kept from running, which is
 * meant.
 */
const MEANT =
  /^Failed to load resource: the server responded with a status of (401|403|404|409|410)|^Blocked script execution in '[^']*\/operations\/frame\//;

/** Somebody who looks at the page of operators, which is in dist/web, in a browser of their own. */
export class Operator {
  /** What the browser complained of: faults of scripts, and whatever the policy of the page kept off. */
  readonly complaints: string[] = [];
  /** Seconds that banners took, from the moments that were {@link mark}ed: printed, and asserted nowhere. */
  readonly took: string[] = [];
  private marked: number | undefined;

  private constructor(
    readonly page: Page,
    readonly url: string,
  ) {}

  static async open(context: BrowserContext, url: string): Promise<Operator> {
    const page = await context.newPage();
    const operator = new Operator(page, url);
    watchPage(page, operator.complaints, MEANT);
    return operator;
  }

  /** Opens a path, is led to the sign-in page, gives back the code of the mail, and is where they wanted to go. */
  async signIn(path: string, email: string, mails: Pick<SmtpSink, 'received'>): Promise<void> {
    await this.page.goto(this.url + path);
    await this.signInHere(email, mails);
  }

  /** On the sign-in page. */
  async signInHere(email: string, mails: Pick<SmtpSink, 'received'>): Promise<void> {
    const mine = () => mails.received.filter(({ to }) => to.includes(email));
    const before = mine().length;
    await this.page.getByLabel('Email address').fill(email);
    await this.page.getByRole('button', { name: 'Continue with email' }).click();
    const { mail } = await eventually(() => mine().length > before && mine().at(-1), `a code for ${email}`);
    await this.page.getByLabel(/code/i).first().fill(codeIn(mail.text));
    await this.page.keyboard.press('Enter');
    await this.page.waitForURL((url) => url.pathname.startsWith('/operations'));
  }

  /** Within Operations, without a load. */
  async go(place: string): Promise<void> {
    await this.page
      .getByRole('navigation', { name: 'Operations' })
      .getByRole('link', { name: place, exact: true })
      .click();
    await this.page.getByRole('heading', { level: 1, name: place, exact: true }).waitFor();
  }

  async open(path: string): Promise<void> {
    await this.page.goto(this.url + path);
    await this.settled();
  }

  /** The data of the page is there. */
  async settled(): Promise<void> {
    await this.page
      .locator('#main h1')
      .waitFor()
      .catch(async (error: unknown) => {
        throw new Error(`${this.complaints.join('\n')}\n${(await this.page.content()).slice(0, 2_000)}`, {
          cause: error,
        });
      });
    await this.page.getByText('Loading…').first().waitFor({ state: 'detached' });
  }

  /** In words, empty where nothing is wrong. */
  async axe(): Promise<string[]> {
    return axeFaults(this.page);
  }

  /** The title of what is wrong. */
  async banner(title: string): Promise<void> {
    await this.page.locator('main [role=alert] h2, main [role=status] h2').filter({ hasText: title }).waitFor();
    if (this.marked === undefined) return;
    this.took.push(`${((performance.now() - this.marked) / 1_000).toFixed(1).padStart(5)}  ${title}`);
    this.marked = undefined;
  }

  /** A fault begins or is over: the next banner that is waited for is due. */
  mark(): void {
    this.marked = performance.now();
  }
}

/** An account with a role, that signs in by code. */
export async function makeAccount(database: TestDatabase, email: string, role: AccountRole): Promise<string> {
  const id = uuidv7(new Date());
  await database.query(
    `INSERT INTO accounts (id, email, email_canonical, email_verified_at, role) VALUES ($1, $2, $2, now(), $3::account_role)`,
    [id, email, role],
  );
  return id;
}

/** The id of the newest message to an address, once it is in one of these states. */
export function messageTo(database: TestDatabase, address: string, ...statuses: string[]): Promise<string> {
  return eventually(
    async () => {
      const [row] = await database.query<{ id: string }>(
        `SELECT id FROM outbound_emails WHERE to_address = $1 AND status = ANY($2::email_status[]) ORDER BY id DESC LIMIT 1`,
        [address, statuses],
      );
      return row?.id;
    },
    `a message to ${address} that is ${statuses.join(' or ')}`,
  );
}
