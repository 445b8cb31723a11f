/** x */
export function importSendmailCf(_text: string, _name: string): string {
  return '';
}
