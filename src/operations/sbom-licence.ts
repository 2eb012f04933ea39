import parse from 'spdx-expression-parse';

/** Whether a licence text is an SPDX expression of listed identifiers. */
export function isSpdxExpression(text: string): boolean {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}
