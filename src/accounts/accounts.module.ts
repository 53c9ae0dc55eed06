import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { PageWriter } from '../http/pages/page-frame.js';
import { MailModule } from '../mail/mail.module.js';
import { OtpModule } from '../otp/otp.module.js';
import { AccountRecords, Administrators } from './administration/administrators.js';
import { Setup, SetupTokens } from './administration/setup.js';
import { AccountsController, JwksController, CodesController } from './api/accounts.controller.js';
import { AccountsAdminController } from './api/administration.controller.js';
import { EmailController, MeController, PhoneController } from './api/me.controller.js';
import { SessionsController } from './api/sessions.controller.js';
import { CodeCopies } from './codes/code-copies.js';
import { CodeRequests } from './codes/code-requests.js';
import { CodeRedemption } from './codes/code-redemption.js';
import { CodeFinishing } from './codes/finishing.js';
import { AccountsMaintenance } from './maintenance.js';
import { EmailChanges } from './me/email-changes.js';
import { OwnAccount } from './me/own-account.js';
import { OwnChanges } from './me/own-changes.js';
import { OwnPassword } from './me/own-password.js';
import { PhoneChanges } from './me/phone-changes.js';
import { Proofs } from './me/proofs.js';
import { Notices } from './notices/notices.js';
import { AccountPageController } from './pages/account-page.controller.js';
import { CodeController } from './pages/code.controller.js';
import { LinkController } from './pages/link.controller.js';
import { NotMeController } from './pages/not-me.controller.js';
import { OwnAccountController } from './pages/own-account.controller.js';
import { PageCodes } from './pages/page-codes.js';
import { PageCookies, PageSignIn } from './pages/page-cookies.js';
import { SetupController } from './pages/setup.controller.js';
import { SignInController } from './pages/sign-in.controller.js';
import { UndoController } from './pages/undo.controller.js';
import { PasswordChanges, PasswordSignIn } from './passwords/password-sign-in.js';
import { Passwords, PasswordTries } from './passwords/passwords.js';
import { SessionHolders } from './sessions/bearer.guard.js';
import { OwnSessions } from './sessions/own-sessions.js';
import { KnownDevices, RequestedMailLimit } from './sessions/known-devices.js';
import { RefreshTokens } from './sessions/refresh-tokens.js';
import { Sessions } from './sessions/sessions.js';
import { AccessTokens } from './tokens/access-tokens.js';
import { SigningKeyRecords, SigningKeyRotation, SigningKeys } from './tokens/signing-keys.js';

@Module({
  imports: [AccessModule, OtpModule, MailModule],
  exports: [AccessTokens, PageCookies, PageSignIn, PageWriter, Passwords, Sessions],
  controllers: [
    AccountsController,
    AccountsAdminController,
    SetupController,
    CodesController,
    MeController,
    EmailController,
    PhoneController,
    SessionsController,
    JwksController,
    LinkController,
    NotMeController,
    UndoController,
    AccountPageController,
    SignInController,
    CodeController,
    OwnAccountController,
  ],
  providers: [
    AccessTokens,
    AccountRecords,
    Administrators,
    Setup,
    SetupTokens,
    AccountsMaintenance,
    CodeCopies,
    CodeRequests,
    CodeFinishing,
    CodeRedemption,
    EmailChanges,
    KnownDevices,
    Notices,
    OwnAccount,
    OwnChanges,
    OwnPassword,
    OwnSessions,
    PageCodes,
    PageCookies,
    PageSignIn,
    PageWriter,
    PasswordChanges,
    PasswordSignIn,
    PasswordTries,
    Passwords,
    PhoneChanges,
    Proofs,
    RefreshTokens,
    RequestedMailLimit,
    SessionHolders,
    Sessions,
    SigningKeyRecords,
    SigningKeyRotation,
    SigningKeys,
  ],
})
export class AccountsModule {}
