/**
 * `node --import ./tools/prisma/load-typescript.mjs script.mjs` lets a script import TypeScript from src/ without a
 * build, compiled on the way in by the compiler that also builds dist/.
 */
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
