import { Global, Module } from '@nestjs/common';
import { Staff } from '../../access/staff.js';
import { AccountsModule } from '../accounts.module.js';
import { AccountStaff } from './staff.js';

/** Tells the rooms below, wherever they ask who is behind an access token; they may not import this one. */
@Global()
@Module({ imports: [AccountsModule], providers: [{ provide: Staff, useClass: AccountStaff }], exports: [Staff] })
export class StaffModule {}
