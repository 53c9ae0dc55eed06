/**
 * What the tests of this file or block change in `values` stands as before when they are over. A worker of Jest loads each
 * module once: short timeouts of one spec would be those of the next one, too.
 */
export function putBackAfterwards(values: object): void {
  const before = { ...values };
  afterAll(() => void Object.assign(values, before));
}
