/**
 * The code of a failed file operation, such as EACCES; undefined for any other error.
 * It looks at the shape, not the class: code that runs in a VM context has an `Error` of its own.
 */
export function fileErrorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('syscall' in error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
