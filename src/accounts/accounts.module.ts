import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { MailModule } from '../mail/mail.module.js';
import { OtpModule } from '../otp/otp.module.js';
import { AccessTokens } from './tokens/access-tokens.js';
import { AccountRecords } from './administration/account-records.js';
import { AccountsAdminController } from './administration/accounts-admin.controller.js';
import { AccountsController } from './accounts.controller.js';
import { Administrators } from './administration/administrators.js';
import { JwksController } from './tokens/jwks.controller.js';
import { CodeRequests } from './code-requests.js';
import { Confirmations } from './confirmations.js';
import { EmailController } from './me/email.controller.js';
import { EmailChanges } from './me/email-changes.js';
import { AccountsMaintenance } from './maintenance.js';
import { MeController } from './me/me.controller.js';
import { Notices } from './notices/notices.js';
import { OwnAccount } from './me/own-account.js';
import { OwnSessions } from './sessions/own-sessions.js';
import { AccountPageController } from './pages/account-page.controller.js';
import { LinkController } from './pages/link.controller.js';
import { NotMeController } from './pages/not-me.controller.js';
import { PageCookies } from './pages/page-cookies.js';
import { PageSignIn } from './pages/page-sign-in.js';
import { PageWriter } from './pages/page-writer.js';
import { SignInController } from './pages/sign-in.controller.js';
import { UndoController } from './pages/undo.controller.js';
import { PasswordChanges } from './password-changes.js';
import { OwnPassword } from './passwords/own-password.js';
import { PasswordSignIn } from './passwords/password-sign-in.js';
import { PasswordTries } from './passwords/password-tries.js';
import { Passwords } from './passwords/passwords.js';
import { Proofs } from './me/proofs.js';
import { Registration } from './registration.js';
import { SessionHolders } from './sessions/session-holder.js';
import { Sessions } from './sessions/sessions.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { SigningKeyRecords } from './tokens/signing-key-records.js';
import { SigningKeyRotation } from './tokens/signing-key-rotation.js';
import { Setup } from './administration/setup.js';
import { SetupController } from './administration/setup.controller.js';
import { SetupTokens } from './administration/setup-tokens.js';
import { SigningKeys } from './tokens/signing-keys.js';
import { Verification } from './verification.js';
import { VerificationController } from './verification.controller.js';

@Module({
  imports: [AccessModule, OtpModule, MailModule],
  exports: [AccessTokens, Passwords, Sessions],
  controllers: [AccountsController, AccountsAdminController, SetupController, VerificationController, MeController, EmailController, SessionsController, JwksController, LinkController, NotMeController, UndoController, AccountPageController, SignInController],
  providers: [AccessTokens, AccountRecords, Administrators, Setup, SetupTokens, AccountsMaintenance, CodeRequests, Confirmations, EmailChanges, Notices, OwnAccount, OwnPassword, OwnSessions, PageCookies, PageSignIn, PageWriter, PasswordChanges, PasswordSignIn, PasswordTries, Passwords, Proofs, Registration, SessionHolders, Sessions, SigningKeyRecords, SigningKeyRotation, SigningKeys, Verification],
})
export class AccountsModule {}
