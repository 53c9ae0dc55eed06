import { Injectable, type PipeTransform } from '@nestjs/common';
import { Problem } from '../core/problems.js';

/** What cannot be the id of a challenge is not looked up. */
@Injectable()
export class ChallengeIdPipe implements PipeTransform<string, string> {
  transform(id: string): string {
    if (!/^[\w-]{22}$/.test(id)) throw new Problem('challenge_not_found');
    return id;
  }
}
