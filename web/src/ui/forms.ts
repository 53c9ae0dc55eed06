/** What somebody wrote into a field, without blanks around it; undefined where that is nothing. */
export function written(form: FormData, name: string): string | undefined {
  const value = form.get(name);
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}
