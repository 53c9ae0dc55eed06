import { Body, Controller, Get, Param, Post, Req, Res, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Settings } from '../../config/settings.js';
import { Clock } from '../../core/clock.js';
import { sourceOf } from '../../core/credentials.js';
import { parseEmailAddress } from '../../core/email-address.js';
import { Problem } from '../../core/problems.js';
import { PrismaService } from '../../database/prisma.service.js';
import { sendFramed } from '../../http/pages/mail-frame.js';
import { formField } from '../../http/pages/page-parts.js';
import { CAPTURE_FAULTS, forgetFaults, orderFault } from '../routing/capture-faults.js';
import { capturesMail, InboxGuard, PAGE_HEADERS } from './inbox-access.js';
import { InboxRelease } from './inbox-release.js';
import { InboxStore, noMail } from './inbox.store.js';
import { partsOf } from './message-parts.js';

/** What is done with captured mail besides looking at it. */
@ApiExcludeController()
@UseGuards(InboxGuard)
@Controller('inbox')
export class InboxActionsController {
  constructor(
    private readonly store: InboxStore,
    private readonly releasing: InboxRelease,
    private readonly prisma: PrismaService,
    private readonly clock: Clock,
    private readonly settings: Settings,
  ) {}

  /** The next message fails as it would with a mail server that does this; `none` takes all of them back. */
  @Post('fault')
  async fault(@Body() body: unknown, @Res() reply: FastifyReply): Promise<void> {
    if (!capturesMail(this.settings))
      throw new Problem('not_found', {
        detail: 'No mail is captured here, and texts do not fail at will.',
        remedy: 'Capture mail too: MAIL_TRANSPORTS=capture:',
      });
    const wanted = formField(body, 'kind');
    const kind = CAPTURE_FAULTS.find((known) => known === wanted);
    if (kind) await orderFault(this.prisma, kind, this.clock.now());
    else if (wanted === 'none') await forgetFaults(this.prisma);
    else
      throw new Problem('validation_failed', {
        errors: [{ field: 'kind', code: 'unknown', message: 'is none of the faults' }],
      });
    await reply.headers(PAGE_HEADERS).redirect('/inbox', 303);
  }

  @Post(':id/release')
  async release(
    @Param('id') id: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const captured = await this.store.get(id);
    if (captured.channel === 'sms') throw noMail(captured, 'A text is no mail, which is all that is released.');
    const to = parseEmailAddress(formField(body, 'to'));
    const way = formField(body, 'way');
    const outcome = to && (await this.releasing.release(captured, { to: to.stored, way }, sourceOf(request)));
    const told = !to ? 'address' : !outcome ? 'way' : outcome.kind;
    await reply.headers(PAGE_HEADERS).redirect(`/inbox/${id}?released=${told}`, 303);
  }

  /** Kept by the browser and not shown: it is somebody else's file. */
  @Get(':id/files/:number')
  async file(@Param('id') id: string, @Param('number') number: string, @Res() reply: FastifyReply): Promise<void> {
    const file = (await partsOf(await this.store.get(id))).files[Number(number)];
    if (!file) throw new Problem('not_found', { detail: 'There is no such file (any more).' });
    const name = encodeURIComponent(file.filename).replaceAll("'", '%27');
    void reply.header('content-disposition', `attachment; filename*=UTF-8''${name}`);
    await sendFramed(reply, 'application/octet-stream', file.bytes);
  }
}
