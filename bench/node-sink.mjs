/** `node bench/node-sink.mjs PORT`: takes every message and forgets it. */
import { SMTPServer } from 'smtp-server';

new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS'],
  onData(stream, _session, done) {
    stream.resume();
    stream.on('end', () => done());
  },
}).listen(Number(process.argv[2]), '127.0.0.1');
