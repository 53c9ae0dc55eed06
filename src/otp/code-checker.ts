import { Injectable } from '@nestjs/common';
import { Clock } from '../core/clock.js';
import { hashOfToken } from '../core/credentials.js';
import { Keyring } from '../core/keyring.js';
import { RequestMetrics } from '../core/metrics.js';
import { Transactions, type UnitOfWork } from '../database/prisma.service.js';
import { type Asked, type Challenge, Challenges } from './challenges.js';
import { codeMatches, isLinkToken } from './code.js';
import { DeviceTokens } from './device-token.js';
import { type BudgetKey, FailureBudgets } from './failure-budgets.js';
import { isJustConsumed, linkUnusable, MAX_REPEATS, REPEAT_WITHIN_MS, unusable, type Unusable } from './otp-policy.js';
import { budgetClass, purposeClass } from './purposes.js';
import { SmsGuard } from './sms/sms-guard.js';

/** A code that is right and not used up yet. */
export interface Correct {
  kind: 'correct';
  challenge: Challenge;
  /** What was counted before the code was compared; `consume` takes back what was no failure. */
  counted: readonly Asked[];
}

export type CheckRefusal =
  | { kind: 'wrong'; attemptsLeft: number }
  /** Too many failures for the destination, whichever codes they were made with. */
  | { kind: 'blocked'; until: Date }
  | { kind: Unusable }
  | { kind: 'not_found' };

/**
 * `repeated`: the code of this challenge, which was used up a moment ago, by this client if what came of it is the
 * client's own.
 */
type CheckResult = Correct | { kind: 'repeated'; challenge: Challenge } | CheckRefusal;

export type LinkResult = { kind: 'open' | Exclude<Unusable, 'locked'>; challenge: Challenge } | { kind: 'not_found' };

/** Compares codes that come back, and uses them up. What a code leads to is the caller's business. */
@Injectable()
export class CodeChecker {
  constructor(
    private readonly clock: Clock,
    private readonly keyring: Keyring,
    private readonly challenges: Challenges,
    private readonly budgets: FailureBudgets,
    private readonly devices: DeviceTokens,
    private readonly metrics: RequestMetrics,
    private readonly sms: SmsGuard,
    private readonly transactions: Transactions,
  ) {}

  async find(id: string): Promise<Challenge | null> {
    return this.challenges.find(id);
  }

  /** Why a code of this challenge cannot be used any more, as it was read; undefined while it can. */
  over(challenge: Challenge): Unusable | undefined {
    return unusable(challenge, this.clock.now());
  }

  /** The challenge whose mail carries this link. Looking uses nothing up. */
  async byLink(token: string): Promise<LinkResult> {
    const challenge = isLinkToken(token) ? await this.challenges.findByLink(hashOfToken(token)) : null;
    if (!challenge) return { kind: 'not_found' };
    return { kind: linkUnusable(challenge, this.clock.now()) ?? 'open', challenge };
  }

  /**
   * Counts the try, then compares. `consume` uses a correct code up, in the caller's transaction.
   * @param deviceToken of a device that is known
   * @param others that the same client asked for, also those used up a moment ago: their codes are right as well, and
   *   no try of them is counted
   */
  async check(
    challenge: Challenge,
    code: string,
    deviceToken: string | undefined,
    others: readonly Challenge[] = [],
  ): Promise<CheckResult> {
    const all = [challenge, ...others.filter(({ id }) => id !== challenge.id)];
    const { result, counted } = await this.compare(all, code, deviceToken);
    if (result.kind === 'correct') return result;
    // One that was compared was not used up.
    const rest = all.filter(({ id }) => !counted.some((one) => one.id === id));
    const repeated = await this.repeatedOf(
      result.kind === 'consumed' ? rest : rest.filter(({ id }) => id !== challenge.id),
      code,
    );
    if (repeated) {
      const what = { right: repeated, used: false };
      if (counted.length > 0) await this.transactions.run((unit) => this.takeBack(counted, unit, what));
      return { kind: 'repeated', challenge: repeated };
    }
    this.metrics.codeRefused(purposeClass(challenge.purpose), result.kind);
    return result;
  }

  /** Whether a code of this challenge may still be right, as it was read: not used up, or only just. */
  mayBeGiven(challenge: Challenge): boolean {
    return this.over(challenge) === undefined || isJustConsumed(challenge, this.clock.now());
  }

  /** The challenge as it is, where it was used up a moment ago, by anybody: who did it may come once more. */
  async justConsumed({ id }: Challenge): Promise<Challenge | undefined> {
    const challenge = await this.challenges.find(id);
    return challenge && isJustConsumed(challenge, this.clock.now()) ? challenge : undefined;
  }

