import { classifySmtpFailure, enhancedCodeOf } from '../../../src/mail/transport/smtp-reply.js';
import type { Outcome } from '../../../src/mail/transport/transport.js';

const KEPT_MS = 345_600_000;
const DAY_MS = 86_400_000;

/** Whom a reply to RCPT or after the dot blames, by what becomes of the message. */
function blamed(response: string, command: string): string {
  const failure = { code: 'EENVELOPE', command, responseCode: Number(response.slice(0, 3)), response };
  const outcome: Outcome = classifySmtpFailure(failure, command === 'DATA' ? 'released' : 'envelope');
  if (outcome.kind === 'failed') return outcome.suppress ? 'address' : outcome.alert ? 'us' : 'message';
  if (outcome.kind !== 'deferred') return outcome.kind;
  const { alert, uncounted, withinMs, errorCode, sameTransport, transport, tooMany } = outcome;
  if (errorCode === 'smtp_quota' || errorCode === 'smtp_sender') {
    expect(outcome).toMatchObject({ alert: true, uncounted: true, withinMs: KEPT_MS });
    return errorCode.slice('smtp_'.length);
  }
  if (uncounted && alert && withinMs === KEPT_MS) return 'account';
  if (withinMs === DAY_MS) return outcome.ofRecipient ? 'mailbox' : 'message';
  if (sameTransport) return 'greylisting';
  if (tooMany) return 'number';
  if (transport?.kind === 'slow') return 'pace';
  return alert ? 'policy' : 'server';
}

