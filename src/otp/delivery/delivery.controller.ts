import { Controller, Get, Headers, Param, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { STREAM_HEADERS } from '../../core/event-stream.js';
import { Operation } from '../../core/operation.js';
import { Problems } from '../../core/problem-docs.js';
import { Problem } from '../../core/problems.js';
import { requesterOf } from '../../limits/limit-policy.js';
import { ChallengeIdPipe } from '../challenge-view.js';
import { DeliveryStreams, REFUSED_FOR_S } from './delivery-streams.js';
import { DeliveryView, ToldDeliveries } from './told-deliveries.js';

/**
 * What became of the mail or text that carries a code, for whoever waits for it; the same whoever the address belongs
 * to.
 */
@ApiTags('codes')
@Controller('v1/otp')
export class DeliveryController {
  constructor(
    private readonly deliveries: ToldDeliveries,
    private readonly streams: DeliveryStreams,
  ) {}

  @Get(':id/delivery')
  @Operation(200, DeliveryView, { summary: 'What became of the mail or text that carries the code' })
  @Problems('challenge_not_found')
  async delivery(@Param('id', ChallengeIdPipe) id: string): Promise<DeliveryView> {
    const told = (await this.deliveries.find([id])).get(id);
    if (!told) throw new Problem('challenge_not_found');
    return DeliveryView.of(told);
  }

  @Get(':id/delivery/events')
  @ApiOperation({
    summary: 'The same as a stream, as it changes',
    description:
      'Server-Sent Events. `delivery` with {status, updatedAt}: the present state at once, then every other one. ' +
      '`end` with {reason: final | over | too_long}: nothing more comes; close the EventSource.',
  })
  @ApiHeader({
    name: 'last-event-id',
    required: false,
    description: 'The id of the event heard last; it is not repeated',
  })
  @ApiProduces('text/event-stream')
  @ApiResponse({ status: 200, schema: { type: 'string' } })
  @ApiResponse({ status: 204, description: 'Last-Event-ID names the last state there is; a browser stops connecting' })
  @Problems('challenge_not_found', 'too_many_streams')
  async events(
    @Param('id', ChallengeIdPipe) challengeId: string,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() { ip, method }: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const opened = await this.streams.open({ challengeId, requester: requesterOf(ip), lastEventId });
    switch (opened.kind) {
      case 'not_found':
        throw new Problem('challenge_not_found');
      case 'too_many':
        throw new Problem('too_many_streams', { headers: { 'retry-after': String(REFUSED_FOR_S) } });
      case 'heard':
        void reply.status(204).send();
        return;
      case 'stream':
        if (method === 'HEAD') opened.stream.end();
        void reply.headers(STREAM_HEADERS).send(opened.stream.body);
    }
  }
}
