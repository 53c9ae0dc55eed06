import { redisWords } from '../../../src/queue/redis-state.js';

const refusal = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });
const withCode = (code: string) => Object.assign(new Error('connect 10.0.0.1:6379'), { code });

describe('Why Redis was of no use', () => {
  it.each<[Error, string | undefined]>([
    [withCode('ECONNREFUSED'), 'connection refused (ECONNREFUSED)'],
    [new AggregateError([withCode('ENOTFOUND')]), 'no such host (ENOTFOUND)'],
    [
      refusal("OOM command not allowed when used memory > 'maxmemory'."),
      'it is full and refuses writes; give it more memory (OOM)',
    ],
    [refusal("READONLY You can't write against a read only replica."), 'it is a replica and refuses writes (READONLY)'],
    [
      refusal('MISCONF Redis is configured to save RDB snapshots'),
      'it cannot save to its disk and refuses writes (MISCONF)',
    ],
    [refusal('LOADING Redis is loading the dataset in memory'), 'it is starting up (LOADING)'],
    [refusal('WRONGPASS invalid username-password pair'), 'the password is refused (WRONGPASS)'],
    [refusal('NOVEL something'), 'it refuses writes (NOVEL)'],
    [new Error('Command timed out'), 'no answer in time'],
    [new Error('no answer within 1000 ms'), 'no answer in time'],
    [new Error("Stream isn't writeable and enableOfflineQueue options is false"), undefined],
  ])('is told in plain words, without the text of errors (%#)', (error, words) =>
    expect(redisWords(error)).toBe(words),
  );
});
