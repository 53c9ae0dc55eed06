import { Injectable } from '@nestjs/common';
import { errors, jwtVerify, SignJWT } from 'jose';
import { Settings } from '../../config/settings.js';
import { Clock } from '../../core/clock.js';
import { ACCESS_TOKEN_SECONDS, authTimeOf } from './session-policy.js';
import { ALGORITHM, SigningKeys } from './signing-keys.js';

interface AccessClaims {
  accountId: string;
  sessionId: string;
  /** `auth_time`: when its session had been proven last, as it was issued; seconds of Unix time. */
  authTime: number;
}

/** A session as its tokens tell of it. */
interface AuthenticatedSession {
  id: string;
  accountId: string;
  /** `auth_time` (RFC 9068 §2.2.1): what a back end asks before something that needs a fresh proof. */
  authenticatedAt: Date;
}

/** RFC 9068 §2.1: tells an access token from every other JWT. */
const TYPE = 'at+jwt';

/** Short-lived JWTs that any back end verifies with /.well-known/jwks.json; issuer and audience are APP_URL. */
@Injectable()
export class AccessTokens {
  private readonly issuer: string;

  constructor(
    settings: Settings,
    private readonly clock: Clock,
    private readonly keys: SigningKeys,
  ) {
    this.issuer = settings.http.appUrl;
  }

  async issue({ id, accountId, authenticatedAt }: AuthenticatedSession, now: Date): Promise<string> {
    const { kid, privateKey } = await this.keys.signer();
    const issuedAt = Math.floor(now.getTime() / 1_000);
    return new SignJWT({ sid: id, auth_time: authTimeOf({ authenticatedAt }) })
      .setProtectedHeader({ alg: ALGORITHM, kid, typ: TYPE })
      .setIssuer(this.issuer)
      .setAudience(this.issuer)
      .setSubject(accountId)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + ACCESS_TOKEN_SECONDS)
      .sign(privateKey);
  }

  /** Undefined for whatever is not a token of ours that is still good. */
  async read(token: string | undefined): Promise<AccessClaims | undefined> {
    if (token === undefined) return undefined;
    const first = await this.verify(token);
    if (first !== 'unknown_key') return first;
    await this.keys.reload(); // perhaps signed by a process that started after this one
    const second = await this.verify(token);
    return second === 'unknown_key' ? undefined : second;
  }

  private async verify(token: string): Promise<AccessClaims | undefined | 'unknown_key'> {
    try {
      const { payload } = await jwtVerify(token, this.keys.verifier(), {
        issuer: this.issuer,
        audience: this.issuer,
        algorithms: [ALGORITHM],
        typ: TYPE,
        currentDate: this.clock.now(),
        requiredClaims: ['sub', 'sid', 'exp', 'auth_time'],
      });
      return { accountId: payload.sub!, sessionId: String(payload['sid']), authTime: Number(payload['auth_time']) };
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return 'unknown_key';
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }
}
