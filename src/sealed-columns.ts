import { SEALED_SIGNING_KEYS } from './accounts/tokens/signing-keys.js';
import type { SealedColumn } from './database/resealing.js';
import { SEALED_CONTENT, SEALED_SHARED_CONTENT } from './mail/content/stored-content.js';
import { SEALED_FILE_PARTS } from './mail/files/file-parts.js';
import { SEALED_SECRETS, SEALED_PREVIOUS_SECRETS } from './mail/webhooks/payload.js';
import { SEALED_CODES } from './otp/code-issuer.js';

/** All that APP_SECRET seals in Postgres, as the rooms declare it; `otpost rotate-secret` walks it. */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  SEALED_SIGNING_KEYS,
  SEALED_SECRETS,
  SEALED_PREVIOUS_SECRETS,
  SEALED_CODES,
  SEALED_CONTENT,
  SEALED_SHARED_CONTENT,
  SEALED_FILE_PARTS,
];
