import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { readableDomainOf } from '../../core/email-address.js';
import { documentOf, type Page } from './page-frame.js';

@Injectable()
export class PageWriter {
  /** How mails call the product. */
  readonly product: string;

  constructor(@Inject(SETTINGS) settings: Settings) {
    this.product = productOf(settings);
  }

  async show(reply: FastifyReply, page: Page): Promise<void> {
    await reply.status(page.status).headers(page.headers ?? {}).type('text/html; charset=utf-8').send(documentOf(page, this.product));
  }
}

/** How mails call the product. */
export function productOf({ mail }: Pick<Settings, 'mail'>): string {
  return mail.from.name || readableDomainOf(mail.from.address);
}
