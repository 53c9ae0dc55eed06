/**
 * Where time comes from. Policies take `now` as an argument; whoever calls them asks a Clock,
 * so that a test can hold the time. Leases are not judged by it: they use the clock of Postgres, which all workers share.
 */
export abstract class Clock {
  abstract now(): Date;
}

export class SystemClock extends Clock {
  now(): Date {
    return new Date();
  }
}