/** As servers and providers write them; where one is long, its beginning. */
const WRITTEN: [blamed: string, reply: string, command?: 'DATA'][] = [
  // Senders.
  ['sender', '550 The from address does not match a verified Sender Identity. Mail cannot be sent until this', 'DATA'],
  ['sender', '550 You are not authorized to send from that email address', 'DATA'],
  ['sender', '550 Unauthenticated senders not allowed', 'DATA'],
  ['sender', '553 Relaying disallowed as post@example.com', 'DATA'],
  ['sender', '553 Relaying disallowed as Post <post@example.com>', 'DATA'],
  [
    'sender',
    '554 5.2.252 SendAsDenied; ada@example.com not allowed to send as post@example.com; STOREDRV.Submission',
    'DATA',
  ],
  ['sender', '554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed', 'DATA'],
  ['sender', '550 The example.com domain is not verified. Please, add and verify your domain on https', 'DATA'],
  ['sender', '550-From header sender domain not verified.\n550-On your Settings > Sender Domains page', 'DATA'],
  ['sender', '553 From: <post@example.com> address not verified - see http://help.yahoo.example', 'DATA'],
  ['sender', '553 From: address not verified', 'DATA'],
  ['sender', '554 Message rejected: Email address is not verified. The following identities failed the check', 'DATA'],
  ['sender', '550 5.1.0 <post@example.com>: Sender address rejected: User unknown in local recipient table'],
  ['sender', '550 5.1.0 <user@mailbox.example>: Sender address rejected: not allowed here'],
  ['sender', '550 5.5.2 <post@example>: Sender address rejected: need fully-qualified address'],
  ['sender', '504 5.5.2 <post>: Sender address rejected: need fully-qualified address'],
  ['sender', '550 5.1.8 <post@example.com>: Sender address rejected: Domain not found'],
  ['sender', '450 4.1.8 <post@example.com>: Sender address rejected: Domain not found'],
  ['sender', '451 4.1.7 <post@example.com>: Sender address rejected: unverified address: host said: 450 4.1.1'],
  ['sender', '501 5.1.0 Emetteur invalide. Invalid Sender. OFR004_405 [405]'],
  ['sender', '550 Unroutable sender address'],
  [
    'sender',
    '550-Verification failed for <post@example.com>\n550-Called:   192.0.2.1\n550-Sent:     RCPT TO:<post@example.com>\n' +
      '550-Response: 550 5.1.1 <post@example.com>: Recipient address rejected: User unknown\n550 Sender verify failed',
  ],
  ['sender', '550 5.2.0 <post@example.com> From: Domain is invalid. Please provide a valid From: IB506', 'DATA'],
  ['sender', '550 5.1.0 192.0.2.2 is not allowed to send from <example.com> per its SPF Record.', 'DATA'],
  // What is said before the reason is none.
  ['sender', '550-Requested action not taken: mailbox unavailable\n550 Sender address is not allowed.', 'DATA'],
  ['sender', '554-Transaction failed\n554-Unauthorized sender address.\n554 For explanation visit', 'DATA'],
  ['sender', '550 not local sender over smtp'],
  ['sender', '550-Sender has no A, AAAA, or MX DNS records. mail.example.com l\n550 Verify mail'],
  [
    'sender',
    '550-Requested action not taken: mailbox unavailable\n550 invalid DNS MX or A/AAAA resource record',
    'DATA',
  ],
  // Of whoever logged in, 5.7.x or not.
  ['sender', '553 5.7.1 <post@example.com>: Sender address rejected: not owned by user shop@example.com'],
  ['sender', '553 5.7.1 <post@example.com>: Sender address rejected: not logged in'],
  ['sender', '550 5.7.60 SMTP; Client does not have permissions to send as this sender', 'DATA'],
  ['sender', '550 5.7.0 From address is not one of your addresses', 'DATA'],
  ['sender', '551 5.7.1 Not authorised to send from this header address', 'DATA'],
  ['sender', "550 5.7.1 The 'From' address you supplied (a@b) is not a Sender Signature on your account", 'DATA'],
  ['sender', '550 5.7.1 Unconfigured Sending Domain <example.com>', 'DATA'],
  ['policy', '554 5.7.1 <post@example.com>: Sender address rejected: Access denied'],
  ['policy', '550-5.7.26 This mail has been blocked because the sender is unauthenticated.', 'DATA'],
  ['policy', '550 5.7.515 Access denied, sending domain example.com does not meet the required level.', 'DATA'],
  ['policy', '550 5.7.1 Rejected by header based manually Blocked Senders', 'DATA'],
  // Not senders, though the words are there.
  ['message', '550-Requested action not taken: mailbox unavailable\n550 For explanation visit https://postmaster'],
  ['address', '550 5.1.1 <ada@example.com>: Recipient address rejected: undeliverable: sender verify failed'],
  ['address', '550 5.1.1 The account does not exist, or the sender is not allowed to write to it'],
  ['message', "550 Recipient refuses: the sender isn't on the recipient's list, address not verified"],
  ['message', "550 This user's mailbox takes no mail from addresses that are not verified"],
  ['message', '550 This mailbox is not allowed to get mail: sender rejected'],
  ['message', '550 No such user (ada@example.com)'],
  ['message', '550 5.1.0 Address rejected.'],
  ['message', '550 Message from 192.0.2.1 rejected'],
  ['message', '550 Suspected spam sender.', 'DATA'],
  ['us', '504 5.5.2 <ada>: Recipient address rejected: need fully-qualified address'],
  // Accounts and hosts.
  [
    'account',
    "554 Access denied: User `arn:aws:iam::1:user/x' is not authorized to perform `ses:SendRawEmail'",
    'DATA',
  ],
  ['account', '554 Sending paused for this account. For more information, please check the inbox', 'DATA'],
  ['account', '550 Your SMTP account has been suspended', 'DATA'],
  ['account', '504 5.5.2 <web-1>: Helo command rejected: need fully-qualified hostname'],
  ['account', '550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)'],
  ['account', '550 HELO/EHLO invalid'],
  ['account', '450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]'],
  ['account', '450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]'],
  ['account', '450 4.7.1 <web-1>: Helo command rejected: Host not found'],
  ['account', '550 authentication required'],
  ['account', '503 This mail server requires authentication when attempting to send to a non-local e-mail address.'],
  [
    'account',
    '550 Domain mg.example.com is not allowed to send: Sandbox subdomains are for test purposes only',
    'DATA',
  ],
  ['message', '550 Authentication is required to write to this mailbox'],
  ['greylisting', '450 4.7.1 <web-1>: Helo command rejected: Greylisted, come back later'],
  ['policy', '502 5.7.0 Your SMTP account is not yet activated. Please contact us', 'DATA'],
  [
    'message',
    "554 delivery error: dd Sorry your message to ada@example.com can't be delivered. This account is suspended",
  ],
  ['message', '550 5.2.1 This mailbox has been blocked due to inactivity'],
  // Quotas.
  [
    'quota',
    '550 5.1.90 Your message can’t be sent because you’ve reached your daily limit for message recipients',
    'DATA',
  ],
  ['quota', '550 5.7.233 Your message can’t be sent because your tenant exceeded its daily limit for sending', 'DATA'],
  ['quota', '554 5.2.2 Submission quota exceeded', 'DATA'],
  ['quota', '554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process', 'DATA'],
  ['quota', '550 User post@example.com has exceeded its 24-hour sending limit. Messages to 250 recipients', 'DATA'],
  ['quota', "554 relay.example : CAT : You've reached your daily relay quota - 203.0.113.0"],
  ['quota', '550 Domain example.com has exceeded the max emails per hour (50/50 (100%)) allowed.', 'DATA'],
  ['quota', '550 Maximum credits exceeded', 'DATA'],
  ['quota', '550 5.4.6 Unusual sending activity detected.', 'DATA'],
  [
    'quota',
    '550-Domain example.com has exceeded the max defers and failures per hour (5/5 (100%))\n550 allowed.',
    'DATA',
  ],
  ['quota', '550 5.7.1 Daily SMTP relay limit exceeded for user.', 'DATA'],
  ['quota', '554 5.7.0 You have exceeded the messages per day limit', 'DATA'],
  ['quota', '550 Connection frequency limited', 'DATA'],
  [
    'quota',
    '450-Requested mail action not taken: mailbox unavailable\n450-Mail send limit exceeded.\n450 For explanation visit',
  ],
  ['quota', '451 4.7.1 <post@example.com>: Sender address rejected: Hourly sending limit exceeded'],
  ['quota', '420 4.7.1 Exceeded sending limit (daily)', 'DATA'],
  ['quota', '451 Account outbound limits exceeded'],
  ['number', '452 4.5.3 Too many recipients; the sending limit is 100 a transfer'],
  ['message', '554 5.4.6 Hop count exceeded - possible mail loop', 'DATA'],
  [
    'message',
    '554 5.2.122 The recipient has exceeded their limit for the number of messages they can receive per hour',
  ],
  ['message', '550 The recipient has exceeded the daily limit'],
  ['message', '552 Message size exceeds the hourly sending limit', 'DATA'],
  ['message', '552 You cannot send attachments over the 25 MB limit', 'DATA'],
  // Relaying.
  ['policy', '454 4.7.1 <ada@example.com>: Relay access denied'],
  ['policy', '451 4.7.1 <ada@example.com>: Relay access denied'],
  ['policy', '554 5.7.1 <ada@example.com>: Relay access denied'],
  ['policy', '550 relaying denied for <ada@example.com>'],
  ['policy', '550 relay not permitted'],
  ['policy', '550 5.4.1 Relay Access Denied'],
  ['message', '550 5.4.1 [ada@example.com]: Recipient address rejected: Access denied'],
  ['policy', '551 we do not relay'],
  ['policy', '551 This is not a relay host'],
  ['address', '551 User not local; please try <forward-path>'],
  ['policy', "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"],
  ['policy', "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.5.3 - chkuser)"],
  ['pace', '454 4.7.1 Too many messages'],
  // Policy, whatever the reply code.
  ['policy', '521-5.7.1 Service unavailable; client [203.0.113.225] blocked\n521 5.7.1 Please see'],
  ['policy', '552 5.7.1 virus detected', 'DATA'],
  ['policy', '571 5.7.1 Delivery not authorized, message refused'],
  ['policy', '540 5.7.1 <ada@example.com>: recipient address rejected: Blocked'],
  ['policy', '554 Service unavailable; Client host [192.0.2.1] blocked using Barracuda Reputation'],
  ['policy', '550-JunkMail rejected - host.example [192.0.2.1] is in an RBL: https://rbl.example'],
  ['policy', '550 Rejected because 192.0.2.1 is in a black list at zen.spamhaus.org', 'DATA'],
  ['policy', '554-Transaction failed\n554-Reject due to policy restrictions.\n554 For explanation visit', 'DATA'],
  ['policy', '550 Email rejected due to security policies - https://community.mimecast.example/docs/DOC-1369#550'],
  ['policy', '550 Rejected by header based Anti-Spoofing policy: example.com'],
  ['policy', '550 Message rejected: DMARC policy of example.com', 'DATA'],
  ['policy', '550 5.2.1 Mailbox unavailable. Your IP address 192.0.2.1 is blacklisted using SPAMHAUS-XBL.'],
  ['policy', '550 Black listed at hostkarma http://ipadmin.example/remove.php?ip=192.0.2.1'],
  ['policy', '554 mx.comcast.example 192.0.2.1 found on one or more DNSBLs, see http://postmaster.example'],
  ['policy', '550 Rejected: 192.0.2.1 is listed at work.drbl.example.net'],
  ['policy', '550 csi.mimecast.example Poor Reputation Sender. - https://community.mimecast.example/docs/DOC-1369'],
  ['policy', "554 Your access to this mail system has been rejected due to the sending MTA's poor reputation."],
  ['policy', '554 5.5.4 Your IP 192.0.2.1 address has a bad reputation. To unblock visit http://cloud.example'],
  [
    'policy',
    '554 IP=192.0.2.1 - A problem occurred. (Ask your postmaster for help or to contact tosa@rx.example) (BL)',
  ],
  ['policy', '554 Blocked - see https://ipcheck.proofpoint.example/?ip=192.0.2.1'],
  ['policy', '550 client host rejected: may not be mail exchanger'],
  ['policy', '551 Server access forbidden by invalid RDNS record of your mail server (192.0.2.1).'],
  ['policy', '571 No PTR Record found. Reverse DNS required: 192.0.2.1'],
  ['policy', '554 Comcast requires that all mail servers must have a PTR record with a valid Reverse DNS entry.'],
  ['policy', '550 Bad SPF records for [example.com:192.0.2.1], see http://spf.example'],
  [
    'policy',
    '554 Message not allowed - [PH01] Email not accepted for policy reasons. Please visit https://help.example',
    'DATA',
  ],
  ['policy', '550 Denied by policy'],
  ['policy', '550 not currently accepting mail from your IP'],
  ['message', '550 spam message rejected. Please visit http://help.example', 'DATA'],
  ['message', '550 Unknown user'],
  [
    'message',
    "554 delivery error: dd This user doesn't have a y.example account (ada@example.com) [0] - mta1397.y.example",
  ],
  ['message', '550 User ada (ada@example.com) not listed in Domino Directory'],
  [
    'message',
    '550-Requested action not taken: mailbox unavailable\n550 http://postmaster.gmx.example/?ip=192.0.2.1&c=unk',
  ],
  ['address', '550 5.1.1 unknown or illegal alias: ada@example.com'],
  [
    'address',
    '550-5.1.1 The email account that you tried to reach does not exist. Please try\n550-5.1.1 double-checking',
  ],
  ['message', '550 Requested action not taken: mailbox unavailable (S2017062302). [AM4EUR1.mail.protection.example]'],
  ['message', '550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).'],
  ['message', '521 mail.example does not accept mail'],
  // Mailboxes.
  ['mailbox', '550 5.2.2 <ada@example.com>... Mailbox Full'],
  ['mailbox', '554 5.2.2 <ada@example.com>: Recipient address rejected: Quota exceeded (mailbox for user is full)'],
  ['mailbox', '552-5.2.2 The recipient’s inbox is out of storage space and inactive.\n552 5.2.2 see'],
  ['mailbox', '450 4.2.2 <ada@example.com>... Mailbox Full'],
  ['mailbox', '451 4.2.2 over quota'],
  ['mailbox', '452 4.2.2 The email account that you tried to reach is over quota.'],
  ['mailbox', '552 mailbox full'],
  ['mailbox', '552 Mailbox for ada@example.com is full'],
  ['mailbox', '552 Requested mail action aborted: exceeded storage allocation'],
  ['mailbox', '552 Error: disk quota exceeded'],
  ['mailbox', '450 mailbox is full'],
  ['mailbox', '452 4.1.1 <ada@example.com> user over quota'],
  ['mailbox', '550 User over quota. (#5.1.1)'],
  ['mailbox', '552 5.1.1 Boite du destinataire pleine. Recipient overquota. OFR_417 [417]'],
  [
    'mailbox',
    '550-5.2.1 The user you are trying to contact is receiving mail at a rate that\n550-5.2.1 prevents additional messages',
  ],
  ['mailbox', '554 5.2.0 STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded', 'DATA'],
  ['mailbox', '552 Mailbox size limit exceeded'],
  ['mailbox', '550 mailbox has exceeded the limit'],
  ['message', '552 Message size exceeds fixed limit', 'DATA'],
  ['message', '552 5.2.3 Message length exceeds limit set by recipient', 'DATA'],
  ['message', '550 5.2.1 The email account that you tried to reach is disabled.'],
  // Too many, for now and not now.
  ['number', '452 4.5.3 Too many recipients'],
  ['number', '451 4.5.3 Too many recipients'],
  ['number', '550 5.5.3 Too many recipients'],
  ['number', '452 Too many recipients'],
  ['number', '552 Too many recipients'],
  ['server', '452 Too many recipients received this hour'],
  ['server', '451 4.3.0 Mail server temporarily rejected message.'],
  ['server', '450 4.3.2 Service currently unavailable'],
  ['server', '451 4.4.0 Message failed to be replicated: No healthy secondary server available'],
  ['server', '451 4.4.3 Temporary server error. Please try again later'],
  // Greylisting stays what it is.
  ['greylisting', '451 4.7.1 Greylisting in action, please come back in 00:04:59'],
  ['greylisting', '450 4.2.0 <ada@example.com>: Recipient address rejected: Greylisted for 60 seconds'],
  ['greylisting', '450 4.2.0 <post@example.com>: Sender address rejected: Greylisted for 60 sec.'],
  ['greylisting', '450 4.2.1 The user you are trying to contact is receiving mail at a rate that'],
  ['greylisting', '450 4.1.1 <ada@example.com>: Recipient address rejected: unverified address: in progress'],
  ['greylisting', '451 Temporary local problem - please try later'],
  ['greylisting', '450 try again later'],
  ['greylisting', '450 Ratelimit exceeded for mailbox'],
];
const REPLIES = WRITTEN.map(([whom, reply, command = 'RCPT TO']) => [whom, reply, command] as const);

