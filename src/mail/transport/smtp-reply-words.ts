import { DAY_MS, SECOND_MS } from '../../core/durations.js';

/**
 * What servers say in words alone, or in words that contradict their code. Each pattern names a kind of fault and no
 * provider, and speaks of one side: a reply about the recipient is never taken for one about the sender.
 */

/** All lines without their codes, and without addresses, which may hold any word. */
export function wordsOf(reply: string): string {
  return reply
    .split(/\r?\n/)
    .map((line) => line.replace(/^\d{3}(?:[ -]|$)[ \t]{0,9}(?:#?[245]\.\d{1,3}\.\d{1,3}\b)?/, ''))
    .join(' ')
    .split(/\s+/)
    .filter((word) => !word.includes('@'))
    .join(' ');
}

/**
 * What some say before their reason, whatever it is: RFC 5321 §4.2.2 has these words for 450 and 550, and GMX and IONOS
 * say them before `Sender address is not allowed.` and `Mail send limit exceeded.`
 */
const NO_REASON = /\brequested (?:mail )?action (?:not taken|aborted): mailbox unavailable\b/gi;

/**
 * Words of one reply of one kind: Postfix' `Sender address rejected` (its counterpart is `Recipient address rejected`),
 * Exim's failed call-out (which quotes what another server said of a recipient), Exchange Online's
 * `SendAsDeniedException`, Zoho's `Relaying disallowed as`, GMX' `invalid DNS MX or A/AAAA resource record`.
 */
const OF_SENDER_ALONE =
  /\bsender (?:address rejected|verify failed)\b|\bSendAsDenied|\brelaying disallowed as\b|\binvalid DNS MX\b/i;
/**
 * The sender or the From field, and a verdict: SendGrid `The from address does not match a verified Sender Identity`
 * (twilio.com/docs/sendgrid/for-developers/sending-email/smtp-errors-and-troubleshooting), SMTP2GO `From header sender
 * domain not verified`, Yahoo `From: address not verified`, IONOS `Unauthorized sender address`, Mail.ru `not local
 * sender over smtp`, cPanel `Sender has no A, AAAA, or MX DNS records`.
 */
const SENDER_AND_VERDICT =
  /(?:\bfrom:|\bfrom (?:address|header|domain|e-?mail)\b|\bsender\b).{0,60}?\b(?:rejected|refused|denied|invalid|unverified|does not (?:match|exist|resolve)|has no A\b|(?:not|n't)(?: \w+)? (?:verified|validated|valid|allowed|authori[sz]ed|permitted|confirmed|owned))\b|\b(?:invalid|bad|unroutable|unauthenticated|unauthori[sz]ed|not (?:a )?local) senders?\b/i;
/** Amazon SES `Email address is not verified`, Resend `The example.com domain is not verified`. */
const NOT_VERIFIED = /\b(?:address|domain)(?: is| has)?(?: not|n't)(?: been)? verified\b/i;
/** Fastmail `Not authorised to send from this header address`. */
const MAY_NOT_SEND_AS =
  /\b(?:not|n't)(?: \w+)? (?:allowed|authori[sz]ed|permitted) to send (?:(?:e-?)?mail |messages? )?(?:as|from|on behalf)\b/i;
/**
 * Of whoever logged in, in whose mouth 5.7.x is no policy: Postfix `Sender address rejected: not owned by user`,
 * Exchange `Client does not have permissions to send as this sender`, iCloud `From address is not one of your
 * addresses`, Postmark `not a Sender Signature on your account`, SparkPost `Unconfigured Sending Domain`.
 */
const NOT_OURS =
  /\bsender address rejected: not (?:owned|logged in)\b|\bpermissions? to send as\b|\bnot one of your (?:\w+ )?addresses\b|\baddress does not belong to you\b|\bnot a sender signature\b|\bunconfigured sending domain\b/i;
const RECIPIENT = /\b(?:recipient|mailbox|user)s?\b/i;

/** Whom the mail is from is what the server has against it. */
export function isOfSender(words: string): boolean {
  const reason = words.replaceAll(NO_REASON, '');
  if (OF_SENDER_ALONE.test(reason) || NOT_OURS.test(reason)) return true;
  return [SENDER_AND_VERDICT, NOT_VERIFIED, MAY_NOT_SEND_AS].some((one) => one.test(reason)) && !RECIPIENT.test(reason);
}

/**
 * The account that we log in with may not send as that sender. Nobody else's policy: what a recipient's server has
 * against a sender is worded otherwise.
 */
export function isOfOurSender(words: string): boolean {
  return (
    NOT_OURS.test(words) || ([NOT_VERIFIED, MAY_NOT_SEND_AS].some((one) => one.test(words)) && !RECIPIENT.test(words))
  );
}

/**
 * A login that is wanted, by servers that do not say so with 530: Exim `authentication required`, MailEnable `503 This
 * mail server requires authentication`.
 */
const WANTS_LOGIN = /\bauthentication (?:is )?required\b|\brequires authentication\b/i;

/**
 * Our account, or our host: Amazon SES `Access denied: User … is not authorized to perform ses:SendRawEmail` and
 * `Sending paused for this account` (docs.aws.amazon.com/ses/latest/dg/troubleshoot-smtp.html), Mailgun `Domain … is
 * not allowed to send`, Postfix `Helo command rejected`, cPanel `Invalid HELO name`. "This account is suspended" alone
 * is said of recipients.
 */
export function isOfAccount(words: string): boolean {
  if (WANTS_LOGIN.test(words) && !RECIPIENT.test(words)) return true;
  return /\bnot authorized to perform\b|\bsending (?:is |was |has been )?(?:paused|suspended|disabled)\b|\byour (?:\w+ ){0,3}account\b.{0,60}?\b(?:suspended|disabled|blocked|paused|locked|not (?:yet )?activ)|\bdomain \S+ is not allowed to send:|\bhelo command rejected\b|\b(?:invalid|bad) (?:HELO|EHLO)\b|\bHELO(?:\/EHLO)? invalid\b/i.test(
    words,
  );
}

/** Our host has no name that the server trusts: Postfix, which says it for now and means until somebody mends it. */
export function isOfHost(words: string): boolean {
  return /\bhelo command rejected: (?:host|domain) not found\b|\bclient host rejected: cannot find your\b/i.test(words);
}

const SENDS_TOO_MUCH =
  /\b(?:daily|hourly|monthly|24-hour|sending|submission|outbound)\b.{0,40}?\b(?:quota|limit)|\bsend limit\b|\bSubmissionQuotaExceeded|\bmaximum credits exceeded\b|\bexceeded the max(?:imum)? (?:\w+-?\w* ){1,4}per (?:hour|day)\b|\b(?:messages|e-?mails) per (?:hour|day) limit\b|\b(?:ip|domain|sender|connection) frequency limited\b/i;

/** What our account may send is used up. A limit on what a recipient may get, and one on sizes, is something else. */
export function isOfQuota(words: string): boolean {
  const reason = words.replaceAll(NO_REASON, '');
  return SENDS_TOO_MUCH.test(reason) && !/\brecipient\b|\bmailbox\b|\breceiv|\bsize\b/i.test(reason);
}

/** 5.4.6 is Zoho's for unusual activity, and a mail loop in RFC 3463 §3.5 and at Exchange. */
export function isNoLoop(words: string): boolean {
  return !/\bloop|\bhops?\b/i.test(words);
}

/**
 * It takes mail for such domains from others only. As what relay we use it for is our affair, that is no recipient's
 * fault. qmail: `that domain isn't in my list of allowed rcpthosts`, with 5.5.3 too.
 */
export function refusesToRelay(words: string): boolean {
  return /\brelay(?:ing)?\b.{0,30}?\b(?:denied|disallowed|refused|prohibited|not (?:permitted|allowed))\b|\b(?:unable|not (?:allowed|permitted|configured)) to relay\b|\b(?:do|does|will|can)(?: not|n't|not) relay\b|\b(?:not a|as a) relay\b|\blist of allowed rcpthosts\b/i.test(
    words,
  );
}

/**
 * A list of hosts that ours is on: Exim and cPanel give no enhanced code with `JunkMail rejected - … is in an RBL`,
 * Comcast none with `found on one or more DNSBLs`, Mimecast none with `Poor Reputation Sender`.
 */
const LISTED =
  /\bblocked (?:using\b|- see http)|\b(?:RBL|DNSBL)s?\b|\b(?:in|on|by|at) (?:an? |our |the |your )?(?:\w+ )?(?:black|block)[- ]?list\b|\b(?:black|block)[- ]?listed\b|\b(?:is|are) listed (?:at|by|in|on)\b|\b(?:spamhaus|spamcop)\b|\breputation\b/i;
/**
 * Its address, or what it has no proof of: GMX `Bad DNS PTR resource record`, T-Online `IP=192.0.2.1 - A problem
 * occurred`.
 */
const UNPROVEN =
  /\bDMARC\b|\bSPF\b|\bsender policy framework\b|\bPTR\b|\breverse DNS\b|\brDNS\b|\bclient host (?:blocked|rejected)\b|\bhost network not allowed\b|\b(?:your|sending|source) (?:\w+ ){0,2}(?:IP|host|MTA)\b.{0,60}?\b(?:abus|bann|block|denied|list|refus|reject|spam)|\b(?:by|from) your (?:IP|host|server)\b|\bdynamic IPs?\b|(?:^|\s)IP[=:]\d/i;
/** GMX `Reject due to policy restrictions`, Mimecast `rejected due to security policies`, Yahoo `policy reasons`. */
const BY_POLICY =
  /\bdue to (?:\w+ )?polic(?:y|ies)\b|\bpolicy reasons\b|\b(?:blocked|denied|refused|rejected) by (?:\w+ )?policy\b|\banti-spoofing policy\b/i;

/** A list, a proof or a policy of others. What is taken for spam is the message's own. */
export function isOfPolicy(words: string): boolean {
  return [LISTED, UNPROVEN, BY_POLICY].some((one) => one.test(words));
}

/** What the message says, or carries: Exchange `rejected as spam by Content Filtering`, NetEase `DT:SPM`. */
export function isOfContent(words: string): boolean {
  return /\b(?:spam|junk ?mail|virus|malware|phishing)\b|\bcontent (?:denied|filter|reject)|\bDT:SPM\b/i.test(words);
}

/** RFC 5321 §4.2.2 for 552: `exceeded storage allocation`. Some say it with 5.1.1 (Comcast, Orange). */
export function isMailboxFull(words: string): boolean {
  return /\bover[- ]?quota\b|\bover (?:its |the |their |(?:\w+ )?disk )quota\b|\bquota (?:has been )?exceeded\b|\bquota violation\b|\bexceed(?:ed|ing|s) (?:\w+ ){0,3}(?:quota|storage allocation|disk space)\b|\b(?:mailbox|inbox|mail ?folder)(?: \S+)?(?: is)? full\b|\bfull mailbox\b|\bmailbox (?:\w+ ){1,3}exceeded\b|\bexceed(?:ed|ing|s) (?:\w+ ){0,2}mailbox (?:size|limit)\b|\bQuotaExceededException\b|\bout of storage space\b/i.test(
    words,
  );
}

/** A live mailbox that gets more than its server allows: Gmail, support.google.com/mail/?p=ReceivingRatePerm. */
export function isMailboxBusy(words: string): boolean {
  return /\breceiving mail (?:at a rate|too)\b/i.test(words);
}

/** Of one transfer (RFC 5321 §4.5.3.1.10), not of an hour. */
export function isTooManyRecipients(words: string): boolean {
  return /\btoo many recipients\b(?! (?:received|this|per|in)\b)/i.test(words);
}

const UNIT_MS = { s: SECOND_MS, m: 60 * SECOND_MS, h: 60 * 60 * SECOND_MS, d: DAY_MS };
const ASKED =
  /\b(?:in|after|for|wait)\s+(?:(?:at least|about|another)\s+)?(?:(\d{1,2}):(\d\d):(\d\d)\b|(\d{1,6})\s*(s|m|h|d)(?:ecs?|ins?|rs?|econds?|inutes?|ours?|ays?)?\b(?:,?\s+(?:and\s+)?(\d{1,6})\s*(s|m|h|d)(?:ecs?|ins?|rs?|econds?|inutes?|ours?|ays?)?\b)?)/i;

/**
 * Milliseconds: "try again in 300 seconds", "please wait 5 min", "retry after 1 minute and 20 seconds", and
 * milter-greylist's "come back in 00:04:59". The one thing that no code says. At most a day.
 */
export function waitAskedFor(words: string): number | undefined {
  const [asked, hours, minutes, seconds, ...parts] = ASKED.exec(words) ?? [];
  if (asked === undefined) return undefined;
  const ms =
    hours === undefined
      ? timed(parts[0], parts[1]) + timed(parts[2], parts[3])
      : timed(hours, 'h') + timed(minutes, 'm') + timed(seconds, 's');
  return Math.min(ms, DAY_MS);
}

function timed(count: string | undefined, unit: string | undefined): number {
  return count === undefined ? 0 : Number(count) * UNIT_MS[unit!.toLowerCase() as keyof typeof UNIT_MS];
}
