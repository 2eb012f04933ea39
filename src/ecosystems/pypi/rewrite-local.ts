import type { InputFile } from '../../ports/ecosystem.js';
import { rewritePypiInput } from './rewrite-input.js';

/** What a line names by a path of its own: beside a copy it would not be there. */
const BESIDE =
  /^\s*(?:-r|-c|-e|--requirement|--constraint|--editable|[^\s#@:]*\/|\S+\.(?:whl|gz|zip)\s*$|[^\s#@]+\s*@\s*file:)/m;

/**
 * The text of a requirements file that no bundle was made from, its own indexes replaced by the
 * gateway; undefined where it names none, or where a copy in another place would not be the same.
 */
export function rewriteLocalFile(file: InputFile, gateway: string): string | undefined {
  if (/\.(?:toml|lock|json)$/.test(file.path) || BESIDE.test(file.text)) return undefined;
  return rewritePypiInput(file, { gateway, env: {} })?.text;
}
