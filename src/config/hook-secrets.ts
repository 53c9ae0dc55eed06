import { createPublicKey } from 'node:crypto';
import { list } from './parse-value.js';
import { fault, type Parsed, value } from './parsed.js';

/** What proves that an event comes from the provider it names. */
export type HookSecret =
  /** The verification key of the signed event webhook: SubjectPublicKeyInfo, DER in base64. */
  | { provider: 'sendgrid'; publicKey: string }
  /** The HTTP webhook signing key. */
  | { provider: 'mailgun'; signingKey: string }
  /** What stands behind `whsec_`, in base64. */
  | { provider: 'resend'; key: string }
  | { provider: 'postmark'; user: string; password: string }
  | { provider: 'brevo'; token: string }
  | { provider: 'mailjet'; user: string; password: string }
  | { provider: 'ses'; topicArn: string };

export type HookProviderName = HookSecret['provider'];
/** The secret of one provider. */
export type SecretOf<Name extends HookProviderName> = Extract<HookSecret, { provider: Name }>;

/** These stand open to the internet and are not slowed down. */
const MIN_LENGTH = 16;

const EXAMPLES: Record<HookProviderName, string> = {
  sendgrid: 'sendgrid:<the verification key of the signed event webhook>',
  mailgun: 'mailgun:<the HTTP webhook signing key>',
  resend: 'resend:whsec_<the signing secret>',
  postmark: 'postmark:otpost:<a password>',
  brevo: 'brevo:<a token>',
  mailjet: 'mailjet:otpost:<a password>',
  ses: 'ses:arn:aws:sns:eu-west-1:123456789012:otpost',
};

/**
 * Reads HOOK_SECRETS. A provider may stand there several times: for several accounts, or while a secret is replaced.
 * The remedy names every entry that is wrong.
 */
export function parseHookSecrets(text: string): Parsed<HookSecret[]> {
  const entries = list(text);
  if (entries.length === 0) return fault(`must name a provider and its secret, such as HOOK_SECRETS=${EXAMPLES.ses}.`);
  const secrets: HookSecret[] = [];
  const remedies: string[] = [];
  entries.forEach((entry, index) => {
    const outcome = parseHookSecret(entry);
    if (outcome.kind === 'value') secrets.push(outcome.value);
    else remedies.push(entries.length > 1 ? `entry ${index + 1}: ${outcome.remedy}` : outcome.remedy);
  });
  return remedies.length > 0 ? fault(remedies.join('\n')) : value(secrets);
}

function parseHookSecret(entry: string): Parsed<HookSecret> {
  const colon = entry.indexOf(':');
  const provider = entry.slice(0, Math.max(colon, 0)).trim().toLowerCase();
  const rest = entry.slice(colon + 1).trim();
  switch (provider) {
    case 'sendgrid':
      return isP256Key(rest) ? value({ provider, publicKey: rest }) : wrong(provider, 'must be the verification key, an ECDSA P-256 key in base64');
    case 'mailgun':
      return rest.length >= MIN_LENGTH ? value({ provider, signingKey: rest }) : wrong(provider, `must have at least ${MIN_LENGTH} characters`);
    case 'resend': {
      const key = /^whsec_([A-Za-z0-9+/]{22,}={0,2})$/.exec(rest)?.[1];
      return key === undefined ? wrong(provider, 'must be the signing secret, whsec_ and base64') : value({ provider, key });
    }
    case 'brevo': {
      const token = decoded(rest);
      return isLongEnough(token) ? value({ provider, token }) : wrong(provider, `the token must have at least ${MIN_LENGTH} characters, special ones percent-encoded`);
    }
    case 'postmark':
    case 'mailjet': {
      const separator = rest.indexOf(':');
      const user = decoded(rest.slice(0, Math.max(separator, 0)));
      const password = decoded(rest.slice(separator + 1));
      if (!user || user.includes(':') || !isLongEnough(password)) {
        return wrong(provider, `must be a user, a colon, and a password of at least ${MIN_LENGTH} characters, special ones percent-encoded`);
      }
      return value({ provider, user, password });
    }
    case 'ses':
      return isTopicArn(rest) ? value({ provider, topicArn: rest }) : wrong(provider, 'must be the ARN of the SNS topic');
    default:
      return fault(`must begin with ${Object.keys(EXAMPLES).join(':, ')}:, such as HOOK_SECRETS=${EXAMPLES.ses}. A comma inside a secret is written %2C.`);
  }
}

function wrong(provider: HookProviderName, what: string): Parsed<never> {
  return fault(`${provider}: ${what}, such as HOOK_SECRETS=${EXAMPLES[provider]}.`);
}

function isP256Key(text: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' });
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
  } catch {
    return false; // no key at all: the operator is told what one looks like
  }
}

/** Account and region are part of it, so that messages of other topics, other people's too, can be told apart. */
function isTopicArn(text: string): boolean {
  return /^arn:aws(-cn|-us-gov)?:sns:[a-z]{2}(-[a-z]+)+-\d:\d{12}:[\w-]{1,256}$/.test(text);
}

function isLongEnough(text: string | undefined): text is string {
  return text !== undefined && text.length >= MIN_LENGTH;
}

/** Undefined: a percent sign that begins no escape. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
