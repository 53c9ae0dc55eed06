import fc from 'fast-check';
import {
  attachedBytes,
  attachmentFaults,
  type GivenAttachment,
  MOST_ATTACHED,
  MOST_ATTACHMENTS,
  REFUSED_EXTENSIONS,
} from '../../../../src/mail/files/attachment-policy.js';
import { contentTypeOf } from '../../../../src/mail/files/content-type.js';

const PDF: GivenAttachment = { filename: 'invoice.pdf', content: 'JVBERg==' };
const faultsOf = (more: Partial<GivenAttachment>): string[] =>
  attachmentFaults([{ ...PDF, ...more }]).map(({ field, code }) => `${field} ${code}`);

describe('the attachments of a message', () => {
  it('are good as most are sent: a file, a picture of the text, an invitation, an empty file, an upload', () => {
    const uploads = new Map([['u1', { size: 1_000 }]]);
    const attachments: GivenAttachment[] = [
      PDF,
      { ...PDF, filename: 'logo.png', contentType: 'image/png', contentId: 'logo@example.com', inline: true },
      { ...PDF, filename: 'invite.ics', contentType: 'text/calendar; method=REQUEST; charset="utf-8"' },
      { filename: 'empty.txt', content: '' },
      { filename: 'report.xlsx', uploadId: 'u1' },
    ];
    expect(attachmentFaults(attachments, uploads)).toEqual([]);
    expect(attachedBytes(attachments, uploads)).toBe(4 + 4 + 4 + 0 + 1_000);
  });

  it.each(['Приказ № 7.pdf', '請求書.pdf', 'تقرير.docx', '👩‍👩‍👧 photo.jpg', 'no extension', 'a.b.c.tar.gz', '.profile'])(
    'may be named %s',
    (filename) => expect(faultsOf({ filename })).toEqual([]),
  );

  it.each([
    ['nothing', ''],
    ['more than 255 characters', 'x'.repeat(256)],
    ['millions of characters', 'x'.repeat(3_000_000)],
    ['a line break', 'a\r\nBcc: eve@example.com'],
    ['NUL', 'a\0.pdf'],
    ['a separator of lines', 'a\u2028b.pdf'],
    ['a character that turns the direction', 'invoice\u202efdp.scr'],
    ['a path', '../../etc/passwd'],
    ['a path of Windows', 'C:\\invoice.pdf'],
    ['dots alone', '..'],
    ['spaces alone', '   '],
  ])('are not named by %s', (_, filename) => {
    expect(faultsOf({ filename })).toEqual(['attachments.0.filename invalid_filename']);
  });

  it('have 255 characters in their names, whatever the script', () => {
    expect([faultsOf({ filename: '😀'.repeat(255) }), faultsOf({ filename: '😀'.repeat(256) })]).toEqual([
      [],
      ['attachments.0.filename invalid_filename'],
    ]);
  });

  it.each([
    'setup.exe',
    'INVOICE.PDF.SCR',
    'run.bat',
    'a.js',
    'a.jar',
    'a.iso',
    'a.lnk',
    '.hta',
    'a.exe.',
    'a.exe . .',
  ])('are no program such as %s', (filename) =>
    expect(faultsOf({ filename })).toEqual(['attachments.0.filename attachment_type_refused']),
  );

  it('are refused by no more than what Gmail refuses', () => {
    expect(REFUSED_EXTENSIONS.size).toBe(54);
    for (const common of ['zip', 'docm', 'html', 'svg', 'json', 'py', 'sh', 'txt', 'p7m', 'eml'])
      expect(REFUSED_EXTENSIONS.has(common)).toBe(false);
  });

  it.each([
    ['application/pdf', true],
    ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', true],
    ['image/svg+xml', true],
    ['text/plain;charset=utf-8', true],
    ['message/rfc822', true],
    ['pdf', false],
    ['application/', false],
    ['/pdf', false],
    ['application/pdf/x', false],
    ['application/pdf\r\nX-Evil: 1', false],
    ['application/pdf; name="a"b"', false],
    ['application/pdf;', false],
    ['multipart/mixed; boundary=x', false],
    ['Multipart/mixed', false],
    ['приложение/pdf', false],
    [`a/${'b'.repeat(128)}`, false],
  ])('have a type such as %j: %j', (contentType, isType) => {
    expect(faultsOf({ contentType })).toEqual(isType ? [] : ['attachments.0.contentType invalid_content_type']);
  });

  it.each([
    ['base64url', '_-8='],
    ['a data: URL', 'data:application/pdf;base64,JVBERg=='],
    ['a missing pad', 'JVBERg'],
    ['a line break', 'JVBE\r\nRg=='],
    ['spaces', 'JVBE Rg='],
    ['pads in the middle', 'JV==BERg'],
    ['pads alone', '===='],
    ['text', 'hello world!'],
    ['other scripts', 'ЯЯЯЯ'],
  ])('are not given in %s', (_, content) => {
    expect(faultsOf({ content })).toEqual(['attachments.0.content invalid_base64']);
  });

  it('are taken in all base64 that there is, and their bytes counted', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const content = Buffer.from(bytes).toString('base64');
        expect(faultsOf({ content })).toEqual([]);
        expect(attachedBytes([{ ...PDF, content }], new Map())).toBe(bytes.length);
      }),
    );
  });

  it('are looked at in the size that they may have', () => {
    const most = Buffer.alloc(MOST_ATTACHED, 1).toString('base64');
    expect(faultsOf({ content: most })).toEqual([]);
    expect(faultsOf({ content: `${most.slice(0, -8)}!${most.slice(-7)}` })).toEqual([
      'attachments.0.content invalid_base64',
    ]);
  });

  it('have either content or an upload, and one that there is', () => {
    const both = ['attachments.0.content one_of_two'];
    expect(faultsOf({ uploadId: 'u1' })).toEqual(both);
    expect(faultsOf({ content: undefined })).toEqual(both);
    expect(faultsOf({ content: undefined, uploadId: 'gone' })).toEqual(['attachments.0.uploadId upload_not_found']);
  });

  it.each(['', 'a b', '<a@b>', 'a\r\nb', 'é', 'x'.repeat(256)])('are not named %j in the text', (contentId) => {
    expect(faultsOf({ contentId })).toEqual(['attachments.0.contentId invalid_content_id']);
  });

  it('are named in the text once each, and faults say which one they are of', () => {
    const faults = attachmentFaults([
      { ...PDF, contentId: 'a' },
      { ...PDF, contentId: 'b' },
      { ...PDF, contentId: 'a', filename: 'a.exe' },
    ]);
    expect(faults.map(({ field, code }) => [field, code])).toEqual([
      ['attachments.2.filename', 'attachment_type_refused'],
      ['attachments.2.contentId', 'duplicate_content_id'],
    ]);
  });

  it('are 50 at most, and 25 MB together however they come', () => {
    const many = (length: number) => Array.from({ length }, () => PDF);
    expect(attachmentFaults(many(MOST_ATTACHMENTS))).toEqual([]);
    expect(attachmentFaults(many(MOST_ATTACHMENTS + 1))).toMatchObject([{ field: 'attachments', code: 'too_many' }]);
    const uploads = new Map([['u1', { size: MOST_ATTACHED - 4 }]]);
    const upload = { filename: 'a.pdf', uploadId: 'u1' };
    expect(attachmentFaults([PDF, upload], uploads)).toEqual([]);
    expect(attachmentFaults([PDF, PDF, upload], uploads)).toMatchObject([
      { field: 'attachments', code: 'payload_too_large' },
    ]);
  });
});

describe('the type of an attachment without one', () => {
  it.each([
    ['a.pdf', 'application/pdf'],
    ['A.PNG', 'image/png'],
    ['event.ics', 'text/calendar'],
    ['photo.heic', 'image/heic'],
    ['ticket.pkpass', 'application/vnd.apple.pkpass'],
    ['what', 'application/octet-stream'],
    ['a.unheard-of', 'application/octet-stream'],
  ])('of %s is %s', (filename, type) => expect(contentTypeOf(filename)).toBe(type));
});
