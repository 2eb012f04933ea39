import { licenceName } from '../../domain/licence.js';
import type { JsonObject, JsonValue } from '../../domain/plan.js';
import { isObject, list } from './json.js';

/** The licence that a package.json names: `license`, or the older forms with objects and lists. */
export function licenceOfPackage({ license, licenses }: JsonObject): string | undefined {
  const written = licenceName(nameOf(license));
  if (written !== undefined) return written;
  const names = list(Array.isArray(license) ? license : licenses).flatMap((one) => {
    return licenceName(nameOf(one)) ?? [];
  });
  return licenceName([...new Set(names)].join(' OR '));
}

function nameOf(value: JsonValue | undefined): JsonValue | undefined {
  return isObject(value) ? value['type'] : value;
}
