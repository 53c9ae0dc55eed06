import { Module } from '@nestjs/common';
import { HeavyMail } from './heavy-mail.js';
import { StoredFiles } from './stored-files.js';

const SERVICES = [StoredFiles, HeavyMail];

/** What messages carry besides their words. */
@Module({ providers: [StoredFiles, { provide: HeavyMail, useFactory: () => new HeavyMail() }], exports: SERVICES })
export class FilesModule {}
