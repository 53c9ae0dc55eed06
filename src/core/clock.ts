/**
 * What time it is, for everything that is stored or compared with what was stored. One clock decides all of it: that of
 * Postgres, which all processes share. Inside SQL it is `now()`; outside it is this, which a running Otpost provides as
 * `DatabaseClock` (database/database-clock.ts). The clock of a host stamps its log lines and the ids of requests, and
 * judges certificates; nothing that is kept goes by it, and what merely lasts is measured with `performance.now()`.
 *
 * Policies take `now` as an argument, and whoever calls them asks a Clock, so that a test can hold the time. Such a
 * clock may be at any date, hence the second rule: who wrote a time judges it. What a Clock wrote (challenges, limits,
 * budgets, sessions, keys, audit) is compared with a Clock, also by maintenance; what Postgres wrote with `now()` (the
 * times of mail and of webhooks, leases, heartbeats, schedules) is compared in SQL, or with DatabaseClock. What goes
 * from the one to the other goes as a length of time: the mail of a code is given what is left of the code's life.
 *
 * docs/operations.md has the table, and what becomes of a wrong clock.
 */
export abstract class Clock {
  abstract now(): Date;
}
