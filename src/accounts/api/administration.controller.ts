import { Body, Controller, Delete, Get, Param, Patch, Query, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiProperty, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { AccessGuard, Allow, By, Caller, type CallerIdentity, inWords } from '../../access/access.guard.js';
import { type AccountRole, ACCOUNT_ROLES } from '../../access/access-policy.js';
import type { Doer } from '../../audit/audit.js';
import { parseEmailAddress } from '../../core/email-address.js';
import { UUID, uuidPipe } from '../../core/ids.js';
import { IsMailAddress, MayBeLeftOut } from '../../core/input.js';
import { Operation } from '../../core/operation.js';
import { boundsOf, pageOf, PageQuery } from '../../core/page.js';
import { Problems } from '../../core/problem-docs.js';
import { Problem } from '../../core/problems.js';
import { WORD } from '../../core/shapes.js';
import { AccountRecords, Administrators } from '../administration/administrators.js';
import { Sessions } from '../sessions/sessions.js';
import { AccountView, SessionListView, SessionView } from './views.js';

const SCOPE = inWords({ scope: 'admin' });
const SEES = { scope: 'admin', role: 'viewer' } as const;
const SEES_IN_WORDS = inWords(SEES);
const AccountIdPipe = uuidPipe('account_not_found');

class AccountsQuery extends PageQuery {
  @ApiPropertyOptional({ format: 'email', example: 'ada@example.com', description: 'Exactly this address' })
  @MayBeLeftOut()
  @IsMailAddress()
  email?: string;

  @ApiPropertyOptional({ enum: ACCOUNT_ROLES })
  @MayBeLeftOut()
  @IsIn(ACCOUNT_ROLES)
  role?: AccountRole;
}

class ChangeAccountRequest {
  @ApiProperty({
    enum: ACCOUNT_ROLES,
    description: 'Viewers see everything and change nothing; operators retry and cancel mail; admins do everything',
  })
  @IsIn(ACCOUNT_ROLES)
  role!: AccountRole;
}

class AccountList {
  @ApiProperty({ type: [AccountView] })
  items!: AccountView[];

  @ApiProperty(WORD)
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
    private readonly records: AccountRecords,
    private readonly administrators: Administrators,
    private readonly sessions: Sessions,
  ) {}

  @Get()
  @Allow(SEES)
  @Operation(200, AccountList, { summary: 'Accounts, newest first', description: SEES_IN_WORDS })
  async list(@Query() query: AccountsQuery): Promise<AccountList> {
    const { limit, after } = boundsOf(query, UUID);
    const emailCanonical = query.email === undefined ? undefined : parseEmailAddress(query.email)!.canonical; // validated
    const rows = await this.records.list({ emailCanonical, role: query.role }, { limit: limit + 1, after });
    return pageOf(rows, limit, (account) => AccountView.of(account));
  }

  @Get(':id')
  @Allow(SEES)
  @Operation(200, AccountView, { summary: 'One account', description: SEES_IN_WORDS })
  @Problems('account_not_found')
  async read(@Param('id', AccountIdPipe) id: string): Promise<AccountView> {
    const account = await this.records.find(id);
    if (!account) throw new Problem('account_not_found');
    return AccountView.of(account);
  }

  @Patch(':id')
  @Operation(200, AccountView, {
    summary: 'Give somebody a role, or take it',
    description: `${SCOPE} From their next request on. The last administrator stays one.`,
  })
  @Problems('account_not_found', 'last_admin')
  async change(
    @Param('id', AccountIdPipe) id: string,
    @Body() { role }: ChangeAccountRequest,
    @By() by: Doer,
  ): Promise<AccountView> {
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

  @Get(':id/sessions')
  @Allow(SEES)
  @Operation(200, SessionListView, {
    summary: 'Where somebody is signed in',
    description: `${SEES_IN_WORDS} The last used first.`,
  })
  @Problems('account_not_found')
  async signedIn(@Param('id', AccountIdPipe) id: string, @Caller() caller: CallerIdentity): Promise<SessionListView> {
    if (!(await this.records.find(id))) throw new Problem('account_not_found');
    const own = caller.kind === 'member' ? caller.member.sessionId : '';
    const sessions = await this.sessions.list(id);
    return { items: sessions.map((session) => SessionView.of(session, own)), nextCursor: null };
  }

  @Delete(':id/sessions')
  @Operation(204, undefined, {
    summary: 'Sign somebody out, everywhere',
    description: `${SCOPE} At once, for the calls of Otpost; other services take an access token until it runs out.`,
  })
  @Problems('account_not_found')
  async signOut(@Param('id', AccountIdPipe) id: string, @By() by: Doer): Promise<void> {
    if (!(await this.records.signOut(id, by))) throw new Problem('account_not_found');
  }
}
