import { type DynamicModule, Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { fileErrorCode, StartupError } from '../core/startup-error.js';
import type { Configuration, GivenEnvironment } from './read-settings.js';
import { Settings } from './settings.js';

/** Gives the whole application {@link Settings}. */
@Module({})
export class SettingsModule {}

export interface LoadedSettings {
  settings: Settings;
  /** For the log, once there is one. */
  warnings: string[];
  module: DynamicModule;
}

/**
 * Reads the environment, and `.env` in the working directory for what the environment does not name
 * (a variable that is set to nothing is named: it hides the one in the file).
 * @throws ConfigurationError for wrong settings; StartupError when the file cannot be read.
 */
export async function loadSettings(
  configuration: Configuration,
  env: GivenEnvironment = process.env,
  envFilePath = '.env',
): Promise<LoadedSettings> {
  let loaded: ReturnType<Configuration['read']> | undefined;
  const validate = (file: Record<string, string>): Record<string, never> => {
    loaded = configuration.read({ ...file, ...env });
    // ConfigModule writes what it is given here into process.env, and with it the secrets of .env would be inherited
    // by every child process. Settings is the only way to them.
    return {};
  };
  const configModule = await configModuleWith(validate, envFilePath);
  if (!loaded) throw new Error('ConfigModule did not validate the environment.');
  return { ...loaded, module: settingsModule(loaded.settings, [configModule]) };
}

/** The module for settings that are already there, as in tests. */
export function settingsModule(settings: Settings, imports: DynamicModule[] = []): DynamicModule {
  return {
    module: SettingsModule,
    global: true,
    imports,
    providers: [{ provide: Settings, useValue: settings }],
    exports: [Settings],
  };
}

async function configModuleWith(
  validate: (file: Record<string, string>) => Record<string, never>,
  envFilePath: string,
): Promise<DynamicModule> {
  try {
    return await ConfigModule.forRoot({
      isGlobal: true,
      cache: true,
      validate,
      envFilePath,
      // `validate` gets the file alone and puts the environment over it, so that a test can pass its own.
      validatePredefined: false,
      // ConfigService would read process.env past the validation.
      skipProcessEnv: true,
    });
  } catch (error) {
    const code = fileErrorCode(error);
    if (code === undefined) throw error;
    throw new StartupError(
      `${envFilePath} cannot be read (${code}).`,
      'Make it a file that this user can read, or remove it and set the variables in the environment.',
      { cause: error },
    );
  }
}