describe('a real reply', () => {
  it.each(REPLIES)('blames the %s: %s', (whom, reply, command) => {
    expect(blamed(reply, command)).toBe(whom);
  });

  it.each(REPLIES.filter(([, reply]) => reply.startsWith('5')))(
    'suppresses nobody unless it says that there is no such address (%s: %s)',
    (whom, reply, command) => {
      const failure = { code: 'EENVELOPE', command, responseCode: Number(reply.slice(0, 3)), response: reply };
      const outcome = classifySmtpFailure(failure, command === 'DATA' ? 'released' : 'envelope');
      expect('suppress' in outcome).toBe(whom === 'address');
    },
  );
});

describe('the enhanced code of a reply', () => {
  it.each([
    ['550 5.7.1 no', '5.7.1'],
    ['550-5.7.1 no\n550 5.7.1 really', '5.7.1'],
    ['550  5.7.1 a blank too many', '5.7.1'],
    ['550 #5.7.1 Exchange', '5.7.1'],
    ['550-The message\r\n550-was refused\r\n550 5.7.26 unauthenticated', '5.7.26'],
    ['553 sorry, that domain is not in my list (#5.7.1)', '5.7.1'],
    ['550 sorry, no mailbox here by that name (#5.1.1 - chkusr)', '5.1.1'],
    ['550 5.7.1', '5.7.1'],
    ['550 no', ''],
    ['550 see 5.1.1', ''],
    ['550 5.1.1.2 is the version', ''],
    ['451 try again later [#4.16.1]', ''],
    ['550 host said: 550 5.1.1 nobody', ''],
    ['550-Response: 550 5.1.1 nobody\n550 Sender verify failed', ''],
    ['', ''],
  ])('%j is %j', (reply, code) => {
    expect(enhancedCodeOf(reply)).toBe(code);
  });
});

