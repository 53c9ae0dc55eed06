import { Module } from '@nestjs/common';
import { InboxMessagesController } from './inbox-messages.controller.js';
import { InboxSession } from './inbox-session.js';
import { InboxController } from './inbox.controller.js';
import { InboxGuard } from './inbox.guard.js';
import { InboxStore } from './inbox.store.js';

/** The built-in inbox: what the `capture:` transport took, for people and for tests. */
@Module({
  controllers: [InboxMessagesController, InboxController],
  providers: [InboxStore, InboxGuard, InboxSession],
})
export class InboxModule {}
