import { BOUNDS } from '../../domain/bounds.js';

/** As much of a text from outside as a message shows. */
export function excerpt(text: string): string {
  return text.length > BOUNDS.excerptCharacters
    ? `${text.slice(0, BOUNDS.excerptCharacters)}… (${text.length} characters)`
    : text;
}
