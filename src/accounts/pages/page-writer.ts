import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { productOf } from '../../config/product-name.js';
import { SETTINGS, type Settings } from '../../config/settings.js';
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
