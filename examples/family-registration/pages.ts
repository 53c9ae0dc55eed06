/** What is known of the mail that carries a code: `delivery` of a verification. */
interface Delivery {
  status: string;
  /** On whose side the trouble is. */
  fault?: 'ours' | 'recipient';
}

/** What people are told, no more than is known: "sent" is not "delivered". By status and fault, or by status alone. */
const WORDS: Record<string, string> = {
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
};

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
  email?: string;
  fault?: string;
}

export function registerPage({ family = '', email = '', fault }: Entered): string {
  return frame(
    'Register your family',
    `${alert(fault)}
  <form method="post" action="/">
    <p><label>Family name <input name="family" required maxlength="80" value="${escaped(family)}"></label></p>
    <p><label>E-mail address <input name="email" type="email" required value="${escaped(email)}"></label></p>
    <button>Send a code</button>
  </form>`,
  );
}

interface Code {
  id: string;
  to: string;
  /** Also in the subject of the mail, so that people pick the right one. */
  reference: string;
  delivery: Delivery;
  /** Where the browser follows the mail; the id is all it takes. */
  baseUrl: string;
  nonce: string;
  fault?: string;
}

export function codePage({ id, to, reference, delivery, baseUrl, nonce, fault }: Code): string {
  const words = WORDS[`${delivery.status} ${delivery.fault}`] ?? WORDS[delivery.status]!;
  return frame(
    'Enter your code',
    `${alert(fault)}
  <p>To ${escaped(to)}, reference <strong>${escaped(reference)}</strong>.</p>
  <p id="delivery" role="status">${words}</p>
  <form method="post" action="/code">
    <p><label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code" required></label></p>
    <button>Register</button>
  </form>
  <form method="post" action="/code/again"><button>Send it again</button></form>
  <p><a href="/">Another address</a></p>
  <script nonce="${nonce}">
    const words = ${JSON.stringify(WORDS)};
    const source = new EventSource(${JSON.stringify(`${baseUrl}/v1/otp/${id}/delivery/events`)});
    source.addEventListener('delivery', ({ data }) => {
      const { status, fault } = JSON.parse(data);
      document.getElementById('delivery').textContent = words[status + ' ' + fault] ?? words[status];
    });
    source.addEventListener('end', () => source.close());
  </script>`,
  );
}

export function welcomePage(family: string, email: string): string {
  return frame('Welcome', `<p>The family ${escaped(family)} is registered with ${escaped(email)}.</p>`);
}
