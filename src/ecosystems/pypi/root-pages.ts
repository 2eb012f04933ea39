import type { HeldView } from '../../ports/ecosystem.js';
import { rootHtml, rootJson } from './simple-pages.js';

export interface RootPage {
  html: Buffer;
  json: Buffer;
}

/** The pages of all projects' names, of each view as it was last: they are megabytes where there are many. */
export class RootPages {
  readonly #kept = new WeakMap<HeldView, { generation: string; page: RootPage }>();

  of(view: HeldView): RootPage {
    const generation = view.generation?.();
    const kept = this.#kept.get(view);
    if (kept !== undefined && kept.generation === generation) return kept.page;
    const names = [...view.names('pypi')];
    const page = { html: Buffer.from(rootHtml(names)), json: Buffer.from(rootJson(names)) };
    // A view that does not say when it changes is read anew each time.
    if (generation !== undefined) this.#kept.set(view, { generation, page });
    return page;
  }
}
