export type Channel = 'email' | 'sms';

/** What is known of the message that carries a code: `delivery` of a verification. */
export interface Delivery {
  status: string;
  /** On whose side the trouble is. */
  fault?: 'ours' | 'recipient';
}

/** What people are told, no more than is known: "sent" is not "delivered". By status and fault, or by status alone. */
const WORDS: Record<Channel, Record<string, string>> = {
  email: {
    queued: 'Your code is on its way.',
    sending: 'Your code is on its way.',
    sent: 'The mail has left our house. It should be with you within a minute; look among spam too.',
    delivered: 'The mail is in your mailbox.',
    deferred: 'We could not send the mail yet. We keep trying; you need not do anything.',
    'deferred recipient': 'The mail server of this address does not take the mail yet. We keep trying.',
    unknown: 'The mail may or may not arrive. If it does not, have it sent again.',
    failed: 'We cannot send mail at the moment. Please try again later.',
    'failed recipient': 'No mail reaches this address. Is it spelled correctly?',
    bounced: 'The mail came back. Please try again later.',
    'bounced recipient': 'No mail reaches this address. Is it spelled correctly?',
    expired: 'The mail could not be sent in time. Please begin again.',
  },
  sms: {
    queued: 'Your code is on its way.',
    sending: 'Your code is on its way.',
    sent: 'The text has left our house. It should be with you within a minute.',
    delivered: 'The operator says that the text has arrived.',
    deferred: 'We could not send the text yet. We keep trying; you need not do anything.',
    unknown: 'The text may or may not arrive. If it does not, have it sent again.',
    failed: 'We cannot send this text. Have the code sent by e-mail instead.',
    'failed recipient': 'No text reaches this number. Is it right?',
    bounced: 'The operator says that the text did not arrive. Is the number right, and the phone switched on?',
    expired: 'The text could not be sent in time. Please begin again.',
  },
};

function wordsOf(channel: Channel, { status, fault }: Delivery): string {
  return WORDS[channel][`${status} ${fault}`] ?? WORDS[channel][status] ?? '';
}

/** Of a message that the other channel took over from: what had not left by then is taken back. */
function wordsOfFormer(channel: Channel, delivery: Delivery): string {
  const left = !['failed', 'expired'].includes(delivery.status) || delivery.fault === 'recipient';
  return left ? wordsOf(channel, delivery) : 'It did not leave our house.';
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const frame = (title: string, main: string): string => `<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <title>${title}</title>
  <style>body { max-width: 30rem; margin: 3rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif }</style>
  <h1>${title}</h1>
  ${main}
</html>`;

const alert = (fault: string | undefined): string => (fault ? `<p role="alert">${escaped(fault)}</p>` : '');

interface Entered {
  family?: string;
  channel?: Channel;
  email?: string;
  phone?: string;
  fault?: string;
}

export function registerPage({ family = '', channel = 'email', email = '', phone = '', fault }: Entered): string {
  const choice = (of: Channel, label: string) =>
    `<label><input type="radio" name="channel" value="${of}"${of === channel ? ' checked' : ''}> ${label}</label>`;
  return frame(
    'Register your family',
    `${alert(fault)}
  <style>form:has([value=email]:checked) .sms, form:has([value=sms]:checked) .email { display: none }</style>
  <form method="post" action="/">
    <p><label>Family name <input name="family" required maxlength="80" value="${escaped(family)}"></label></p>
    <fieldset><legend>Send the code by</legend> ${choice('email', 'e-mail')} ${choice('sms', 'SMS')}</fieldset>
    <p class="email"><label>E-mail address <input name="email" type="email" value="${escaped(email)}"></label></p>
    <p class="sms"><label>Mobile number, with its country ${phoneInput('phone', phone)}</label></p>
    <button>Send a code</button>
  </form>`,
  );
}

const phoneInput = (name: string, value = ''): string =>
  `<input name="${name}" type="tel" autocomplete="tel" placeholder="+63 917 123 4567" value="${escaped(value)}">`;

interface Code {
  id: string;
  /** Where the code went, and where it went by the other channel. */
  to: string;
  alsoTo?: string;
  /** By which the newest copy went: `delivery` is of that one. */
  channel: Channel;
  delivery: Delivery;
  /** Where it went both ways: of the newest copy by each. */
  deliveries?: Record<Channel, Delivery>;
  /** Also in the message, so that people pick the right one. */
  reference: string;
  /** Where the browser follows the message; the id is all it takes. */
  baseUrl: string;
  nonce: string;
  fault?: string;
}

export const channelOf = (to: string): Channel => (to.includes('@') ? 'email' : 'sms');

export function codePage({
  id,
  to,
  alsoTo,
  channel,
  delivery,
  deliveries,
  reference,
  baseUrl,
  nonce,
  fault,
}: Code): string {
  const [newest, other] = channelOf(to) === channel ? [to, alsoTo] : [alsoTo ?? to, to];
  const otherChannel: Channel = channel === 'email' ? 'sms' : 'email';
  return frame(
    'Enter your code',
    `${alert(fault)}
  <p>To ${escaped(newest)}, reference <strong>${escaped(reference)}</strong>.</p>
  <p id="delivery" role="status">${wordsOf(channel, delivery)}</p>
  ${deliveries && other ? `<p id="former">Before that to ${escaped(other)}: ${wordsOfFormer(otherChannel, deliveries[otherChannel])}</p>` : ''}
  <form method="post" action="/code">
    <p><label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code" required></label></p>
    <button>Register</button>
  </form>
  <form method="post" action="/code/again"><button>Send it again</button></form>
  <form method="post" action="/code/instead">${insteadFields(otherChannel, other)}</form>
  <p><a href="/">Another address or number</a></p>
  <script nonce="${nonce}">
    const words = ${JSON.stringify(WORDS[channel])};
    const source = new EventSource(${JSON.stringify(`${baseUrl}/v1/otp/${id}/delivery/events`)});
    source.addEventListener('delivery', ({ data }) => {
      const { status, fault } = JSON.parse(data);
      document.getElementById('delivery').textContent = words[status + ' ' + fault] ?? words[status];
    });
    source.addEventListener('end', () => source.close());
  </script>`,
  );
}

/** @param known where the code went by that channel before */
function insteadFields(channel: Channel, known: string | undefined): string {
  const button = `<button>Send it by ${channel === 'email' ? 'e-mail' : 'SMS'} instead</button>`;
  if (known !== undefined) return button;
  return channel === 'email'
    ? `<label>E-mail address <input name="to" type="email" required></label> ${button}`
    : `<label>Mobile number, with its country ${phoneInput('to')}</label> ${button}`;
}

/** @param contacts to one of which they have access, if there are two */
export function welcomePage(family: string, contacts: readonly string[]): string {
  return frame('Welcome', `<p>The family ${escaped(family)} is registered with ${escaped(contacts.join(' or '))}.</p>`);
}
