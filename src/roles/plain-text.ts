/**
 * Text as a terminal may have it: what names and messages from outside hold of control characters
 * (C0 and C1, and those that turn the direction of writing) is shown as `\x1b`, and does nothing.
 * Line feeds stay: our own messages have several lines.
 * @see ECMA-48, section 5; Unicode Standard Annex 9
 */
export function plainText(text: string): string {
  return text.replace(CONTROLS, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

const CONTROLS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** Plain, with further lines set in, so that no foreign text can pass for a line of its own. */
export function plainParagraph(text: string): string {
  return plainText(text).replaceAll('\n', '\n   ');
}
