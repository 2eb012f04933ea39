import assert from 'node:assert/strict';
import type { JsonValue } from '../domain/plan.js';

/**
 * Canonical JSON as TUF signs it: members in order, nothing between tokens, only `"` and `\` escaped,
 * whole numbers alone. The same text as @tufjs/canonical-json, which the models sign and check with,
 * in a tenth of its time: a bundle of a hundred thousand entries is seventy megabytes of it.
 * @throws AssertionError for a number that is no whole one.
 * @see http://wiki.laptop.org/go/Canonical_JSON
 */
export function canonicalText(value: JsonValue): string {
  return orderedText(value, canonicalString);
}

/**
 * The same order and spacing, in the escapes of JSON: what any JSON parser reads. It differs from the
 * canonical text only where a string holds control characters or half a surrogate pair.
 */
export function orderedJson(value: JsonValue): string {
  return orderedText(value, jsonString);
}

function orderedText(value: JsonValue, encode: (text: string) => string): string {
  if (typeof value === 'string') return encode(value);
  if (typeof value === 'number') {
    assert.ok(Number.isInteger(value), `cannot encode ${value}`);
    return JSON.stringify(value);
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  let text = '';
  if (Array.isArray(value)) {
    for (const item of value) text += (text === '' ? '' : ',') + orderedText(item, encode);
    return `[${text}]`;
  }
  for (const name of Object.keys(value).sort()) {
    const member = value[name];
    if (member === undefined) continue;
    text += `${text === '' ? '' : ','}${encode(name)}:${orderedText(member, encode)}`;
  }
  return `{${text}}`;
}

function canonicalString(text: string): string {
  const isPlain = !text.includes('\\') && !text.includes('"');
  return `"${isPlain ? text : text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function jsonString(text: string): string {
  return /["\\\u0000-\u001f\ud800-\udfff]/.test(text) ? JSON.stringify(text) : `"${text}"`;
}
