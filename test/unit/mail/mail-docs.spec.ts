import { readFile } from 'node:fs/promises';
import { MOST_ATTACHED, MOST_ATTACHMENTS, REFUSED_EXTENSIONS } from '../../../src/mail/files/attachment-policy.js';
import { MOST_METADATA, MOST_TAGS } from '../../../src/mail/submission/draft-policy.js';
import { MOST_HEADERS } from '../../../src/mail/submission/headers-policy.js';
import { MOST_RECIPIENTS } from '../../../src/mail/submission/recipients-policy.js';

describe('docs/mail.md', () => {
  let docs: string;
  beforeAll(async () => {
    docs = (await readFile(new URL('../../../docs/mail.md', import.meta.url), 'utf8')).replaceAll('\n', ' ');
  });

  it('names every type of file that is refused', () => {
    expect(docs).toContain(`${[...REFUSED_EXTENSIONS].join(', ')}.`);
  });

  it('says the numbers that hold', () => {
    expect(docs).toContain(`${MOST_RECIPIENTS} recipients together`);
    expect(docs).toContain(`${MOST_ATTACHMENTS} at most and ${MOST_ATTACHED / 1024 / 1024} MB together`);
    expect(docs).toContain(`${MOST_HEADERS} at most and in one line each`);
    expect(docs).toContain(`up to ${MOST_TAGS} \`tags\``);
    expect(docs).toContain(`and ${MOST_METADATA} texts of your own`);
  });
});