describe('the wait that a server asks for in words', () => {
  const SECOND = 1_000;
  it.each([
    ['come back in 300 seconds', 300 * SECOND],
    ['retry after 300 seconds', 300 * SECOND],
    ['try again after 5 min', 300 * SECOND],
    ['try again in 2 hours', 7_200 * SECOND],
    ['Greylisted for 45s', 45 * SECOND],
    ['Greylisted for 5 minutes', 300 * SECOND],
    ['Please wait 60 seconds', 60 * SECOND],
    ['please wait at least 5 minutes', 300 * SECOND],
    ['please wait for another 90 secs', 90 * SECOND],
    ['try again in 00:04:59', 299 * SECOND],
    ['come back in 1:00:00', 3_600 * SECOND],
    ['try again in 1 minute and 20 seconds', 80 * SECOND],
    ['try again in 4 min 59 sec', 299 * SECOND],
    ['try again\n450-4.2.0 in 90\n450 4.2.0 seconds', 90 * SECOND],
    ['try again in 1 day', 86_400 * SECOND],
    ['try again in 99 hours', 86_400 * SECOND],
    ['try again in 99:59:59', 86_400 * SECOND],
    ['come back in a while', undefined],
    ['come back in 12 moons', undefined],
    ['come back after 10:30', undefined],
    ['wait after 3 attempts', undefined],
    ['for 5 messages', undefined],
  ])('%j', (words, afterMs) => {
    const response = `450-4.2.0 ${words}`;
    const failure = { code: 'EENVELOPE', command: 'RCPT TO', responseCode: 450, response };
    const outcome = classifySmtpFailure(failure, 'envelope');
    expect(outcome).toMatchObject({ kind: 'deferred', reply: response });
    expect('afterMs' in outcome ? outcome.afterMs : undefined).toBe(afterMs);
  });
});
