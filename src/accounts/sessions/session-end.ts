import type { Actor, AuditEntry } from '../../audit/audit.js';
import type { RequestSource } from '../../core/credentials.js';

/** Why a session ended that did not run out. */
export type EndReason =
  | 'signed_out'
  | 'ended'
  | 'password_changed'
  | 'email_changed'
  | 'email_change_undone'
  | 'phone_changed'
  /** A refresh token came that was used long before: two parties hold it. */
  | 'refresh_reuse';

/** What the record says of one session that ended by itself, and not with all others. */
export function endOfSession(id: string, reason: EndReason, actor: Actor, source: RequestSource): AuditEntry {
  return { action: 'session.ended', actor, target: { kind: 'session', id }, source, details: { reason } };
}
