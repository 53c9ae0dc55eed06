import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Patch, Query, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiProperty, ApiPropertyOptional, ApiResponse, ApiTags } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { AccessGuard, Allow, By } from '../../access/access.guard.js';
import { type Role, ROLES } from '../../access/staff.js';
import type { Doer } from '../../audit/audit.js';
import { parseEmailAddress } from '../../core/email-address.js';
import { IsMailAddress } from '../../core/is-mail-address.js';
import { MayBeLeftOut } from '../../core/left-out.js';
import { boundsOf, pageOf, PageQuery } from '../../core/page.js';
import { Problem } from '../../core/problems.js';
import { UUID, uuidPipe } from '../../core/uuid.pipe.js';
import { AccountView } from '../account-view.js';
import { AccountRecords } from './account-records.js';
import { Administrators } from './administrators.js';

const SCOPE = 'Scope admin, or an admin.';
const AccountIdPipe = uuidPipe('account_not_found');

export class AccountsQuery extends PageQuery {
  @ApiPropertyOptional({ format: 'email', example: 'ada@example.com', description: 'Exactly this address' })
  @MayBeLeftOut()
  @IsMailAddress()
  email?: string;

  @ApiPropertyOptional({ enum: ROLES })
  @MayBeLeftOut()
  @IsIn(ROLES)
  role?: Role;
}

export class ChangeAccountRequest {
  @ApiProperty({ enum: ROLES, description: 'Operators read, retry and cancel mail; admins do everything' })
  @IsIn(ROLES)
  role!: Role;
}

export class AccountList {
  @ApiProperty({ type: [AccountView] })
  items!: AccountView[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}

/** Other people's accounts, for admins. */
@ApiTags('accounts')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Allow({ scope: 'admin' })
@Controller('v1/accounts')
export class AccountsAdminController {
  constructor(
    @Inject(AccountRecords) private readonly records: AccountRecords,
    @Inject(Administrators) private readonly administrators: Administrators,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Accounts, newest first', description: SCOPE })
  @ApiResponse({ status: 200, type: AccountList })
  async list(@Query() query: AccountsQuery): Promise<AccountList> {
    const { limit, after } = boundsOf(query, UUID);
    const emailCanonical = query.email === undefined ? undefined : parseEmailAddress(query.email)!.canonical; // validated
    const rows = await this.records.list({ emailCanonical, role: query.role }, { limit: limit + 1, after });
    return pageOf(rows, limit, (account) => AccountView.of(account));
  }

  @Get(':id')
  @ApiOperation({ summary: 'One account', description: SCOPE })
  @ApiResponse({ status: 200, type: AccountView })
  async read(@Param('id', AccountIdPipe) id: string): Promise<AccountView> {
    const account = await this.records.find(id);
    if (!account) throw new Problem('account_not_found');
    return AccountView.of(account);
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Give somebody a role, or take it', description: `${SCOPE} From their next request on. The last administrator stays one.` })
  @ApiResponse({ status: 200, type: AccountView })
  async change(@Param('id', AccountIdPipe) id: string, @Body() { role }: ChangeAccountRequest, @By() by: Doer): Promise<AccountView> {
    const result = await this.administrators.changeRole(id, role, by);
    switch (result.kind) {
      case 'changed':
      case 'unchanged':
        return AccountView.of(result.account);
      case 'not_found':
        throw new Problem('account_not_found');
      case 'last_admin':
        throw new Problem('last_admin');
    }
  }

  @Delete(':id/sessions')
  @HttpCode(204)
  @ApiOperation({ summary: 'Sign somebody out, everywhere', description: `${SCOPE} At once, for the calls of Otpost; other services take an access token until it runs out.` })
  @ApiResponse({ status: 204 })
  async signOut(@Param('id', AccountIdPipe) id: string, @By() by: Doer): Promise<void> {
    if (!(await this.records.signOut(id, by))) throw new Problem('account_not_found');
  }
}
