import { hostname } from 'node:os';

/** Names this process in the timeline of a message. */
export const WORKER_NAME = `${hostname()}:${process.pid}`;
