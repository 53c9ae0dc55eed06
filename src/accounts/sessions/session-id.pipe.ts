import { Injectable, type PipeTransform } from '@nestjs/common';
import { Problem } from '../../core/problems.js';

/** What cannot be the id of a session is not looked up. */
@Injectable()
export class SessionIdPipe implements PipeTransform<string, string> {
  transform(id: string): string {
    if (!/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id)) throw new Problem('session_not_found');
    return id;
  }
}
