import { Inject, Injectable } from '@nestjs/common';
import { Gauge, Registry } from 'prom-client';
import { Passwords } from '../accounts/passwords/passwords.js';
import { DeliveryStreams } from '../otp/delivery/delivery-streams.js';

/** How busy those keep this process who visit it. */
@Injectable()
export class VisitorMetrics {
  constructor(@Inject(Registry) registry: Registry, @Inject(DeliveryStreams) streams: DeliveryStreams, @Inject(Passwords) passwords: Passwords) {
    const registers = [registry];
    new Gauge({
      name: 'otpost_streams_open',
      help: 'Streams of delivery events that this process has open',
      registers,
      collect() {
        this.set(streams.count);
      },
    });
    new Gauge({
      name: 'otpost_password_hashes',
      help: 'Passwords that this process hashes at this moment, and those that wait for their turn',
      labelNames: ['state'],
      registers,
      collect() {
        const { hashing, waiting } = passwords.busy;
        this.set({ state: 'hashing' }, hashing);
        this.set({ state: 'waiting' }, waiting);
      },
    });
  }
}
