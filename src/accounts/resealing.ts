import { type Keyring, type Sealed, UnsealError } from '../core/keyring.js';
import type { PrismaService } from '../database/prisma.service.js';
import { sealContext as emailContext } from '../mail/composer.js';
import { sealContext as webhookContext } from '../mail/webhooks/secrets.js';
import { hashCode } from '../otp/code.js';
import { sealContext as challengeContext } from '../otp/otp.js';
import { sealContext as signingKeyContext } from './tokens/signing-key-records.js';

export interface ResealedKind {
  kind: 'signing keys' | 'mail' | 'codes' | 'webhook secrets';
  resealed: number;
  /** Opens with none of the secrets that are configured. */
  unreadable: number;
  /** Still sealed with another secret than the present one, the unreadable included. */
  remaining: number;
}

/** One kind of rows that hold something sealed. */
interface SealedRows<Row extends { id: string }> {
  kind: ResealedKind['kind'];
  /** Sorts before all ids. */
  first: string;
  count(): Promise<number>;
  /** Those after that id which another secret sealed, by id. */
  stale(after: string, limit: number): Promise<Row[]>;
  /** @throws UnsealError */
  seal(row: Row): object;
  /** Writes those that are still as they were read, and returns how many; what somebody holds at this moment is passed over. */
  write(json: string): Promise<number>;
}

interface SealedRow {
  id: string;
  keyId: string;
  bytes: Uint8Array;
}

const BATCH = 200;
const NIL_UUID = '00000000-0000-0000-0000-000000000000';

/**
 * Seals again with the present secret what a former one sealed. Each write is conditional on what was read: content that
 * is erased meanwhile stays erased, a secret that is rotated meanwhile stays the new one.
 */
export class Resealing {
  private readonly kinds: readonly SealedRows<{ id: string }>[];

  constructor(
    private readonly prisma: PrismaService,
    private readonly keyring: Keyring,
  ) {
    this.kinds = [this.signingKeys(), this.webhookSecrets(), this.codes(), this.mail()];
  }

  async count(): Promise<ResealedKind[]> {
    const counted: ResealedKind[] = [];
    for (const rows of this.kinds) counted.push({ kind: rows.kind, resealed: 0, unreadable: 0, remaining: await rows.count() });
    return counted;
  }

  /** @param progress told after each batch how many there were so far */
  async run(progress: (done: number) => void): Promise<ResealedKind[]> {
    const done: ResealedKind[] = [];
    let before = 0;
    for (const rows of this.kinds) {
      const kind = await this.all(rows, (resealed) => progress(before + resealed));
      before += kind.resealed;
      done.push(kind);
    }
    return done;
  }

  /** Passes over the rows until one finds nothing more to do: what was held is free later. */
  private async all<Row extends { id: string }>(rows: SealedRows<Row>, progress: (resealed: number) => void): Promise<ResealedKind> {
    let resealed = 0;
    for (;;) {
      const pass = await this.pass(rows, (more) => progress(resealed + more));
      resealed += pass.resealed;
      if (pass.resealed === 0) return { kind: rows.kind, resealed, unreadable: pass.unreadable, remaining: await rows.count() };
    }
  }

  private async pass<Row extends { id: string }>(rows: SealedRows<Row>, progress: (resealed: number) => void): Promise<{ resealed: number; unreadable: number }> {
    const result = { resealed: 0, unreadable: 0 };
    for (let after = rows.first; ; ) {
      const stale = await rows.stale(after, BATCH);
      const sealed = stale.flatMap((row) => opened(() => rows.seal(row)));
      result.unreadable += stale.length - sealed.length;
      if (sealed.length > 0) result.resealed += await rows.write(JSON.stringify(sealed));
      progress(result.resealed);
      if (stale.length < BATCH) return result;
      after = stale.at(-1)!.id;
    }
  }

  private again({ keyId, bytes }: { keyId: string; bytes: Uint8Array }, context: string): string {
    return base64(this.keyring.seal(this.keyring.open({ keyId, bytes }, context), context));
  }

  private signingKeys(): SealedRows<SealedRow> {
    const { prisma } = this;
    const { currentId } = this.keyring;
    return {
      kind: 'signing keys',
      first: '',
      count: () => prisma.signingKey.count({ where: { sealKeyId: { not: currentId } } }),
      stale: (after, limit) => prisma.$queryRaw`
        SELECT id, seal_key_id AS "keyId", sealed_private AS bytes FROM signing_keys
        WHERE id > ${after} AND seal_key_id <> ${currentId} ORDER BY id LIMIT ${limit}`,
      seal: (row) => ({ id: row.id, was: row.keyId, bytes: this.again(row, signingKeyContext(row.id)) }),
      write: (json) => prisma.$executeRaw`
        UPDATE signing_keys k SET sealed_private = decode(i.bytes, 'base64'), seal_key_id = ${currentId}
        FROM jsonb_to_recordset(${json}::jsonb) AS i (id text, was text, bytes text) WHERE k.id = i.id AND k.seal_key_id = i.was`,
    };
  }

