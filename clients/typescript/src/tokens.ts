import { createRemoteJWKSet, customFetch, errors, jwtVerify } from 'jose';
import { ConnectionError, InvalidToken } from './errors.js';

/** Whoever an access token belongs to. */
export interface Identity {
  accountId: string;
  sessionId: string;
  expiresAt: Date;
}

/** What jose throws when the key set does not come, or is none. */
const NO_KEYS = ['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC'];

/** Kept as long as the service says; a token with a key that is not among them makes it look again. */
const CACHE_MS = 300_000;

/** Reads access tokens with the public keys of the service, which it asks for nothing else. */
export class Tokens {
  private readonly keys: ReturnType<typeof createRemoteJWKSet>;

  /** @param fetch as the client's: jose follows redirects otherwise */
  constructor(
    baseUrl: string,
    private readonly issuer: string,
    fetch: typeof globalThis.fetch,
  ) {
    const url = new URL(`${baseUrl}/.well-known/jwks.json`);
    this.keys = createRemoteJWKSet(url, { cacheMaxAge: CACHE_MS, [customFetch]: fetch });
  }

  /** @throws InvalidToken, ConnectionError where the keys cannot be had, which says nothing about the token */
  async verify(token: string): Promise<Identity> {
    try {
      const { payload } = await jwtVerify(token, this.keys, {
        issuer: this.issuer,
        audience: this.issuer,
        algorithms: ['EdDSA'],
        typ: 'at+jwt',
        requiredClaims: ['sub', 'sid', 'exp'],
        clockTolerance: 5,
      });
      return {
        accountId: payload.sub!,
        sessionId: String(payload['sid']),
        expiresAt: new Date(payload.exp! * 1_000),
      };
    } catch (cause) {
      if (cause instanceof errors.JOSEError && !NO_KEYS.includes(cause.code)) {
        throw new InvalidToken('The access token is not one that is good now.', { cause });
      }
      throw new ConnectionError(`The keys of ${this.issuer} cannot be had.`, false, { cause });
    }
  }
}