  /**
   * Uses the code up and voids the other codes for the same destination and purpose. Undefined: another call was
   * faster.
   * @param counted of a code that was compared: what was counted for other challenges is taken back
   * @returns the challenge as it is from now on: by which channels its code went may have changed while it was compared
   */
  async consume(compared: Challenge, unit: UnitOfWork, counted: readonly Asked[] = []): Promise<Challenge | undefined> {
    const besides = counted.map(({ id }) => id);
    const challenge = compared.decoy
      ? undefined
      : await this.challenges.consume(compared, this.clock.now(), unit, besides);
    const own = { destination: compared.destinationCanonical, purpose: budgetClass(compared.purpose) };
    if (challenge) await this.proveNumber(challenge, unit);
    if (counted.length > 1) await this.budgets.hold([own, ...countedFor(compared, counted)], unit);
    if (challenge) await this.budgets.clear(own, unit);
    // Also where another call was faster: the code was right.
    await this.takeBack(counted, unit, { right: compared, used: true });
    if (!challenge) return undefined;
    unit.afterCommit(() => this.metrics.codeVerified(purposeClass(challenge.purpose)));
    return challenge;
  }

  /** @returns also what was counted: for the first challenge a try, and for each a failure */
  private async compare(
    challenges: readonly Challenge[],
    code: string,
    deviceToken: string | undefined,
  ): Promise<{ result: Correct | CheckRefusal; counted: readonly Asked[] }> {
    const now = this.clock.now();
    const asked = challenges.map(({ id, destinationCanonical, purpose }) => ({
      id,
      destination: destinationCanonical,
      purpose: budgetClass(purpose),
      device: this.devices.read(deviceToken, destinationCanonical),
    }));
    const allowed = await this.challenges.countAttempt(asked, now);
    const [challenge] = challenges as [Challenge];
    if (!allowed) return { result: await this.whyNot(challenge.id, asked[0]!, now), counted: [] };
    const counted = asked.filter(({ id }) => allowed.ids.includes(id));
    const compared = challenges.filter(({ id }) => allowed.ids.includes(id));
    const [right] = compared.filter((one) => this.opens(one, code));
    const result: Correct | CheckRefusal = right
      ? { kind: 'correct', challenge: right, counted }
      : { kind: 'wrong', attemptsLeft: challenge.maxAttempts - allowed.attempts };
    return { result, counted };
  }

  /** Of a code that went by mail too, nobody knows which of the two was read. */
  private async proveNumber(
    { channel, otherDestination, destinationCanonical, createdAt }: Challenge,
    unit: UnitOfWork,
  ) {
    if (channel === 'sms' && otherDestination === null) await this.sms.verified(destinationCanonical, createdAt, unit);
  }

  /**
   * What was counted before a code was compared that turned out to be no failure: the try, and failures of the address
   * that the code was right for. At other addresses it was a guess like any other: whoever has codes of their own would
   * guess there without end.
   * @param right where it was used up now, its own row of failures ended already
   */
  private async takeBack(
    counted: readonly Asked[],
    unit: UnitOfWork,
    { right, used }: { right: Challenge; used: boolean },
  ): Promise<void> {
    const [first] = counted;
    if (first && !(used && first.id === right.id)) await this.challenges.takeBackAttempt(first.id, unit);
    const own = countedFor(right, counted);
    // Of a code that is used up they are held already, with its own.
    if (!used && own.length > 1) await this.budgets.hold(own, unit);
    for (const key of own) {
      if (!used || key.purpose !== budgetClass(right.purpose)) await this.budgets.takeBack(key, 1, unit);
    }
  }

  /** A decoy is compared like every other challenge, lest the time that it takes tell it apart. */
  private opens(challenge: Challenge, code: string): boolean {
    const { id, purpose, destinationCanonical, sealKeyId, codeHash, decoy } = challenge;
    const binding = { challengeId: id, purpose, destination: destinationCanonical };
    return codeMatches(this.keyring, sealKeyId, binding, code, codeHash) && !decoy;
  }

  /**
   * The one that this code used up a moment ago. Few such tries are let, right or wrong, for they are tries besides
   * those of the challenge.
   */
  private async repeatedOf(challenges: readonly Challenge[], code: string): Promise<Challenge | undefined> {
    const since = new Date(this.clock.now().getTime() - REPEAT_WITHIN_MS);
    for (const challenge of challenges) {
      const counted = await this.challenges.countRepeat(challenge.id, since, MAX_REPEATS);
      if (counted && this.opens(challenge, code)) return challenge;
    }
    return undefined;
  }

  private async whyNot(id: string, budget: BudgetKey, now: Date): Promise<CheckRefusal> {
    const challenge = await this.challenges.find(id);
    if (!challenge) return { kind: 'not_found' };
    const reason = unusable(challenge, now);
    if (reason) return { kind: reason };
    const verdict = await this.budgets.look(budget, now);
    // Open again, or usable again: what stood in the way a moment ago is gone, and the client may try once more.
    return verdict.kind === 'blocked' ? verdict : { kind: 'blocked', until: now };
  }
}

/** Of what was counted, the failures of the address that a challenge is for. */
function countedFor({ destinationCanonical }: Challenge, counted: readonly Asked[]): Asked[] {
  return counted.filter(({ destination }) => destination === destinationCanonical);
}
