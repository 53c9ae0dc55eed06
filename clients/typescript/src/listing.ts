import type { CallOptions } from './types.js';

export interface Page<Item> {
  items: Item[];
  /** Null on the last page. */
  nextCursor: string | null;
}

/**
 * A list of the service. Awaited it is one page; in `for await` it is every item, page after page as they are needed.
 *
 * @example
 * const { items, nextCursor } = await otpost.emails.list({ status: 'sent', limit: 2 });
 * for await (const email of otpost.emails.list({ to: 'ada@example.com' })) console.log(email.id, email.status);
 */
export class Listing<Item> implements PromiseLike<Page<Item>>, AsyncIterable<Item> {
  /** @param page asks for the page after this cursor */
  constructor(
    private readonly page: (cursor: string | undefined, options: CallOptions | undefined) => Promise<Page<Item>>,
    private readonly cursor: string | undefined,
    private readonly options: CallOptions | undefined,
  ) {}

  then<A = Page<Item>, B = never>(
    done?: ((page: Page<Item>) => A | PromiseLike<A>) | null,
    failed?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.page(this.cursor, this.options).then(done, failed);
  }

  /**
   * Page after page.
   *
   * @example
   * for await (const { items } of otpost.emails.list({ limit: 100 }).pages()) console.log(items.length);
   */
  async *pages(): AsyncGenerator<Page<Item>, void> {
    let next: string | undefined = this.cursor;
    do {
      const page: Page<Item> = await this.page(next, this.options);
      yield page;
      next = page.nextCursor ?? undefined;
    } while (next !== undefined);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void> {
    for await (const { items } of this.pages()) yield* items;
  }
}