  /** Also what could be sent once more by hand. */
  private mail(): SealedRows<SealedRow> {
    const { prisma } = this;
    const { currentId } = this.keyring;
    return {
      kind: 'mail',
      first: NIL_UUID,
      count: () => prisma.outboundEmail.count({ where: { sealedVariables: { not: null }, sealKeyId: { not: currentId } } }),
      stale: (after, limit) => prisma.$queryRaw`
        SELECT id::text AS id, seal_key_id AS "keyId", sealed_variables AS bytes FROM outbound_emails
        WHERE id > ${after}::uuid AND sealed_variables IS NOT NULL AND seal_key_id <> ${currentId} ORDER BY outbound_emails.id LIMIT ${limit}`,
      seal: (row) => ({ id: row.id, was: row.keyId, bytes: this.again(row, emailContext(row.id)) }),
      write: (json) => prisma.$executeRaw`
        WITH mine AS (
          SELECT m.id, i.bytes FROM outbound_emails m JOIN jsonb_to_recordset(${json}::jsonb) AS i (id uuid, was text, bytes text)
            ON m.id = i.id AND m.seal_key_id = i.was
          WHERE m.sealed_variables IS NOT NULL FOR UPDATE OF m SKIP LOCKED
        )
        UPDATE outbound_emails m SET sealed_variables = decode(mine.bytes, 'base64'), seal_key_id = ${currentId} FROM mine WHERE m.id = mine.id`,
    };
  }

  /** The hash that a code is compared with has a pepper of the same secret, and is made again from the code. */
  private codes(): SealedRows<SealedRow & { purpose: string; destination: string }> {
    const { prisma, keyring } = this;
    const { currentId } = keyring;
    return {
      kind: 'codes',
      first: '',
      count: () => prisma.otpChallenge.count({ where: { sealedCode: { not: null }, sealKeyId: { not: currentId } } }),
      stale: (after, limit) => prisma.$queryRaw`
        SELECT id, seal_key_id AS "keyId", sealed_code AS bytes, purpose, destination_canonical AS destination FROM otp_challenges
        WHERE id > ${after} AND sealed_code IS NOT NULL AND seal_key_id <> ${currentId} ORDER BY id LIMIT ${limit}`,
      seal: (row) => {
        const secrets = keyring.open(row, challengeContext(row.id));
        const code = codeIn(secrets);
        const hash = hashCode(keyring, currentId, { challengeId: row.id, purpose: row.purpose, destination: row.destination }, code);
        return { id: row.id, was: row.keyId, bytes: base64(keyring.seal(secrets, challengeContext(row.id))), hash: Buffer.from(hash).toString('base64') };
      },
      write: (json) => prisma.$executeRaw`
        WITH mine AS (
          SELECT c.id, i.bytes, i.hash FROM otp_challenges c JOIN jsonb_to_recordset(${json}::jsonb) AS i (id text, was text, bytes text, hash text)
            ON c.id = i.id AND c.seal_key_id = i.was
          WHERE c.sealed_code IS NOT NULL FOR UPDATE OF c SKIP LOCKED
        )
        UPDATE otp_challenges c SET sealed_code = decode(mine.bytes, 'base64'), code_hash = decode(mine.hash, 'base64'), seal_key_id = ${currentId}
        FROM mine WHERE c.id = mine.id`,
    };
  }

  private webhookSecrets(): SealedRows<SealedRow & { previousKeyId: string | null; previousBytes: Uint8Array | null }> {
    const { prisma } = this;
    const { currentId } = this.keyring;
    return {
      kind: 'webhook secrets',
      first: NIL_UUID,
      count: () => prisma.webhookEndpoint.count({ where: { OR: [{ sealKeyId: { not: currentId } }, { previousSealKeyId: { not: currentId } }] } }),
      stale: (after, limit) => prisma.$queryRaw`
        SELECT id::text AS id, seal_key_id AS "keyId", sealed_secret AS bytes, previous_seal_key_id AS "previousKeyId", sealed_previous_secret AS "previousBytes"
        FROM webhook_endpoints
        WHERE id > ${after}::uuid AND (seal_key_id <> ${currentId} OR previous_seal_key_id <> ${currentId}) ORDER BY webhook_endpoints.id LIMIT ${limit}`,
      seal: ({ id, keyId, bytes, previousKeyId, previousBytes }) => ({
        id,
        was: Buffer.from(bytes).toString('base64'),
        bytes: this.again({ keyId, bytes }, webhookContext(id)),
        previous: previousKeyId && previousBytes ? this.again({ keyId: previousKeyId, bytes: previousBytes }, webhookContext(id)) : null,
      }),
      write: (json) => prisma.$executeRaw`
        UPDATE webhook_endpoints e SET sealed_secret = decode(i.bytes, 'base64'), seal_key_id = ${currentId},
          sealed_previous_secret = decode(i.previous, 'base64'), previous_seal_key_id = CASE WHEN i.previous IS NOT NULL THEN ${currentId} END
        FROM jsonb_to_recordset(${json}::jsonb) AS i (id uuid, was text, bytes text, previous text)
        WHERE e.id = i.id AND e.sealed_secret = decode(i.was, 'base64')`,
    };
  }
}

/** @throws UnsealError when it is not what `Otp` seals: a hash of nothing would lock the code out. */
function codeIn(secrets: string): string {
  const { code } = JSON.parse(secrets) as { code?: unknown };
  if (typeof code !== 'string') throw new UnsealError('a sealed code has another form');
  return code;
}

function base64({ bytes }: Sealed): string {
  return Buffer.from(bytes).toString('base64');
}

/** Nothing where it cannot be opened: the others go on. */
function opened<T>(seal: () => T): T[] {
  try {
    return [seal()];
  } catch (error) {
    if (error instanceof UnsealError) return [];
    throw error;
  }
}
