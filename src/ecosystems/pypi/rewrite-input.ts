import type { InputFile } from '../../ports/ecosystem.js';
import { parseFilename } from './filename.js';
import { nestedPlace } from './nested-file.js';
import { expandVariables } from './requirements-line.js';

export interface RewriteRequest {
  gateway: string;
  /** Where the copy of a fetched file lies beside this one's, by its whole address. */
  besideOf?: ((address: string) => string | undefined) | undefined;
  /** As the file was read with. */
  env: Readonly<Record<string, string | undefined>>;
}

/**
 * The copy of a requirements file that points at a gateway: index options, addresses of files and what
 * names a fetched file are replaced in their places, everything else stays as it was. Undefined where
 * nothing needs it.
 */
export function rewritePypiInput(file: InputFile, request: RewriteRequest): InputFile | undefined {
  const isToml = file.path.endsWith('.toml');
  const index = `${request.gateway}/pypi/simple/`;
  const text = isToml ? rewriteToml(file.text) : rewriteLines(rewriteNested(file, request), index);
  return text === file.text ? undefined : { path: file.path, text };
}

/** `-r ADDRESS`, its parts also on lines that a backslash joins. */
const NESTED =
  /(?<=^|[\s"'])(-[rc]|--(?:requirement|constraint))((?:[=\s]|\\\r?\n)*)("[^"\n]*"|'[^'\n]*'|[^\s"'\\]+)/gm;

/** What names a fetched file names its copy instead. */
function rewriteNested(file: InputFile, { besideOf, env }: RewriteRequest): string {
  if (besideOf === undefined) return file.text;
  const known = file.address === undefined ? env : {};
  return file.text.replace(NESTED, (whole, option: string, between: string, written: string) => {
    const named = expandVariables(written.replaceAll(/["']/g, ''), known);
    const place = nestedPlace(named, file, '');
    const copy = 'address' in place ? besideOf(place.address) : undefined;
    return copy === undefined ? whole : `${option}${between || ' '}${copy}`;
  });
}

function rewriteLines(text: string, index: string): string {
  let isIndexNamed = false;
  const lines = text.split(/(?<=\n)/).map((line) => {
    if (/^\s*(?:-i|--index-url|--pypi-url)(?:[\s=]|(?=https?:))/.test(line)) {
      if (isIndexNamed) return emptied(line);
      isIndexNamed = true;
      return line.replace(/^\s*(?:-i|--index-url|--pypi-url)[\s=]*\S+/, `--index-url ${index}`);
    }
    if (
      /^\s*(?:--extra-index-url|--find-links|-f|--no-index|--trusted-host)(?:[\s=]|$)/.test(line)
    ) {
      return emptied(line);
    }
    return rewriteAddress(line);
  });
  return lines.join('');
}

/** A line taken out keeps its place, so that line numbers stay those of the original. */
function emptied(line: string): string {
  return /\r?\n$/.exec(line)?.[0] ?? '';
}

const ADDRESS = /(^\s*|@\s*)((?:https?|file):\/\/\S+?)(?=\s|$)/;

/** `name @ https://…/name-1.0-….whl` becomes `name==1.0`, which the gateway's index has. */
function rewriteAddress(line: string): string {
  if (/^\s*#/.test(line)) return line;
  const match = ADDRESS.exec(line);
  const address = match?.[2];
  if (match === null || address === undefined || !URL.canParse(address)) return line;
  const { pathname } = new URL(address);
  let segment: string;
  try {
    segment = decodeURIComponent(pathname.slice(pathname.lastIndexOf('/') + 1));
  } catch (thrown) {
    if (thrown instanceof URIError) return line;
    throw thrown;
  }
  const parsed = parseFilename(segment);
  if (parsed === undefined) return line;
  const before = line
    .slice(0, match.index + (match[1]?.length ?? 0))
    .replace(/\s*@\s*$/, '')
    .trim();
  const rest = line.slice(match.index + match[0].length);
  return `${before === '' ? parsed.name : before}==${parsed.version.text}${rest}`;
}

/** In TOML, dependencies by address stand in quotes. */
function rewriteToml(text: string): string {
  return text.replace(
    /(["'])([A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?\s*@\s*(?:https?|file):\/\/[^"']+)\1/g,
    (whole, quote: string, requirement: string) => {
      const rewritten = rewriteAddress(requirement);
      return rewritten === requirement ? whole : quote + rewritten + quote;
    },
  );
}
