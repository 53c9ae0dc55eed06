import { createServer } from 'node:http';
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';

const issuer = process.env.OTPOST_URL ?? 'http://localhost:3000';
// Kept as long as Otpost says that they may be; a token with a key that is not among them makes it look again.
const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', issuer), { cacheMaxAge: 300_000 });

/** What jose throws when the key set does not come, or is none. */
const NO_KEYS = ['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC'];

/** Who sent the token; undefined where it is not a good one. Throws when the keys cannot be had. */
async function accountOf(token) {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience: issuer,
      algorithms: ['EdDSA'],
      typ: 'at+jwt',
      requiredClaims: ['sub', 'sid', 'exp'],
      clockTolerance: 5,
    });
    return { accountId: payload.sub, sessionId: payload.sid };
  } catch (error) {
    // That Otpost cannot be reached says nothing about the token.
    if (!(error instanceof errors.JOSEError) || NO_KEYS.includes(error.code)) throw error;
    return undefined;
  }
}

const server = createServer(async (request, response) => {
  const answer = (status, body, headers = {}) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  try {
    const token = /^Bearer ([\w.-]+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const account = token && (await accountOf(token));
    if (account) answer(200, account);
    else answer(401, { error: 'sign in first' }, { 'www-authenticate': 'Bearer' });
  } catch (error) {
    console.error(`the keys of ${issuer} cannot be had: ${error.message}`);
    answer(503, { error: 'try again in a moment' });
  }
});

server.listen(Number(process.env.PORT ?? 4000), '127.0.0.1', () =>
  console.log(`listening on http://127.0.0.1:${server.address().port}`),
);
