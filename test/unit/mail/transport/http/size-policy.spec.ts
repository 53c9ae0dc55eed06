import { PROVIDERS } from '../../../../../src/mail/providers/providers.js';
import { MIB, type MessageSize, sizeFault } from '../../../../../src/mail/providers/size-policy.js';

function faultAt(kind: string, size: MessageSize): string | undefined {
  return sizeFault(PROVIDERS.find((provider) => provider.kind === kind)!.limit, size);
}

describe('how large a message a provider takes', () => {
  it('counts attachments as they go over the wire, and the words with them', () => {
    const inBase64 = 7.5 * MIB; // 10 MiB
    expect(faultAt('postmark', { files: [inBase64], words: 0 })).toBeUndefined();
    expect(faultAt('postmark', { files: [inBase64], words: 1 })).toBe(
      'with 10.0 MiB it is larger than the 10.0 MiB that it takes',
    );
    expect(faultAt('resend', { files: [25 * MIB], words: MIB })).toBeUndefined();
    expect(faultAt('sendgrid', { files: [25 * MIB], words: MIB })).toContain('larger than the 30.0 MiB');
  });

  it('counts the files one by one where the provider does', () => {
    expect(faultAt('brevo', { files: [4 * MIB, 4 * MIB], words: 0 })).toBeUndefined();
    expect(faultAt('brevo', { files: [4 * MIB + 1], words: 0 })).toBe(
      'an attachment is larger than the 4.0 MiB that it takes',
    );
  });

  it('a file of 25 MB goes by some of them', () => {
    expect(
      PROVIDERS.filter(({ limit }) => !sizeFault(limit, { files: [25 * MIB], words: 0 })).map(({ kind }) => kind),
    ).toEqual(expect.arrayContaining(['resend', 'ses']));
  });
});
