/** What a person may do, the least first; each may do what those before it may. */
export const ROLES = ['user', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Operators read, retry and cancel mail and keep the suppression list; admins do everything. A user's rights end at their own account. */
export type StaffRole = Exclude<Role, 'user'>;

export function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text);
}

export function reaches(held: Role, needed: StaffRole): boolean {
  return ROLES.indexOf(held) >= ROLES.indexOf(needed);
}

/** A person who is signed in, whatever their role. */
export interface Member {
  accountId: string;
  sessionId: string;
  role: Role;
}

/** Who is behind an access token. What an account is, the rooms above know; src/accounts/administration/staff.ts tells. */
export abstract class Staff {
  /** By what Postgres says at this moment: undefined from the moment the session was revoked. */
  abstract authenticate(token: string): Promise<Member | undefined>;
}
