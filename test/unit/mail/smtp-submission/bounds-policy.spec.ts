import { Connections, isNear } from '../../../../src/mail/smtp-submission/bounds-policy.js';

describe('connections of clients', () => {
  it('have a place each, some of one network and some of all, and give it back once', () => {
    const connections = new Connections({ connections: 3, connectionsOfOne: 2 });
    const first = connections.take('192.0.2.1')!;
    expect(connections.take('::ffff:192.0.2.1')).toBeDefined();
    expect(connections.take('192.0.2.1')).toBeUndefined();
    expect(connections.take('2001:db8::1')).toBeDefined();
    expect(connections.take('192.0.2.9')).toBeUndefined();
    first();
    first();
    expect(connections.take('192.0.2.9')).toBeDefined();
    expect(connections.take('192.0.2.9')).toBeUndefined();
  });

  it.each([
    ['127.0.0.1', true],
    ['::1', true],
    ['10.1.2.3', true],
    ['172.31.0.1', true],
    ['192.168.1.1', true],
    ['::ffff:10.0.0.1', true],
    ['fd12::1', true],
    ['fe80::1%eth0', true],
    ['169.254.1.1', true],
    ['192.0.2.1', false],
    ['8.8.8.8', false],
    ['::ffff:8.8.8.8', false],
    ['2606:4700::1111', false],
    ['64:ff9b::808:808', false],
    ['100.64.0.1', false],
    ['0.0.0.0', false],
    ['nonsense', false],
    [undefined, false],
  ])('%s is near: %s', (address, near) => {
    expect(isNear(address)).toBe(near);
  });
});
