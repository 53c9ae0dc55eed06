import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { dkimVerdict, publishedForm } from '../../../src/doctor/sender-policy.js';

const privateKey = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
}) as string;
const otherKey = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
}) as string;
const SETTINGS = { domain: 'example.com', selector: 'otpost', privateKey };
const OURS = publishedForm(privateKey);
const OLD_FORM = createPublicKey(privateKey).export({ type: 'pkcs1', format: 'der' }).toString('base64');

describe('DKIM', () => {
  it.each([
    ['the key that signs', [`v=DKIM1; k=rsa; p=${OURS}`], 'example.com', 'ok', /is the one that signs/],
    [
      'the same, in pieces and without a version',
      [`k=rsa; p=${OURS.slice(0, 60)} ${OURS.slice(60)}`],
      'example.com',
      'ok',
      /is the one that signs/,
    ],
    ['the same in the form of RFC 6376', [`v=DKIM1; p=${OLD_FORM}`], 'example.com', 'ok', /is the one that signs/],
    ['the same among other records', ['hello', `v=DKIM1; p=${OURS}`], 'example.com', 'ok', /is the one that signs/],
    ['for a domain below', [`v=DKIM1; p=${OURS}`], 'mail.example.com', 'ok', /is the one that signs/],
    ['nothing', [], 'example.com', 'fail', /there is no key at otpost\._domainkey\.example\.com/],
    [
      'another key',
      [`v=DKIM1; p=${publishedForm(otherKey)}`],
      'example.com',
      'fail',
      /not the one of DKIM_PRIVATE_KEY/,
    ],
    ['a revoked key', ['v=DKIM1; p='], 'example.com', 'fail', /revoked/],
    ['another version', [`v=DKIM2; p=${OURS}`], 'example.com', 'fail', /v=DKIM1/],
    ['a test', [`v=DKIM1; t=y:s; p=${OURS}`], 'example.com', 'warn', /test/],
    ['the key of somebody else', [`v=DKIM1; p=${OURS}`], 'example.org', 'warn', /DMARC takes no notice/],
  ])('%s', (_what, txt, sender, status, says) => {
    const verdict = dkimVerdict(SETTINGS, txt, sender);
    expect([verdict.status, verdict.summary]).toEqual([status, expect.stringMatching(says)]);
    expect(JSON.stringify(verdict)).not.toContain('PRIVATE KEY-----');
  });

  it('tells the record that is wanted', () => {
    expect(dkimVerdict(SETTINGS, [], 'example.com').remedy).toContain(`v=DKIM1; k=rsa; p=${OURS}`);
  });
});
