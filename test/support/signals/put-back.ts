/**
 * What the tests of this file or block change in `values` stands as before when they are over. A worker of Jest loads
 * each module once: short timeouts of one spec would be those of the next one, too.
 */
export function putBackAfterwards(values: object): void {
  const before = { ...values };
  afterAll(() => void Object.assign(values, before));
}

/**
 * No patience, for what will not come, and patience again: what does come may take its time on a busy machine. Who asks
 * is held to what they are when it asks.
 */
export function patience<T extends object>(values: T, without: Partial<T>): { lose: () => void; find: () => void } {
  const names = Object.keys(without) as (keyof T)[];
  const before = Object.fromEntries(names.map((name) => [name, values[name]])) as Partial<T>;
  return { lose: () => void Object.assign(values, without), find: () => void Object.assign(values, before) };
}
