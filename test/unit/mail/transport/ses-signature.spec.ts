import { AwsV4Signer } from 'aws4fetch';

// The signature version 4 test suite of AWS, whose key, date and scope are the same in every case. The signing is
// aws4fetch's; that what we hand to it is what SES checks, the API of test/support/http/provider-apis.ts works out
// itself.
const CREDENTIALS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const SCOPE = { region: 'us-east-1', service: 'service', datetime: '20150830T123600Z', allHeaders: true };
const HOST = 'https://example.amazonaws.com';

async function signatureOf(method: string, path: string, headers: Record<string, string> = {}, body = '') {
  const signer = new AwsV4Signer({
    method,
    url: HOST + path,
    headers,
    body: Buffer.from(body),
    ...CREDENTIALS,
    ...SCOPE,
  });
  return (await signer.sign()).headers.get('authorization')!.split('Signature=')[1]!;
}

describe('a signature version 4', () => {
  it.each([
    ['get-vanilla', 'GET', '/', {}, '', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    ['post-vanilla', 'POST', '/', {}, '', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    [
      'get-vanilla-query-order-key-case',
      'GET',
      '/?Param2=value2&Param1=value1',
      {},
      '',
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
    [
      'post-x-www-form-urlencoded',
      'POST',
      '/',
      { 'Content-Type': 'application/x-www-form-urlencoded' },
      'Param1=value1',
      'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    ],
    [
      'post-header-key-sort',
      'POST',
      '/',
      { 'My-Header1': 'value1' },
      '',
      'c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c',
    ],
  ])('is that of the case %s', async (_, method, path, headers, body, signature) => {
    expect(await signatureOf(method, path, headers, body)).toBe(signature);
  });

  it('names what it signed, and carries the token of temporary credentials under it', async () => {
    const signer = new AwsV4Signer({
      method: 'POST',
      url: `${HOST}/`,
      body: Buffer.alloc(0),
      ...CREDENTIALS,
      ...SCOPE,
      sessionToken:
        'AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==',
    });
    const { headers } = await signer.sign();
    // The case post-sts-header-before.
    expect(Object.fromEntries(headers)).toEqual({
      'x-amz-date': '20150830T123600Z',
      'x-amz-security-token': expect.stringMatching(/^AQoDYXdz/) as string,
      authorization:
        'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, ' +
        'Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead',
    });
  });
});
