/**
 * The SMTP server of the bench, in a process of its own (`fork`): takes every message and forgets it. Its clock is the
 * measure of all who deliver to it: milliseconds of CLOCK_MONOTONIC, which the processes of one machine share.
 *
 * Told by messages: `{ reset: { delayMs, names } }` (each reply waits so long; of those whose address begins with
 * `names` it tells that they got mail, and when), `{ expect: count }`. Tells `{ port }`, `{ arrived, at }`, `{ seen: {
 * count, first, last } }` once `count` are in.
 */
import { createServer } from 'node:net';

const END = Buffer.from('\r\n.\r\n');
const now = () => Number(process.hrtime.bigint()) / 1e6;
let [delayMs, names, expected] = [0, undefined, Number.POSITIVE_INFINITY];
let [count, first, last] = [0, 0, 0];

function tellIfAll() {
  if (count < expected) return;
  expected = Number.POSITIVE_INFINITY;
  process.send({ seen: { count, first, last } });
}

function took(recipients) {
  last = now();
  count++;
  if (names !== undefined)
    for (const arrived of recipients) if (arrived.startsWith(names)) process.send({ arrived, at: last });
  tellIfAll();
}

/** RFC 5321, as much of it as a client that means well asks for; PIPELINING (RFC 2920), as Postfix and Exim have it. */
function serve(socket) {
  let buffer = Buffer.alloc(0);
  let inData = false;
  let recipients = [];
  const reply = (text, then) => {
    const send = () => {
      if (socket.writable) socket.write(`${text}\r\n`);
      then?.();
    };
    if (delayMs > 0) setTimeout(send, delayMs);
    else send();
  };
  const command = (line) => {
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === 'EHLO')
      return reply('250-sink\r\n250-PIPELINING\r\n250-SIZE 40000000\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME');
    if (verb === 'HELO' || verb === 'NOOP') return reply('250 2.0.0 ok');
    if (verb === 'MAIL') {
      if (first === 0) first = now();
      recipients = [];
      return reply('250 2.1.0 ok');
    }
    if (verb === 'RCPT') {
      recipients.push(/<(.*?)>/.exec(line)?.[1] ?? '');
      return reply('250 2.1.5 ok');
    }
    if (verb === 'DATA') {
      inData = true;
      return reply('354 go on');
    }
    if (verb === 'RSET') return reply('250 2.0.0 ok');
    if (verb === 'QUIT') return reply('221 2.0.0 bye', () => socket.end());
    return reply('502 5.5.1 unknown');
  };
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    buffer = buffer.length === 0 ? chunk : Buffer.concat([buffer, chunk]);
    for (;;) {
      if (inData) {
        const end = buffer.indexOf(END);
        if (end < 0) {
          // What cannot be a part of the end is not needed.
          buffer = buffer.subarray(Math.max(0, buffer.length - END.length + 1));
          return;
        }
        buffer = buffer.subarray(end + END.length);
        inData = false;
        const those = recipients;
        reply('250 2.0.0 taken', () => took(those));
        continue;
      }
      const end = buffer.indexOf('\r\n');
      if (end < 0) return;
      const line = buffer.toString('latin1', 0, end);
      buffer = buffer.subarray(end + 2);
      command(line);
    }
  });
  reply('220 sink ESMTP');
}

process.on('message', ({ reset, expect }) => {
  if (reset) {
    [delayMs, names, expected] = [reset.delayMs ?? 0, reset.names, Number.POSITIVE_INFINITY];
    [count, first, last] = [0, 0, 0];
    process.send({ reset: true });
  }
  if (expect !== undefined) {
    expected = expect;
    tellIfAll();
  }
});
process.on('disconnect', () => process.exit());
const server = createServer(serve).listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
