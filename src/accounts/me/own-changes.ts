import { Injectable } from '@nestjs/common';
import { Transactions, type UnitOfWork } from '../../database/prisma.service.js';
import type { Account } from '../../generated/prisma/client.js';
import { type LiveSession, Sessions } from '../sessions/sessions.js';
import { type Proof, Proofs } from './proofs.js';

/**
 * What somebody who is signed in changes at once, and by which their other sessions end. Their own goes on: one of our
 * pages with a new cookie, for the former one may have been copied; the calls of the API have no place for new tokens
 * in their answers.
 */
@Injectable()
export class OwnChanges {
  constructor(
    private readonly transactions: Transactions,
    private readonly proofs: Proofs,
    private readonly sessions: Sessions,
  ) {}

  /**
   * @param once the new cookie, the same for a second press: that one finds it done
   * @param change is given the account, whose row is held. False: there was nothing to do
   * @returns the cookie of a session of our pages, where it has a new one
   * @throws Problem, those of `Proofs.hold`
   */
  async make(
    holder: LiveSession,
    proof: Proof,
    once: string | undefined,
    change: (account: Account, unit: UnitOfWork) => Promise<boolean>,
  ): Promise<string | undefined> {
    const { session } = holder;
    return this.transactions.run(async (unit) => {
      await this.proofs.lock(holder.account, unit);
      const former = once === undefined ? undefined : await this.sessions.everOf(once, unit);
      if (former?.id === session.id) return once; // another press was faster
      const account = await this.proofs.hold(holder, proof, unit);
      if (!(await change(account, unit)) || session.cookieHash === null) return undefined;
      // A form from the history of a browser may have been sent in a session that is over.
      return this.sessions.renewBrowser(session.id, false, unit, former ? undefined : once);
    });
  }
}
